#pragma once

#include "net/redis/reply.hpp"
#include <rwp/core/error.hpp>

#include <cstddef>
#include <memory>
#include <optional>
#include <string_view>

namespace rwp::net_redis {

/// What an answer may be; a server that sends more is not believed. Arrays nest 7 deep at most.
struct ReplyBounds {
  /// One text.
  std::size_t max_text_bytes = std::size_t{64} << 20U;
  /// All texts of one answer.
  std::size_t max_reply_bytes = std::size_t{128} << 20U;
  /// All parts of one answer, nested ones too.
  std::size_t max_items = 262'144;
};

/// Makes answers of bytes as they come; hiredis' reader within bounds of our own.
class ReplyReader {
 public:
  explicit ReplyReader(ReplyBounds bounds = ReplyBounds());
  ~ReplyReader();
  ReplyReader(const ReplyReader&) = delete;
  ReplyReader& operator=(const ReplyReader&) = delete;

  void feed(std::string_view bytes);

  /// The next whole answer, if there is one. `Errc::corrupt`: what came is no RESP or is beyond the
  /// bounds; so is all that follows.
  Result<std::optional<Reply>> next();

 private:
  struct State;
  std::unique_ptr<State> state_;
};

}  // namespace rwp::net_redis
