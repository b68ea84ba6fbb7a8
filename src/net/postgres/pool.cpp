#include "net/postgres/pool.hpp"

#include <algorithm>
#include <string_view>
#include <utility>

namespace rwp::net_postgres {
namespace {

using std::chrono::steady_clock;

constexpr std::chrono::milliseconds kFirstBackoff{20};
constexpr std::chrono::milliseconds kLongestBackoff{2'000};
constexpr std::chrono::seconds kCheckTimeout{2};

constexpr Statement kCheck{.name = "rwp_check", .sql = "SELECT 1"};

std::vector<Command> only(const Statement& statement) {
  std::vector<Command> commands(1);
  commands.front().statement = &statement;
  return commands;
}

}  // namespace

struct Pool::Series {
  explicit Series(std::shared_ptr<observability::Metrics> from) : metrics(std::move(from)) {
    if (!metrics) return;
    const char* const help = "Connections to PostgreSQL";
    busy = &metrics->gauge("rwp_postgres_connections", help, {{"state", "busy"}});
    idle = &metrics->gauge("rwp_postgres_connections", help, {{"state", "idle"}});
    connects = &metrics->counter("rwp_postgres_connects_total", "Connections to PostgreSQL made");
    failures = &metrics->counter("rwp_postgres_connect_failures_total",
                                 "Attempts to connect to PostgreSQL that failed");
    round_trips = &metrics->counter("rwp_postgres_round_trips_total",
                                    "Exchanges with PostgreSQL, each of one or more statements");
    waits = &metrics->counter("rwp_postgres_pool_waits_total",
                              "Waits for a free connection to PostgreSQL");
  }
  const std::shared_ptr<observability::Metrics> metrics;
  observability::Gauge* busy = nullptr;
  observability::Gauge* idle = nullptr;
  observability::Counter* connects = nullptr;
  observability::Counter* failures = nullptr;
  observability::Counter* round_trips = nullptr;
  observability::Counter* waits = nullptr;
};

Pool::Lease::~Lease() { give_back(); }

Pool::Lease& Pool::Lease::operator=(Lease&& other) noexcept {
  if (this == &other) return *this;
  give_back();
  pool_ = std::move(other.pool_);
  connection_ = std::move(other.connection_);
  opened_ = other.opened_;
  return *this;
}

void Pool::Lease::give_back() noexcept {
  if (!pool_) return;
  std::exchange(pool_, nullptr)->put_back(std::move(connection_), opened_);
}

boost::asio::awaitable<Answer> Pool::Lease::run(std::vector<Command> commands,
                                                SteadyTime deadline) {
  const Statement* settings = pool_->options_.per_transaction;
  // Once a transaction: its first exchange, unless one goes on.
  const bool add_settings = settings != nullptr && !connection_->in_transaction();
  if (add_settings) {
    Command first{.statement = settings};
    // After a BEGIN of the caller's, so that they last as long as its transaction.
    const bool begins =
        !commands.empty() && std::string_view(commands.front().statement->sql) == "BEGIN";
    commands.insert(commands.begin() + (begins ? 1 : 0), std::move(first));
    if (pool_->series_->round_trips != nullptr) pool_->series_->round_trips->add();
    auto answer = co_await connection_->run(std::move(commands), deadline);
    const std::size_t place = begins ? 1 : 0;
    if (answer.rows.size() > place) {
      answer.rows.erase(answer.rows.begin() + static_cast<std::ptrdiff_t>(place));
    }
    co_return answer;
  }
  if (pool_->series_->round_trips != nullptr) pool_->series_->round_trips->add();
  co_return co_await connection_->run(std::move(commands), deadline);
}

Pool::Pool(Runtime& runtime, PoolOptions options)
    : runtime_(runtime),
      options_(std::move(options)),
      series_(std::make_shared<Series>(options_.metrics)) {}

void Pool::show() {
  if (series_->busy == nullptr) return;
  series_->idle->set(static_cast<double>(idle_.size()));
  series_->busy->set(static_cast<double>(open_ - idle_.size()));
}

boost::asio::awaitable<Result<std::unique_ptr<Connection>>> Pool::connect(SteadyTime deadline) {
  if (steady_clock::now() < next_attempt_) {
    const auto until = std::min(next_attempt_, deadline);
    auto waited = co_await sleep_until(until);
    if (!waited) co_return waited.error();
    if (until == deadline) co_return last_failure_.with_context("no connection in time");
  }
  const auto attempt_deadline = std::min(deadline, steady_clock::now() + options_.connect_timeout);
  ConnectionOptions connection = options_.connection;
  connection.first_host = first_host_;
  auto opened = co_await Connection::open(runtime_, options_.target, connection, attempt_deadline);
  if (opened && options_.setup != nullptr) {
    auto commands = only(*options_.setup);
    auto answer = co_await (*opened)->run(std::move(commands), attempt_deadline);
    if (!answer) opened = answer.failure->error;
  }
  if (!opened) {
    if (series_->failures != nullptr) series_->failures->add();
    // A host that does not even refuse would take each attempt's time.
    if (connection.first_host == first_host_) ++first_host_;
    backoff_ = std::clamp(backoff_ * 2, kFirstBackoff, kLongestBackoff);
    next_attempt_ = steady_clock::now() + backoff_;
    last_failure_ = opened.error();
    options_.log.debug("no connection to PostgreSQL", {{"error", opened.error().to_string()}});
    co_return opened.error();
  }
  if (series_->connects != nullptr) series_->connects->add();
  backoff_ = std::chrono::milliseconds(0);
  next_attempt_ = {};
  co_return std::move(*opened);
}

boost::asio::awaitable<Result<std::unique_ptr<Connection>>> Pool::open_apart(SteadyTime deadline) {
  const auto self = shared_from_this();
  if (closed_) co_return Error(Errc::cancelled, "the store has been closed");
  co_return co_await connect(deadline);
}

namespace {

/// Counts a connection that is being opened, and no more when that fails or is broken off.
class Opening {
 public:
  explicit Opening(std::size_t& open, Signal& freed) : open_(open), freed_(freed) { ++open_; }
  ~Opening() {
    if (kept_) return;
    --open_;
    freed_.notify_all();
  }
  Opening(const Opening&) = delete;
  Opening& operator=(const Opening&) = delete;
  void keep() { kept_ = true; }

