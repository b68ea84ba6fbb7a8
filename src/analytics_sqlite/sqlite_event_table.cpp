#include "analytics_sqlite/schema.hpp"
#include "analytics_sqlite/statements.hpp"
#include "net/sqlite/connection.hpp"
#include <rwp/analytics_sqlite/sqlite_event_table.hpp>
#include <rwp/core/async.hpp>
#include <rwp/core/runtime.hpp>
#include <rwp/core/scheme_registry.hpp>

#include <chrono>
#include <mutex>
#include <thread>
#include <type_traits>
#include <utility>

namespace rwp::analytics {
namespace {

using boost::asio::awaitable;
using net_sqlite::Connection;

constexpr std::chrono::minutes kRemoveEvery{1};
/// How long others' reads and writes may keep the log from being emptied.
constexpr std::chrono::seconds kEmptyPatience{10};
constexpr std::chrono::milliseconds kEmptyPause{10};

/// The connection, used by one thread of the pool at a time.
struct Database {
  explicit Database(net_sqlite::ConnectionOptions options) : connection(std::move(options)) {}

  /// Runs `work` in one transaction.
  template <class Work>
  auto run(const char* begin, Work work) -> Result<std::invoke_result_t<Work&, Connection&>> {
    const std::lock_guard lock(mutex);
    try {
      connection.execute(begin);
      if constexpr (std::is_void_v<std::invoke_result_t<Work&, Connection&>>) {
        work(connection);
        connection.execute("COMMIT");
        return Result<void>();
      } else {
        auto made = work(connection);
        connection.execute("COMMIT");
        return made;
      }
    } catch (const net_sqlite::Failure& failure) {
      roll_back();
      return failure.error().with_context("the table of events");
    }
  }

  /// Removes, and empties the log, in whose older pages what was removed still stands.
  template <class Work>
  Result<std::int64_t> forget(Work work) {
    auto removed = run("BEGIN IMMEDIATE", work);
    if (!removed) return removed;
    const auto until = std::chrono::steady_clock::now() + kEmptyPatience;
    while (std::chrono::steady_clock::now() < until) {
      const auto emptied = empty_log();
      if (!emptied) return emptied.error();
      if (*emptied) return removed;
      std::this_thread::sleep_for(kEmptyPause);
    }
    return Error(Errc::unavailable,
                 "the log of the table of events could not be emptied: others read or write it all "
                 "the time");
  }

  Result<bool> empty_log() {
    const std::lock_guard lock(mutex);
    try {
      auto query = connection.query("PRAGMA wal_checkpoint(TRUNCATE)");
      return query.step() && query.integer(0) == 0;
    } catch (const net_sqlite::Failure& failure) {
      return failure.error().with_context("the log of the table of events");
    }
  }

  void roll_back() noexcept {
    try {
      if (connection.in_transaction()) connection.execute("ROLLBACK");
    } catch (const net_sqlite::Failure&) {
      // SQLite has rolled back by itself.
      return;
    }
  }

  std::mutex mutex;
  Connection connection;
  std::chrono::steady_clock::time_point next_removal{};
};

class SqliteEventTable final : public EventTable {
 public:
  SqliteEventTable(Runtime& runtime, std::shared_ptr<Database> database, std::chrono::hours keep)
      : EventTable(runtime.executor()),
        pool_(runtime.blocking()),
        database_(std::move(database)),
        keep_(keep) {}

 private:
  awaitable<Result<void>> do_write(std::shared_ptr<const std::vector<Event>> events) override {
    auto work = [database = database_, events = std::move(events), keep = keep_] {
      return database->run("BEGIN IMMEDIATE", [&](Connection& connection) {
        analytics_sqlite::write_events(connection, *events);
        const auto now = std::chrono::steady_clock::now();
        if (now < database->next_removal) return;
        database->next_removal = now + kRemoveEvery;
        analytics_sqlite::remove_before(connection, std::chrono::system_clock::now() - keep);
      });
    };
    co_return co_await run_blocking(pool_, std::move(work));
  }

