#include "server/connection.hpp"

#include "server/exchange.hpp"
#include "server/proxy_header.hpp"

#include <algorithm>
#include <array>
#include <cstring>
#include <utility>

namespace rwp::server {
namespace {

using std::chrono::steady_clock;

constexpr std::size_t kFirstBuffer = std::size_t{4} << 10U;
/// A body comes through the buffer in pieces of up to this.
constexpr std::size_t kLeastFullBuffer = std::size_t{16} << 10U;
constexpr std::size_t kSendPiece = std::size_t{256} << 10U;
/// How long input is thrown away after the last answer, so that the client can read it: a socket
/// closed with input unread resets the connection, and takes the answer with it.
constexpr std::chrono::seconds kFarewell{2};
/// How long a connection that came as the server began to end may take to ask for something.
constexpr std::chrono::seconds kLateComer{1};

void remove_front(std::string_view& first, std::string_view& second, std::size_t size) {
  const std::size_t of_first = std::min(size, first.size());
  first.remove_prefix(of_first);
  second.remove_prefix(size - of_first);
}

}  // namespace

Connection::Connection(std::shared_ptr<Shard> shard, std::unique_ptr<Stream> stream)
    : shard_(std::move(shard)),
      stream_(std::move(stream)),
      peer_address_(stream_->peer_address()),
      scanner_(shard_->options().max_header_bytes) {}

void Connection::start(Place place) {
  place_ = place;
  deadline_ = steady_clock::now() + shard_->options().header_timeout;
  auto ended = [self = shared_from_this()](std::exception_ptr thrown) mutable {
    if (thrown) {
      self->shard_->telemetry().log().error("connection ended by an exception",
                                            {{"error", rwp::detail::from_exception(thrown)}});
    }
    self->stream_->close();
    const std::shared_ptr<Shard> shard = self->shard_;
    shard->remove(self);
  };
  canceller_.start(shard_->executor(), run(), std::move(ended));
}

std::string_view Connection::input() const noexcept {
  return std::string_view(buffer_.data() + begin_, end_ - begin_);
}

void Connection::expect_input(SteadyTime deadline) noexcept {
  phase_ = Phase::input;
  deadline_ = deadline;
  timed_out_ = false;
}

void Connection::enter_handler(SteadyTime deadline) noexcept {
  phase_ = Phase::handler;
  in_handler_ = true;
  deadline_ = deadline;
  handler_deadline_ = deadline;
  stop_ = Stop::none;
}

void Connection::resume_handler() noexcept {
  phase_ = Phase::handler;
  deadline_ = handler_deadline_;
}

bool Connection::leave_handler() noexcept {
  in_handler_ = false;
  phase_ = Phase::output;
  deadline_ = SteadyTime::max();
  return stop_ != Stop::none;
}

bool Connection::is_due(SteadyTime now) const noexcept {
  const bool unwatched = in_handler_ && !reads_in_background_ && !gone_ && phase_ != Phase::input;
  return unwatched || now >= deadline_;
}

void Connection::tick(SteadyTime now) {
  if (in_handler_ && !reads_in_background_ && !gone_ && phase_ != Phase::input) watch_client();
  if (now < deadline_) return;
  deadline_ = SteadyTime::max();
  switch (phase_) {
    case Phase::idle:
    case Phase::input:
      timed_out_ = true;
      stream_->cancel();
      break;
    case Phase::handler:
      stop_handler(Stop::timed_out);
      break;
    case Phase::output:
    case Phase::farewell:
      stream_->close();
      break;
  }
}

void Connection::close_if_idle() {
  // What has come and is not read yet would be lost, and its sender could not know.
  if (phase_ != Phase::idle || !input().empty() || stream_->has_input()) return;
  if (is_new_) {
    deadline_ = std::min(deadline_, steady_clock::now() + kLateComer);
    return;
  }
  gone_ = true;
  stream_->close();
}

void Connection::reset() {
  stream_->reset_on_close();
  cut();
}

void Connection::cut() {
  if (in_handler_) stop_handler(Stop::shutdown);
  gone_ = true;
  stream_->close();
}

void Connection::stop_handler(Stop reason) {
  if (stop_ != Stop::none) return;
  stop_ = reason;
  canceller_.cancel();
}

std::size_t Connection::make_room() {
  if (begin_ == end_) begin_ = end_ = 0;
  if (buffer_.empty()) buffer_.resize(std::min(kFirstBuffer, shard_->options().max_header_bytes));
  if (end_ == buffer_.size() && begin_ > 0) {
    std::memmove(buffer_.data(), buffer_.data() + begin_, end_ - begin_);
    end_ -= begin_;
    begin_ = 0;
  }
  const std::size_t most = std::max(kLeastFullBuffer, shard_->options().max_header_bytes);
  if (end_ == buffer_.size() && buffer_.size() < most) {
    buffer_.resize(std::min(buffer_.size() * 4, most));
  }
  return buffer_.size() - end_;
}

void Connection::watch_client() {
  // Only a read tells that the client has closed; what it reads is the next request's.
  const std::size_t room = make_room();
  if (room == 0) return;
  reads_in_background_ = true;
  stream_->read_in_background(buffer_.data() + end_, room,
                              [self = shared_from_this()](std::size_t taken) {
                                self->reads_in_background_ = false;
                                self->end_ += taken;
                                if (taken == 0 && !self->timed_out_) {
                                  self->gone_ = true;
                                  if (self->in_handler_) self->stop_handler(Stop::client_gone);
                                }
                                self->background_read_.notify_all();
                              });
}

boost::asio::awaitable<void> Connection::wait_for_background_read() {
  while (reads_in_background_) {
    co_await background_read_.wait_until(SteadyTime::max());
  }
}

boost::asio::awaitable<bool> Connection::fill() {
  if (reads_in_background_) {
    const std::size_t before = end_;
    co_await wait_for_background_read();
    if (end_ > before) co_return true;
  }
  if (gone_ || timed_out_) co_return false;
  const std::size_t room = make_room();
  if (room == 0) co_return false;
  const std::size_t taken = co_await stream_->read_some(buffer_.data() + end_, room);
  end_ += taken;
  gone_ = gone_ || (taken == 0 && !timed_out_);
  co_return taken > 0;
}

boost::asio::awaitable<std::size_t> Connection::read_into(char* data, std::size_t size) {
  if (reads_in_background_) {
    const bool more = co_await fill();
    if (!more) co_return 0;
    const std::size_t taken = std::min(size, input().size());
    std::memcpy(data, input().data(), taken);
    consume(taken);
    co_return taken;
  }
  if (gone_ || timed_out_) co_return 0;
  const std::size_t taken = co_await stream_->read_some(data, size);
  gone_ = gone_ || (taken == 0 && !timed_out_);
  co_return taken;
}

bool Connection::send_at_once(std::string_view& first, std::string_view& second) {
  if (gone_) return false;
  remove_front(first, second, stream_->write_now(first, second));
  return first.empty() && second.empty();
}

boost::asio::awaitable<bool> Connection::send(std::string_view first, std::string_view second) {
  if (send_at_once(first, second)) co_return true;
  if (gone_) co_return false;
  const Phase phase = phase_;
  const SteadyTime deadline = deadline_;
  phase_ = Phase::output;
  bool sent = true;
  while (sent && !(first.empty() && second.empty())) {
    deadline_ = steady_clock::now() + shard_->options().write_timeout;
    const std::string_view head = first.substr(0, kSendPiece);
    const std::string_view body = second.substr(0, kSendPiece - head.size());
    sent = co_await stream_->write(head, body);
    remove_front(first, second, head.size() + body.size());
  }
  phase_ = phase;
  deadline_ = deadline;
  if (!sent) gone_ = true;
  co_return sent;
}

boost::asio::awaitable<HeadScanner::State> Connection::read_head() {
  scanner_.reset();
  bool may_skip = true;
  while (true) {
    // One empty line before a request is read over (RFC 9112, section 2.2).
    if (may_skip && input().starts_with("\r\n")) {
      consume(2);
      may_skip = false;
    }
    if (phase_ == Phase::idle && !input().empty()) {
      expect_input(steady_clock::now() + shard_->options().header_timeout);
    }
    if (!input().empty() && !(may_skip && input() == "\r")) {
      may_skip = false;
      const auto state = scanner_.scan(input());
      if (state != HeadScanner::State::more) co_return state;
    }
    const bool more = co_await fill();
    if (!more) co_return HeadScanner::State::more;
  }
}

boost::asio::awaitable<bool> Connection::read_proxied() {
  const ServerOptions& options = shard_->options();
  if (!options.proxy_protocol || !options.trusted_proxies.contains(peer_address_)) co_return true;
  std::string begun;
  std::array<char, 512> piece{};
  while (true) {
    const std::size_t seen = co_await stream_->peek(piece.data(), piece.size());
    if (seen == 0) co_return false;
    const std::size_t before = begun.size();
    begun.append(piece.data(), seen);
    const ProxyHeader header = read_proxy_header(begun);
    if (header.state == ProxyHeader::State::malformed) {
      shard_->telemetry().rejected("proxy_header");
      co_return false;
    }
    // What a header that is not whole has so far is all its own.
    const bool whole = header.state == ProxyHeader::State::complete;
    stream_->skip(whole ? header.size - before : seen);
    if (!whole) continue;
    if (!header.source.empty()) peer_address_ = header.source;
    co_return true;
  }
}

boost::asio::awaitable<void> Connection::run() {
  const bool proxied = co_await read_proxied();
  if (!proxied) co_return;
  const bool greeted = co_await stream_->handshake();
  if (!greeted) co_return;
  bool goes_on = true;
  while (goes_on) {
    const auto state = co_await read_head();
    if (state == HeadScanner::State::more && (gone_ || input().empty())) break;
    Exchange exchange(*this);
    if (state == HeadScanner::State::complete) {
      goes_on = co_await exchange.answer(scanner_.size());
    } else {
      co_await exchange.refuse(state);
      goes_on = false;
    }
    if (!goes_on) break;
    is_new_ = false;
    phase_ = Phase::idle;
    timed_out_ = false;
    deadline_ = steady_clock::now() + shard_->options().keep_alive_timeout;
    if (shard_->closing() && input().empty()) break;
  }
  co_await say_farewell();
}

boost::asio::awaitable<void> Connection::say_farewell() {
  if (gone_) co_return;
  phase_ = Phase::farewell;
  deadline_ = steady_clock::now() + kFarewell;
  timed_out_ = false;
  if (reads_in_background_) {
    stream_->cancel();
    co_await wait_for_background_read();
  }
  co_await stream_->finish_sending();
  while (!gone_) {
    begin_ = end_ = 0;
    co_await fill();
    if (timed_out_) co_return;
  }
}

}  // namespace rwp::server
