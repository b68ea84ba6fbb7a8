#pragma once

#include "server/head_scanner.hpp"
#include "server/request_head.hpp"
#include "server/shard.hpp"
#include "server/stream.hpp"

#include <cstddef>
#include <cstdint>
#include <list>
#include <memory>
#include <string_view>
#include <vector>

namespace rwp::server {

/// Why a handler was asked to stop.
enum class Stop : std::uint8_t { none, timed_out, client_gone, shutdown };

/// One connection: its bytes in and out, and its deadline. Exchange answers the requests.
///
/// Threads: confined to its shard's.
class Connection final : public std::enable_shared_from_this<Connection> {
 public:
  using Place = std::list<std::shared_ptr<Connection>>::iterator;

  Connection(std::shared_ptr<Shard> shard, std::unique_ptr<Stream> stream);

  /// `place` is its own in the shard's list.
  void start(Place place);
  Place place() const noexcept { return place_; }
  bool is_due(SteadyTime now) const noexcept;
  /// Looks at the deadline, and whether the client is there while a handler runs.
  void tick(SteadyTime now);
  /// Closes it unless a request is being read or answered, or has come.
  void close_if_idle();
  /// Ends it so that the client cannot take what it got for all.
  void reset();
  /// Ends it, whatever it does.
  void cut();

  // For the exchange of one request.

  Shard& shard() noexcept { return *shard_; }
  const std::string& peer_address() const noexcept { return peer_address_; }
  bool gone() const noexcept { return gone_; }
  /// Whether the last read ended for the deadline.
  bool timed_out() const noexcept { return timed_out_; }
  Stop stop() const noexcept { return stop_; }

  /// What has been read and not consumed.
  std::string_view input() const noexcept;
  void consume(std::size_t size) noexcept { begin_ += size; }
  /// Reads more into input(); false: the client has closed, or the deadline has passed.
  boost::asio::awaitable<bool> fill();
  /// Reads into `data`, past input(), which must be empty; 0: as fill()'s false.
  boost::asio::awaitable<std::size_t> read_into(char* data, std::size_t size);
  /// Sends what the system takes at once and removes it from the front; whether that was all.
  bool send_at_once(std::string_view& first, std::string_view& second);
  /// Sends both; false: the client is gone or too slow. Large ones go in pieces, each with its
  /// time.
  boost::asio::awaitable<bool> send(std::string_view first, std::string_view second);

  /// From here a read must end by `deadline`.
  void expect_input(SteadyTime deadline) noexcept;
  /// A handler runs, to `deadline`; then, or when the client goes, it is cancelled.
  void enter_handler(SteadyTime deadline) noexcept;
  /// The handler goes on after it has read its request's body.
  void resume_handler() noexcept;
  /// The handler may go on for as long as it likes: its answer has begun.
  void lift_deadline() noexcept { deadline_ = handler_deadline_ = SteadyTime::max(); }
  /// The end of that; whether it was cancelled, and so the coroutine's state is to be reset.
  bool leave_handler() noexcept;

 private:
  enum class Phase : std::uint8_t { idle, input, output, handler, farewell };

  boost::asio::awaitable<void> run();
  /// The header of the PROXY protocol, where one must come first; false: it is none.
  boost::asio::awaitable<bool> read_proxied();
  /// Whether a whole head stands in input().
  boost::asio::awaitable<HeadScanner::State> read_head();
  boost::asio::awaitable<void> say_farewell();
  boost::asio::awaitable<void> wait_for_background_read();
  void watch_client();
  void stop_handler(Stop reason);
  std::size_t make_room();

  std::shared_ptr<Shard> shard_;
  std::unique_ptr<Stream> stream_;
  Canceller canceller_;
  Place place_{};
  std::string peer_address_;
  HeadScanner scanner_;
  std::vector<char> buffer_;
  std::size_t begin_ = 0;
  std::size_t end_ = 0;
  SteadyTime deadline_ = SteadyTime::max();
  SteadyTime handler_deadline_ = SteadyTime::max();
  Phase phase_ = Phase::idle;
  Stop stop_ = Stop::none;
  bool is_new_ = true;
  bool in_handler_ = false;
  bool timed_out_ = false;
  bool gone_ = false;
  bool reads_in_background_ = false;
  Signal background_read_;
};

}  // namespace rwp::server