  awaitable<Result<std::vector<Uuid>>> do_find_delivered(std::vector<Uuid> ids) override {
    auto work = [database = database_, ids = std::move(ids)] {
      return database->run("BEGIN", [&](Connection& connection) {
        return analytics_sqlite::find_events(connection, ids);
      });
    };
    co_return co_await run_blocking(pool_, std::move(work));
  }

  awaitable<Result<std::vector<HourCount>>> do_hours(ReportRange range) override {
    auto work = [database = database_, range = std::move(range)] {
      return database->run("BEGIN", [&](Connection& connection) {
        return analytics_sqlite::count_hours(connection, range);
      });
    };
    co_return co_await run_blocking(pool_, std::move(work));
  }

  awaitable<Result<std::vector<FunnelRow>>> do_funnel(ReportRange range) override {
    auto work = [database = database_, range = std::move(range)] {
      return database->run("BEGIN", [&](Connection& connection) {
        return analytics_sqlite::count_journeys(connection, range);
      });
    };
    co_return co_await run_blocking(pool_, std::move(work));
  }

  awaitable<Result<std::int64_t>> do_forget_candidate(std::string name) override {
    auto work = [database = database_, name = std::move(name)] {
      return database->forget([&](Connection& connection) {
        return analytics_sqlite::forget_candidate(connection, name);
      });
    };
    co_return co_await run_blocking(pool_, std::move(work));
  }

  awaitable<Result<std::int64_t>> do_forget_person(std::string tenant,
                                                   std::string person) override {
    auto work = [database = database_, tenant = std::move(tenant), person = std::move(person)] {
      return database->forget([&](Connection& connection) {
        return analytics_sqlite::forget_person(connection, tenant, person);
      });
    };
    co_return co_await run_blocking(pool_, std::move(work));
  }

  const boost::asio::any_io_executor pool_;
  const std::shared_ptr<Database> database_;
  const std::chrono::hours keep_;
};

Result<std::shared_ptr<EventTable>> open_url(const Url& url, Runtime& runtime) {
  if (auto known = url.allow_query({"keep"}); !known) return known.error();
  SqliteEventTableOptions options;
  options.path = url.path();
  if (options.path.starts_with("///")) options.path.erase(0, 2);
  if (options.path.empty()) {
    return Error(Errc::invalid_argument, "sqlite: names no file; write sqlite:events.db");
  }
  const auto keep = url.duration("keep", options.keep);
  if (!keep) return keep.error();
  options.keep = std::chrono::duration_cast<std::chrono::hours>(*keep);
  return open_sqlite_event_table(runtime, std::move(options));
}

}  // namespace

Result<std::shared_ptr<EventTable>> open_sqlite_event_table(Runtime& runtime,
                                                            SqliteEventTableOptions options) {
  if (options.keep < std::chrono::hours(1)) {
    return Error(Errc::invalid_argument, "keep: at least an hour");
  }
  try {
    net_sqlite::ConnectionOptions opening;
    opening.path = options.path;
    auto database = std::make_shared<Database>(std::move(opening));
    if (!options.path.empty()) {
      // Looked at before anything is changed: it may be somebody else's.
      analytics_sqlite::prepare_schema(database->connection, options.path);
      auto wal = database->connection.query("PRAGMA journal_mode = WAL");
      wal.step();
    } else {
      analytics_sqlite::prepare_schema(database->connection, "memory");
    }
    database->connection.execute("PRAGMA synchronous = FULL");
    // What is removed is overwritten.
    database->connection.execute("PRAGMA secure_delete = ON");
    return std::shared_ptr<EventTable>(
        std::make_shared<SqliteEventTable>(runtime, std::move(database), options.keep));
  } catch (const net_sqlite::Failure& failure) {
    return failure.error();
  }
}

void register_sqlite_event_table(SchemeRegistry& registry) {
  registry.add<EventTable>("sqlite", &open_url);
  registry.add<Sink>("sqlite",
                     [](const Url& url, Runtime& runtime) -> Result<std::shared_ptr<Sink>> {
                       auto opened = open_url(url, runtime);
                       if (!opened) return opened.error();
                       return std::shared_ptr<Sink>(std::move(*opened));
                     });
}

}  // namespace rwp::analytics
