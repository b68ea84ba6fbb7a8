#pragma once

#include "pods/openai_error.hpp"
#include <rwp/core/error.hpp>
#include <rwp/core/json_text.hpp>
#include <rwp/core/json_view.hpp>
#include <rwp/net/sse.hpp>

#include <cstddef>
#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace rwp::pods {

/// A chat's answer as a response of POST /v1/responses, piece by piece or at once.
///
/// Takes the chat's events as they come and tells those of the response; owns no socket.
/// Threads: one at a time.
class ResponseTranslation {
 public:
  /// `echo`: members of the request that the response repeats.
  explicit ResponseTranslation(std::map<std::string, JsonText> echo);

  /// Of an answer that is not streamed. `Errc::corrupt`: it is none.
  Result<JsonText> whole(std::string completion);

  /// The response's events for some of the chat's; a comment stays one. `Errc::corrupt`: an event
  /// that is none, or no end after the last of them.
  Result<std::string> feed(std::string_view bytes);
  /// Whether the response has its last event.
  bool has_ended() const noexcept { return ended_; }

 private:
  /// A part of a message, or a call: what the answer consists of.
  struct Part {
    bool is_refusal = false;
    std::string text{};
    /// Log probabilities, each an element of the array.
    std::vector<JsonText> logprobs{};
  };
  struct Item {
    bool is_call = false;
    std::string id{};
    std::vector<Part> parts{};
    std::string call_id{};
    std::string name{};
    std::string arguments{};
    bool done = false;
  };

  void take_head(JsonView chunk);
  void take_usage(JsonView chunk);
  std::string take_chunk(JsonView chunk);
  std::string take_delta(JsonView delta, const std::vector<JsonText>& logprobs);
  std::string take_text(bool is_refusal, std::string_view text,
                        const std::vector<JsonText>& logprobs);
  std::string take_call(JsonView call);
  std::string begin();
  std::string end();
  std::string end_item(std::size_t index);
  std::string fail(JsonView error);
  std::string new_item_id(const char* prefix) const;
  /// The message that is being written.
  std::size_t message();

  class Event;
  JsonText response(std::string_view status) const;
  std::string_view end_status() const;
  static JsonText item_json(const Item& item, std::string_view status);

  const std::map<std::string, JsonText> echo_;
  std::string id_;
  std::int64_t created_ = 0;
  std::string model_;
  std::string tier_;
  std::string finish_;
  std::optional<JsonText> usage_;
  std::vector<Item> items_;
  std::optional<std::size_t> message_;
  /// Items by the chat's index of the call.
  std::map<std::int64_t, std::size_t> calls_;
  /// One event may hold all arguments of a call.
  net::SseParser parser_{net::SseLimits{.max_line_bytes = std::size_t{16} << 20U,
                                        .max_event_bytes = std::size_t{16} << 20U}};
  std::int64_t sequence_ = 0;
  bool begun_ = false;
  bool ended_ = false;
};

}  // namespace rwp::pods