 private:
  std::size_t& open_;
  Signal& freed_;
  bool kept_ = false;
};

}  // namespace

boost::asio::awaitable<Result<Pool::Lease>> Pool::acquire(SteadyTime deadline) {
  const auto self = shared_from_this();
  bool counted = false;
  for (;;) {
    if (closed_) co_return Error(Errc::cancelled, "the store has been closed");
    const auto now = steady_clock::now();
    if (!idle_.empty()) {
      Idle idle = std::move(idle_.back());
      idle_.pop_back();
      Lease lease;
      lease.pool_ = self;
      lease.opened_ = idle.opened;
      lease.connection_ = std::move(idle.connection);
      show();
      if (now - idle.opened > options_.max_age) {
        lease.connection_.reset();
        continue;
      }
      if (now - idle.since <= options_.check_after) co_return std::move(lease);
      auto commands = only(kCheck);
      const auto answer = co_await lease.connection_->run(
          std::move(commands), std::min(deadline, steady_clock::now() + kCheckTimeout));
      if (answer) co_return std::move(lease);
      lease.connection_.reset();
      continue;
    }
    if (open_ < options_.connections) {
      Opening opening(open_, freed_);
      show();
      auto opened = co_await connect(deadline);
      if (!opened) co_return opened.error();
      opening.keep();
      Lease lease;
      lease.pool_ = self;
      lease.opened_ = steady_clock::now();
      lease.connection_ = std::move(*opened);
      co_return std::move(lease);
    }
    if (!counted && series_->waits != nullptr) series_->waits->add();
    counted = true;
    const Wake wake = co_await freed_.wait_until(deadline);
    if (wake == Wake::cancelled) co_return Error(Errc::cancelled, "the wait was cancelled");
    if (wake == Wake::timed_out) {
      co_return Error(Errc::unavailable, "all connections to PostgreSQL are in use");
    }
  }
}

void Pool::put_back(std::unique_ptr<Connection> connection, SteadyTime opened) noexcept {
  // One that was left within a transaction, or an exchange, ends with it.
  const bool keep =
      connection && connection->is_usable() && !connection->in_transaction() && !closed_;
  if (keep) {
    idle_.push_back(
        {.connection = std::move(connection), .opened = opened, .since = steady_clock::now()});
  } else {
    connection.reset();
    --open_;
  }
  show();
  freed_.notify_all();
}

void Pool::close() {
  closed_ = true;
  open_ -= idle_.size();
  idle_.clear();
  show();
  freed_.notify_all();
}

}  // namespace rwp::net_postgres
