#include "net/redis/wire.hpp"

#include <utility>

namespace rwp::net_redis {

Wire::Wire(std::unique_ptr<Stream> stream, ReplyBounds bounds)
    : stream_(std::move(stream)), reader_(bounds) {}

boost::asio::awaitable<Result<void>> Wire::write(std::string_view bytes) {
  return stream_->write(bytes);
}

boost::asio::awaitable<Result<void>> Wire::fill() {
  const auto taken = co_await stream_->read_some(buffer_.data(), buffer_.size());
  if (!taken) co_return taken.error();
  reader_.feed(std::string_view(buffer_.data(), *taken));
  co_return Result<void>();
}

boost::asio::awaitable<Result<std::vector<Reply>>> Wire::ask(std::vector<Command> commands) {
  std::string bytes;
  for (const Command& each : commands) each.encode_to(bytes);
  auto writing = write(bytes);
  const auto written = co_await std::move(writing);
  if (!written) co_return written.error();
  std::vector<Reply> replies;
  while (replies.size() < commands.size()) {
    auto reply = next();
    if (!reply) co_return reply.error();
    if (*reply) {
      replies.push_back(std::move(**reply));
      continue;
    }
    auto filling = fill();
    const auto filled = co_await std::move(filling);
    if (!filled) co_return filled.error();
  }
  co_return replies;
}

}  // namespace rwp::net_redis
