#include "analytics_postgres/commands.hpp"
#include "analytics_postgres/schema.hpp"
#include "net/postgres/pool.hpp"
#include <rwp/analytics_postgres/postgres_event_table.hpp>
#include <rwp/core/runtime.hpp>

#include <algorithm>
#include <utility>

namespace rwp::analytics {
namespace {

using boost::asio::awaitable;
using net_postgres::Command;
using net_postgres::Pool;
using net_postgres::Rows;
using std::chrono::steady_clock;

constexpr std::chrono::minutes kRemoveEvery{1};
constexpr std::chrono::milliseconds kFirstWait{20};
constexpr std::chrono::milliseconds kLongestWait{1'000};

/// Whether it was chosen to give way to another transaction.
bool gives_way(const net_postgres::Failure& failure) {
  return failure.state == "40P01" || failure.state == "40001";
}

/// Whether it is what was to be written that the server cannot take: data, a constraint, a limit of
/// its own. Anything else of its faults may be set right.
bool is_of_the_data(const net_postgres::Failure& failure) {
  return failure.state.starts_with("22") || failure.state.starts_with("23") ||
         failure.state.starts_with("54");
}

/// Runs the commands as one transaction, and again while the server is away: all are safe to
/// repeat.
awaitable<Result<std::vector<Rows>>> run_commands(std::shared_ptr<Pool> pool,
                                                  std::vector<Command> commands,
                                                  std::chrono::milliseconds patience) {
  const SteadyTime deadline = steady_clock::now() + patience;
  std::chrono::milliseconds wait = kFirstWait;
  while (true) {
    Error error;
    bool again = true;
    auto lease = co_await pool->acquire(deadline);
    if (lease) {
      auto answer = co_await lease->run(commands, deadline);
      if (answer) co_return std::move(answer.rows);
      error = answer.failure->error;
      again = answer.failure->lost || gives_way(*answer.failure);
      if (is_of_the_data(*answer.failure)) error = error.with_retryable(false);
      *lease = Pool::Lease();
    } else {
      error = lease.error();
      again = error.retryable();
    }
    if (!again || steady_clock::now() + wait >= deadline) {
      co_return error.with_context("the table of events");
    }
    const auto slept = co_await sleep_for(wait);
    if (!slept) co_return slept.error();
    wait = std::min(wait * 2, kLongestWait);
  }
}

awaitable<Result<void>> prepare(std::shared_ptr<Pool> pool, bool migrate, SteadyTime deadline) {
  auto lease = co_await pool->acquire(deadline);
  if (!lease) co_return lease.error();
  co_return co_await net_postgres::prepare_schema(&*lease, &analytics_postgres::schema(), migrate,
                                                  deadline);
}

class PostgresEventTable final : public EventTable {
 public:
  PostgresEventTable(Runtime& runtime, std::shared_ptr<Pool> pool,
                     const PostgresEventTableOptions& options)
      : EventTable(runtime.executor()),
        executor_(runtime.executor()),
        pool_(std::move(pool)),
        patience_(options.patience),
        keep_(options.keep) {}

  ~PostgresEventTable() override {
    post(executor_, [pool = pool_] { pool->close(); });
  }
  PostgresEventTable(const PostgresEventTable&) = delete;
  PostgresEventTable& operator=(const PostgresEventTable&) = delete;

 private:
  awaitable<Result<void>> do_write(std::shared_ptr<const std::vector<Event>> events) override {
    auto commands = analytics_postgres::write_commands(*events);
    const auto written = co_await run_commands(pool_, std::move(commands), patience_);
    if (!written) co_return written.error();
    if (steady_clock::now() >= next_removal_) {
      next_removal_ = steady_clock::now() + kRemoveEvery;
      auto removal = analytics_postgres::removal_commands(std::chrono::system_clock::now() - keep_);
      // The events are there; what is too old can go another time.
      (void)co_await run_commands(pool_, std::move(removal), patience_);
    }
    co_return Result<void>();
  }

  awaitable<Result<std::vector<Uuid>>> do_find_delivered(std::vector<Uuid> ids) override {
    auto commands = analytics_postgres::find_commands(ids);
    const auto rows = co_await run_commands(pool_, std::move(commands), patience_);
    if (!rows) co_return rows.error();
    co_return analytics_postgres::read_found(rows->front());
  }

  awaitable<Result<std::vector<HourCount>>> do_hours(ReportRange range) override {
    auto commands = analytics_postgres::hour_commands(range);
    const auto rows = co_await run_commands(pool_, std::move(commands), patience_);
    if (!rows) co_return rows.error();
    co_return analytics_postgres::read_hours(rows->front());
  }

  awaitable<Result<std::vector<FunnelRow>>> do_funnel(ReportRange range) override {
    auto commands = analytics_postgres::journey_commands(range);
    const auto rows = co_await run_commands(pool_, std::move(commands), patience_);
    if (!rows) co_return rows.error();
    co_return analytics_postgres::read_journeys(rows->front());
  }

  awaitable<Result<std::int64_t>> do_forget_candidate(std::string name) override {
    auto commands = analytics_postgres::forget_candidate_commands(name);
    const auto rows = co_await run_commands(pool_, std::move(commands), patience_);
    if (!rows) co_return rows.error();
    co_return rows->back().changed();
  }

  awaitable<Result<std::int64_t>> do_forget_person(std::string tenant,
                                                   std::string person) override {
    auto commands = analytics_postgres::forget_commands(tenant, person);
    const auto rows = co_await run_commands(pool_, std::move(commands), patience_);
    if (!rows) co_return rows.error();
    co_return rows->back().changed();
  }

  const boost::asio::any_io_executor executor_;
  const std::shared_ptr<Pool> pool_;
  const std::chrono::milliseconds patience_;
  const std::chrono::hours keep_;
  SteadyTime next_removal_{};
};

}  // namespace

Result<std::shared_ptr<EventTable>> open_postgres_event_table(Runtime& runtime, const Url& url,
                                                              PostgresEventTableOptions options) {
  if (options.keep < std::chrono::hours(1)) {
    return Error(Errc::invalid_argument, "keep: at least an hour");
  }
  auto target =
      net_postgres::Target::parse(url, {"keep", "connections", "patience", "migrate", "pooler"});
  if (!target) return target.error();
  target->set_default("application_name", "rwp events");
  net_postgres::PoolOptions pooling;
  pooling.target = std::move(*target);
  pooling.connection.named_statements = !options.transaction_pooler;
  pooling.connections = options.connections;
  pooling.log = options.log;
  pooling.metrics = options.metrics;
  auto pool = std::make_shared<Pool>(runtime, std::move(pooling));
  const auto prepared =
      block_on(runtime, prepare(pool, options.migrate, steady_clock::now() + options.patience));
  if (!prepared) return prepared.error();
  return std::shared_ptr<EventTable>(
      std::make_shared<PostgresEventTable>(runtime, std::move(pool), options));
}

}  // namespace rwp::analytics
