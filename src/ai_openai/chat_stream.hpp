#pragma once

#include "ai_openai/member_sum.hpp"
#include "ai_openai/reply_json.hpp"
#include <rwp/ai/model.hpp>

#include <cstddef>
#include <optional>
#include <string>
#include <string_view>

namespace rwp::ai_openai {

/// Puts a streamed chat completion together from its events. Owns no socket and no clock.
class ChatStream {
 public:
  explicit ChatStream(std::size_t max_content_bytes) : max_content_bytes_(max_content_bytes) {}

  /// Takes one event; answers the piece of content that it brings, often empty.
  Read<std::string> take(std::string_view event_name, std::string data);
  /// `[DONE]` has come: what follows does not count.
  bool done() const noexcept { return done_; }
  /// The reply, once the events have ended; without an end mark the stream was cut.
  Read<ai::ChatReply> finish();
  /// Whether the server told the usage.
  bool has_usage() const noexcept { return usage_.has_value(); }

 private:
  Read<std::string> take_choice(JsonView choice);
  Read<std::string> take_calls(JsonView delta);

  const std::size_t max_content_bytes_;
  ai::ChatReply reply_;
  AnswerExtras extras_{true};
  std::size_t call_bytes_ = 0;
  std::optional<ai::FinishReason> finish_reason_;
  std::optional<ai::TokenUsage> usage_;
  bool refused_ = false;
  bool done_ = false;
};

}  // namespace rwp::ai_openai
