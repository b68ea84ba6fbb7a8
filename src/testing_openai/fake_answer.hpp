#pragma once

#include <rwp/ai/model.hpp>
#include <rwp/server/message.hpp>
#include <rwp/testing/fake_openai.hpp>

#include <functional>
#include <memory>
#include <string>
#include <vector>

namespace rwp::testing {

/// A chat completion to be sent.
struct ChatAnswer {
  ai::ChatReply reply{};
  /// The model that was asked for.
  std::string model{};
  bool stream = false;
  bool include_usage = false;
  /// Whether tokens' probabilities were asked for; all are as likely as can be.
  bool logprobs = false;
};

/// Makes the answer what the fault says of a model: refusal, length, content_filter, misfit.
void spoil_reply(ai::ChatReply& reply, Fault fault);

/// The whole body of a completion.
std::string completion_json(const ChatAnswer& answer);
/// The events of a streamed one, each with its blank line; the last is `[DONE]`.
std::vector<std::string> completion_events(const ChatAnswer& answer);

std::string embeddings_json(const ai::EmbedReply& reply, const std::string& model, bool base64);
std::string models_json(const std::vector<std::string>& models);

/// Called when a client has not waited for the end.
using OnAbandoned = std::function<void()>;

/// Sends the pieces of an answer, a stream's events or parts of a body, with the fault that the
/// step says: cut, stall, malformed, huge, error_event or empty; else all of them.
server::Response send_pieces(std::vector<std::string> pieces, bool event_stream, FakeStep step,
                             OnAbandoned on_abandoned);

}  // namespace rwp::testing
