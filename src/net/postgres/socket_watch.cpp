#include "net/postgres/socket_watch.hpp"

#include <boost/asio/as_tuple.hpp>
#include <boost/asio/error.hpp>
#include <boost/asio/posix/stream_descriptor.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/use_awaitable.hpp>

#include <cstdint>
#include <utility>

namespace rwp::net_postgres {

namespace asio = boost::asio;
using boost::system::error_code;

struct SocketWatch::State {
  explicit State(const asio::any_io_executor& executor) : descriptor(executor), timer(executor) {}

  void on_ready(std::uint64_t of_wait, error_code problem) {
    // A late answer to an earlier wait says nothing about this one.
    if (of_wait != wait || problem == asio::error::operation_aborted) return;
    ready = true;
    timer.cancel();
  }

  asio::posix::stream_descriptor descriptor;
  asio::steady_timer timer;
  std::uint64_t wait = 0;
  bool ready = false;
};

SocketWatch::SocketWatch(asio::any_io_executor executor)
    : state_(std::make_shared<State>(executor)) {}

SocketWatch::~SocketWatch() { let_go(); }

void SocketWatch::watch(int socket) {
  let_go();
  state_->descriptor.assign(socket);
}

void SocketWatch::let_go() noexcept {
  ++state_->wait;
  if (state_->descriptor.is_open()) state_->descriptor.release();
}

asio::awaitable<Wake> SocketWatch::wait(bool to_read, bool to_write, SteadyTime deadline) {
  const std::shared_ptr<State> state = state_;
  const std::uint64_t number = ++state->wait;
  state->ready = false;
  state->timer.expires_at(deadline);
  std::function<void(error_code)> on_ready = [state, number](error_code problem) {
    state->on_ready(number, problem);
  };
  if (to_read) state->descriptor.async_wait(asio::posix::stream_descriptor::wait_read, on_ready);
  if (to_write) state->descriptor.async_wait(asio::posix::stream_descriptor::wait_write, on_ready);
  const auto [problem] = co_await state->timer.async_wait(asio::as_tuple(asio::use_awaitable));
  ++state->wait;
  const bool nothing_left = state->ready && to_read != to_write;
  if (!nothing_left && state->descriptor.is_open()) {
    error_code ignored;
    state->descriptor.cancel(ignored);
  }
  if (state->ready) co_return Wake::notified;
  co_return problem ? Wake::cancelled : Wake::timed_out;
}

}  // namespace rwp::net_postgres
