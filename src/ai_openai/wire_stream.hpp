#pragma once

#include "ai_openai/chat_stream.hpp"
#include <rwp/ai/model.hpp>
#include <rwp/net/sse.hpp>

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace rwp::ai_openai {

/// Cuts a text/event-stream into its events, as they came. Owns no socket and no clock.
class EventBlocks {
 public:
  explicit EventBlocks(std::size_t max_bytes) : max_bytes_(max_bytes) {}

  /// The blocks that these bytes complete, each with the blank line that ends it. False: a block is
  /// larger than the limit.
  bool feed(std::string_view bytes, std::vector<std::string>& blocks);
  /// What has come of a block that has not ended.
  std::string take_rest();

 private:
  const std::size_t max_bytes_;
  std::string pending_;
  /// Up to here no block ends.
  std::size_t looked_ = 0;
};

/// Reads a streamed answer on the side, and says what of it is handed on.
class WireStream {
 public:
  /// `max_bytes`: of an event, and of the text; of all events four times that.
  WireStream(ai::WireApi api, bool wants_usage, std::size_t max_bytes)
      : api_(api),
        wants_usage_(wants_usage),
        left_bytes_(4 * max_bytes),
        blocks_(max_bytes),
        chat_(max_bytes) {}

  struct Taken {
    /// Whole events, as they came; without those that are not for the caller.
    std::string bytes{};
    /// About what they bring.
    std::int64_t tokens = 0;
    std::optional<Wrong> wrong{};
  };

  /// Takes what has come; what stands before a wrong event is good.
  Taken take(std::string_view bytes);
  /// The stream has ended by itself: what a last block without a blank line brings.
  Taken take_end();
  bool done() const noexcept { return done_; }
  Read<ai::ChatReply> finish();

 private:
  void take_block(std::string block, Taken& taken);
  Read<std::string> take_response_event(const net::SseEvent& event);

  const ai::WireApi api_;
  const bool wants_usage_;
  /// That may still come: whoever shares a stream holds it whole.
  std::size_t left_bytes_;
  EventBlocks blocks_;
  net::SseParser parser_;
  /// Of chat completions.
  ChatStream chat_;
  /// Of responses: what their events told.
  std::optional<ai::ChatReply> response_;
  bool done_ = false;
};

/// The body of a response (POST /responses), as far as it is needed to account for it.
Read<ai::ChatReply> read_response(std::string body);

}  // namespace rwp::ai_openai
