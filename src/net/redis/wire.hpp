#pragma once

#include "net/redis/command.hpp"
#include "net/redis/reply_reader.hpp"
#include "net/redis/stream.hpp"

#include <array>
#include <cstddef>
#include <memory>
#include <optional>
#include <string_view>
#include <vector>

namespace rwp::net_redis {

/// Commands and answers over one stream. At most one read and one write at once.
class Wire {
 public:
  explicit Wire(std::unique_ptr<Stream> stream, ReplyBounds bounds = ReplyBounds());

  boost::asio::awaitable<Result<void>> write(std::string_view bytes);
  /// The next answer of what has come.
  Result<std::optional<Reply>> next() { return reader_.next(); }
  /// Waits until more has come.
  boost::asio::awaitable<Result<void>> fill();
  /// Sends the commands at once and gathers an answer for each, an error answer too.
  boost::asio::awaitable<Result<std::vector<Reply>>> ask(std::vector<Command> commands);
  void close() noexcept { stream_->close(); }

 private:
  static constexpr std::size_t kReadBytes = std::size_t{16} << 10U;

  const std::unique_ptr<Stream> stream_;
  ReplyReader reader_;
  std::array<char, kReadBytes> buffer_{};
};

}  // namespace rwp::net_redis
