#include "server/shard.hpp"

#include "server/connection.hpp"

#include <utility>
#include <vector>

namespace rwp::server {
namespace {

/// All deadlines of connections are looked at so often: no timer for each, let alone each request.
constexpr std::chrono::milliseconds kTick{100};

}  // namespace

Shard::Shard(std::shared_ptr<ServerState> state, std::shared_ptr<EndOfShards> end,
             boost::asio::any_io_executor executor, std::unique_ptr<Listener> listener)
    : state_(std::move(state)),
      end_(std::move(end)),
      executor_(std::move(executor)),
      listener_(std::move(listener)),
      trusted_{.proxies = state_->options.trusted_proxies, .cdn = state_->options.trusted_cdn},
      telemetry_(state_->options, state_->router.impl(), executor_) {}

Shard::~Shard() = default;

void Shard::start() {
  post(executor_, [self = shared_from_this()] {
    self->run_loop(self->accept_loop());
    self->run_loop(self->tick_loop());
    self->run_loop(self->drain_loop());
  });
}

void Shard::run_loop(boost::asio::awaitable<void> loop) {
  ++loops_;
  spawn(executor_, std::move(loop), [self = shared_from_this()](std::exception_ptr thrown) {
    if (thrown) std::terminate();  // Nothing in a loop throws but for want of memory.
    if (--self->loops_ == 0) self->end();
  });
}

void Shard::drain() {
  post(executor_, [self = shared_from_this()] { self->begin_drain(); });
}

void Shard::begin_drain() {
  at_once_ = drain_asked_;
  drain_asked_ = true;
  drain_changed_.notify_all();
}

bool Shard::is_full() const noexcept {
  // Each thread may be one late: the limit is on what the process holds, not a count to the last.
  return state_->connections.load(std::memory_order_relaxed) >= state_->options.max_connections;
}

boost::asio::awaitable<void> Shard::accept_loop() {
  while (!closing_) {
    if (is_full()) {
      telemetry_.rejected("connections");
      // Others of this thread that end wake it; for other threads' it looks again.
      while (is_full() && !closing_) {
        co_await may_accept_.wait_until(std::chrono::steady_clock::now() + kTick);
      }
      continue;
    }
    auto stream = co_await listener_->accept();
    if (stream) {
      open(std::move(*stream));
    } else if (stream.error().code() == Errc::unavailable) {
      telemetry_.log().warn("cannot accept", {{"error", stream.error()}});
      co_await may_accept_.wait_until(std::chrono::steady_clock::now() + kTick);
    }
  }
  accepting_ = false;
  drain_changed_.notify_all();
}

void Shard::open(std::unique_ptr<Stream> stream) {
  state_->connections.fetch_add(1, std::memory_order_relaxed);
  telemetry_.connection_opened();
  auto connection = std::make_shared<Connection>(shared_from_this(), std::move(stream));
  connections_.push_front(connection);
  connection->start(connections_.begin());
  tick_wanted_.notify_all();
}

void Shard::remove(const std::shared_ptr<Connection>& connection) {
  connections_.erase(connection->place());
  state_->connections.fetch_sub(1, std::memory_order_relaxed);
  telemetry_.connection_closed();
  may_accept_.notify_all();
  if (connections_.empty()) drain_changed_.notify_all();
}

boost::asio::awaitable<void> Shard::tick_loop() {
  while (!ended_) {
    const auto next =
        connections_.empty() ? SteadyTime::max() : std::chrono::steady_clock::now() + kTick;
    // New connections need no earlier look than those that are there.
    do {
      co_await tick_wanted_.wait_until(next);
    } while (!ended_ && next != SteadyTime::max() && std::chrono::steady_clock::now() < next);
    tick();
  }
}

void Shard::tick() {
  const auto now = std::chrono::steady_clock::now();
  // Those that are due may leave the list while they are looked at.
  for (const auto& connection : connections_) {
    if (connection->is_due(now)) due_.push_back(connection);
  }
  for (const auto& connection : due_) connection->tick(now);
  due_.clear();
}

boost::asio::awaitable<void> Shard::drain_loop() {
  while (!drain_asked_) co_await drain_changed_.wait_until(SteadyTime::max());
  const auto close_at = std::chrono::steady_clock::now() + state_->options.drain_delay;
  while (!at_once_ && std::chrono::steady_clock::now() < close_at) {
    co_await drain_changed_.wait_until(close_at);
  }
  // Who has been let in by the system already is served.
  while (auto stream = listener_->accept_now()) open(std::move(stream));
  closing_ = true;
  listener_->close();
  may_accept_.notify_all();
  // Which may have taken one more, and not told yet.
  while (accepting_) co_await drain_changed_.wait_until(SteadyTime::max());
  const std::vector<std::shared_ptr<Connection>> all(connections_.begin(), connections_.end());
  for (const auto& connection : all) connection->close_if_idle();
  const auto cut_at = std::chrono::steady_clock::now() + state_->options.drain_grace;
  while (!connections_.empty() && !at_once_ && std::chrono::steady_clock::now() < cut_at) {
    co_await drain_changed_.wait_until(cut_at);
  }
  const std::vector<std::shared_ptr<Connection>> late(connections_.begin(), connections_.end());
  for (const auto& connection : late) connection->cut();
  while (!connections_.empty()) co_await drain_changed_.wait_until(SteadyTime::max());
  ended_ = true;
  tick_wanted_.notify_all();
}

void Shard::end() {
  // Handlers and what they hold go with the Server, on its owner's thread.
  state_.reset();
  const std::lock_guard lock(end_->mutex);
  --end_->left;
  end_->changed.notify_all();
}

}  // namespace rwp::server
