#pragma once

#include <rwp/core/json_text.hpp>

#include <cstdint>
#include <string>

namespace rwp::ai {

/// Which of the protocol's calls a WireCall is.
enum class WireApi : std::uint8_t { chat_completions, responses };

/// A call as its caller wrote it in OpenAI's protocol, for a model that speaks it: the request goes
/// on as it came, with all that is not known here, and so do the answer's bytes.
///
/// A model that speaks it hands out a stream's events as they came, in whole events and without
/// comments, where it would hand out text, and leaves an answer's body in ChatReply::wire. Others
/// answer `Errc::unsupported` when `only_so`. Decorators that look into texts (make_redacted(),
/// make_validated()) do not see into it: leave it out where they stand.
struct WireCall {
  WireApi api = WireApi::chat_completions;
  /// An object. Its model and its output limit are the request's own where those differ.
  JsonText body{};
  /// The model that the body names.
  std::string model{};
  bool streamed = false;
  /// Whether the body bounds its output, and has `stream_options`.
  bool bounds_output = false;
  bool has_stream_options = false;
  /// A limit of the output stands in the body as null.
  bool has_null_bound = false;
  /// The caller asked for a stream's usage event; else it is taken out of what is handed on.
  bool wants_usage = false;
  /// Answers that are asked for at once (`n`), each with the output's limit.
  std::int64_t choices = 1;
  /// The tier of service that the body asks for; empty: none.
  std::string service_tier{};
  /// Of what stands in no message: pictures, sound, files.
  std::int64_t other_input_tokens = 0;
  std::int64_t other_input_tokens_at_most = 0;
  /// The request's other members (messages, …) do not say all that the body says.
  bool only_so = false;

  /// What the service said when it refused the call for what stands in it; status 0: it did not.
  struct Refusal {
    int status = 0;
    std::string body{};
  };
  /// Written by the model.
  Refusal refusal{};
};

/// The body in one canonical form, without what changes no answer (user, metadata, stream, …) and
/// without the model: for keys.
std::string canonical_wire(const WireCall& call);

}  // namespace rwp::ai
