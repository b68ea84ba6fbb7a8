#include "jobs_sqlite/admin.hpp"
#include "jobs_sqlite/connection_queue.hpp"
#include "jobs_sqlite/holder_locks.hpp"
#include "jobs_sqlite/runs.hpp"
#include "jobs_sqlite/schema.hpp"
#include "jobs_sqlite/submit.hpp"
#include "jobs_sqlite/usage.hpp"
#include "jobs_sqlite/verify.hpp"
#include "jobs_sqlite/watch.hpp"
#include <rwp/jobs_sqlite/sqlite_job_store.hpp>

#include <algorithm>
#include <atomic>
#include <functional>
#include <iterator>
#include <unistd.h>
#include <utility>

namespace rwp::jobs_sqlite {
namespace {

using jobs::Awaitable;
using jobs::PerItem;
using Mode = ConnectionQueue::Mode;

/// Items that one work carries, so that a transaction stays short.
constexpr std::size_t kItemsPerWork = 1'000;
constexpr std::size_t kJobsPerPrune = 100;
/// A wait for the write lock that may have cost others their heartbeats.
constexpr std::chrono::seconds kLongLockWait{2};
/// How long lapsed leases are left alone after nobody could extend them.
constexpr std::chrono::seconds kSecondChance{30};

class SqliteJobStore final : public jobs::JobStore {
 public:
  struct Parts {
    std::shared_ptr<ConnectionQueue> writer{};
    std::shared_ptr<ConnectionQueue> reader{};
    std::shared_ptr<Watch> watch{};
    std::shared_ptr<HolderLocks> locks{};
    std::shared_ptr<std::atomic<std::int64_t>> lapsed_only_after{};
  };

  SqliteJobStore(Runtime& runtime, SqliteOptions options, Parts parts)
      : JobStore(runtime, options.blobs),
        options_(std::move(options)),
        parts_(std::move(parts)),
        usage_(make_usage_ledger(parts_.writer, parts_.reader)) {}

  UsageLedger& usage() override { return *usage_; }
  jobs::TimePoint now() const override { return options_.clock->now(); }

 private:
  /// Runs `each` on the items, some thousand a work, and answers one result an item.
  template <class T, class Item>
  Awaitable<PerItem<T>> for_each(Mode mode, std::vector<Item> items,
                                 std::function<Result<T>(Transaction&, const Item&)> each) {
    std::vector<Result<T>> answers;
    answers.reserve(items.size());
    const auto& queue = mode == Mode::read ? parts_.reader : parts_.writer;
    for (std::size_t from = 0; from < items.size(); from += kItemsPerWork) {
      const bool all = items.size() <= kItemsPerWork;
      std::vector<Item> some;
      if (all) {
        some.swap(items);
      } else {
        const auto to = std::min(items.size(), from + kItemsPerWork);
        some.assign(std::make_move_iterator(items.begin() + static_cast<std::ptrdiff_t>(from)),
                    std::make_move_iterator(items.begin() + static_cast<std::ptrdiff_t>(to)));
      }
      std::function<std::vector<Result<T>>(Transaction&)> work = [some = std::move(some),
                                                                  each](Transaction& transaction) {
        std::vector<Result<T>> done;
        done.reserve(some.size());
        for (const Item& item : some) done.push_back(each(transaction, item));
        return done;
      };
      auto done = co_await queue->run(mode, std::move(work));
      if (!done) co_return done.error();
      std::move(done->begin(), done->end(), std::back_inserter(answers));
      if (all) break;
    }
    co_return answers;
  }

  Awaitable<PerItem<jobs::Inserted>> do_insert(std::vector<jobs::CheckedJob> jobs) override {
    std::function<Result<jobs::Inserted>(Transaction&, const jobs::CheckedJob&)> each = &submit;
    return for_each(Mode::durable, std::move(jobs), std::move(each));
  }

  Awaitable<Result<std::vector<jobs::ClaimedJob>>> do_claim(jobs::ClaimRequest request) override {
    std::function<std::vector<jobs::ClaimedJob>(Transaction&)> work =
        [request = std::move(request)](Transaction& transaction) {
          return jobs_sqlite::claim(transaction, request);
        };
    // A claim that a power cut undoes has run for nobody: no fsync.
    return parts_.writer->run(Mode::lazy, std::move(work));
  }

  Awaitable<Result<void>> do_wait_for_work(jobs::ClaimRequest request,
                                           SteadyTime deadline) override {
    return parts_.watch->wait_for_work(std::move(request), deadline);
  }

  Awaitable<PerItem<jobs::LeaseState>> do_mark_started(std::vector<jobs::RunRef> runs) override {
    std::function<Result<jobs::LeaseState>(Transaction&, const jobs::RunRef&)> each =
        &jobs_sqlite::mark_started;
    return for_each(Mode::lazy, std::move(runs), std::move(each));
  }

  Awaitable<PerItem<jobs::JobState>> do_finish(
      std::vector<jobs::CheckedCompletion> completions) override {
    std::function<Result<jobs::JobState>(Transaction&, const jobs::CheckedCompletion&)> each =
        &jobs_sqlite::finish;
    return for_each(Mode::durable, std::move(completions), std::move(each));
  }

  Awaitable<PerItem<jobs::LeaseState>> do_extend(std::vector<jobs::RunRef> runs,
                                                 std::chrono::milliseconds lease) override {
    std::function<Result<jobs::LeaseState>(Transaction&, const jobs::RunRef&)> each =
        [lease](Transaction& transaction, const jobs::RunRef& run) {
          return jobs_sqlite::extend(transaction, run, lease);
        };
    return for_each(Mode::lazy, std::move(runs), std::move(each));
  }

  Awaitable<PerItem<jobs::LeaseState>> do_progress(
      std::vector<jobs::ProgressUpdate> updates) override {
    const bool saves = std::any_of(updates.begin(), updates.end(),
                                   [](const auto& update) { return update.cursor.has_value(); });
    std::function<Result<jobs::LeaseState>(Transaction&, const jobs::ProgressUpdate&)> each =
        &jobs_sqlite::progress;
    return for_each(saves ? Mode::durable : Mode::lazy, std::move(updates), std::move(each));
  }

  Awaitable<Result<jobs::Rescued>> do_rescue(std::size_t limit) override {
    HolderJudge judge{.locks = parts_.locks.get(), .boot_id = options_.clock->boot_id()};
    std::function<jobs::Rescued(Transaction&)> work =
        [judge = std::move(judge), limit, locks = parts_.locks,
         after = parts_.lapsed_only_after](Transaction& transaction) {
          // Read now: the wait for this transaction may have been the long one.
          HolderJudge just = judge;
          just.lapsed_only_after = std::chrono::nanoseconds(*after);
          return jobs_sqlite::rescue(transaction, just, limit);
        };
    return parts_.writer->run(Mode::durable, std::move(work));
  }

  Awaitable<PerItem<jobs::JobState>> do_unpark(std::vector<jobs::UnparkRequest> requests) override {
    std::function<Result<jobs::JobState>(Transaction&, const jobs::UnparkRequest&)> each =
        &jobs_sqlite::unpark;
    return for_each(Mode::durable, std::move(requests), std::move(each));
  }

  Awaitable<PerItem<jobs::CancelOutcome>> do_cancel(std::vector<Uuid> ids) override {
    std::function<Result<jobs::CancelOutcome>(Transaction&, const Uuid&)> each =
        &jobs_sqlite::cancel;
    return for_each(Mode::durable, std::move(ids), std::move(each));
  }

  Awaitable<PerItem<jobs::JobState>> do_retry(std::vector<Uuid> ids) override {
    std::function<Result<jobs::JobState>(Transaction&, const Uuid&)> each = &jobs_sqlite::retry;
    return for_each(Mode::durable, std::move(ids), std::move(each));
  }

  Awaitable<PerItem<jobs::JobState>> do_set_priority(std::vector<Uuid> ids,
                                                     jobs::Priority priority) override {
    std::function<Result<jobs::JobState>(Transaction&, const Uuid&)> each =
        [priority](Transaction& transaction, const Uuid& id) {
          return jobs_sqlite::set_priority(transaction, id, priority);
        };
    return for_each(Mode::durable, std::move(ids), std::move(each));
  }

  Awaitable<PerItem<jobs::Job>> do_get(std::vector<Uuid> ids) override {
    std::function<Result<jobs::Job>(Transaction&, const Uuid&)> each = &jobs_sqlite::get;
    return for_each(Mode::read, std::move(ids), std::move(each));
  }

  Awaitable<PerItem<jobs::Job>> do_wait_for_end(std::vector<Uuid> ids,
                                                SteadyTime deadline) override {
    auto waited = co_await parts_.watch->wait_for_end(ids, deadline);
    if (!waited) co_return waited.error();
    co_return co_await do_get(std::move(ids));
  }

  Awaitable<Result<jobs::JobPage>> do_list(jobs::JobFilter filter, std::string cursor,
                                           std::size_t limit) override {
    std::function<Result<jobs::JobPage>(Transaction&)> work =
        [filter = std::move(filter), cursor = std::move(cursor), limit](Transaction& transaction) {
          return jobs_sqlite::list(transaction, filter, cursor, limit);
        };
    co_return co_await parts_.reader->run(Mode::read, std::move(work));
  }

  Awaitable<Result<std::vector<jobs::QueueCounts>>> do_counts(std::string tenant) override {
    std::function<std::vector<jobs::QueueCounts>(Transaction&)> work = &jobs_sqlite::counts;
    if (!tenant.empty()) {
      work = [tenant = std::move(tenant)](Transaction& transaction) {
        return jobs_sqlite::counts_of(transaction, tenant);
      };
    }
    return parts_.reader->run(Mode::read, std::move(work));
  }

  Awaitable<Result<void>> do_set_paused(std::string queue, bool paused) override {
    std::function<bool(Transaction&)> work = [queue = std::move(queue),
                                              paused](Transaction& transaction) {
      jobs_sqlite::set_paused(transaction, queue, paused);
      return true;
    };
    auto done = co_await parts_.writer->run(Mode::durable, std::move(work));
    co_return done ? Result<void>() : Result<void>(done.error());
  }

  Awaitable<Result<jobs::Pruned>> do_prune(jobs::Retention retention) override {
    jobs::Pruned total;
    for (PruneWalk* walk : {&near_walk_, &far_walk_}) {
      auto done = co_await prune_along(walk, retention, &total);
      // What has been removed must be told: its blobs are the caller's to remove.
      if (!done && total.jobs == 0) co_return done.error();
      if (!done || total.jobs == retention.limit) break;
    }
    co_return total;
  }

  Awaitable<PerItem<jobs::Erased>> do_erase(std::vector<Uuid> ids) override {
    std::function<Result<jobs::Erased>(Transaction&, const Uuid&)> each = &jobs_sqlite::erase;
    return for_each(Mode::durable, std::move(ids), std::move(each));
  }

  /// What is removed is overwritten when it is; what remains are the log's older frames.
  Awaitable<Result<void>> do_scrub() override {
    if (options_.path.empty()) co_return Result<void>();
    auto work = [path = options_.path] { return Checkpoints::empty_log(path); };
    auto emptying = run_blocking(runtime().blocking(), std::move(work));
    co_return co_await std::move(emptying);
  }

  Awaitable<Result<jobs::VerifyPage>> do_verify(std::string cursor, std::size_t limit) override {
    HolderJudge judge{.locks = parts_.locks.get(), .boot_id = options_.clock->boot_id()};
    std::function<Result<jobs::VerifyPage>(Transaction&)> work =
        [judge = std::move(judge), cursor = std::move(cursor), limit,
         locks = parts_.locks](Transaction& transaction) {
          return jobs_sqlite::verify(transaction, judge, cursor, limit);
        };
    return parts_.reader->run(Mode::read, std::move(work));
  }

  /// Some jobs at a time, so that each transaction stays short.
  Awaitable<Result<void>> prune_along(PruneWalk* walk, jobs::Retention retention,
                                      jobs::Pruned* total) {
    walk->looks = 0;
    std::size_t ledger_room = retention.limit;
    for (;;) {
      jobs::Retention some = retention;
      some.limit = std::min({kJobsPerPrune, retention.limit - total->jobs, ledger_room});
      std::function<std::pair<jobs::Pruned, PruneWalk>(Transaction&)> work =
          [some, from = *walk](Transaction& transaction) {
            PruneWalk reached = from;
            auto pruned = jobs_sqlite::prune(transaction, some, reached);
            return std::pair(std::move(pruned), reached);
          };
      auto done = co_await parts_.writer->run(Mode::durable, std::move(work));
      if (!done) co_return done.error();
      *walk = done->second;
      const jobs::Pruned& pruned = done->first;
      total->jobs += pruned.jobs;
      total->ledger_entries += pruned.ledger_entries;
      ledger_room -= pruned.ledger_entries;
      total->payload_blobs.insert(total->payload_blobs.end(), pruned.payload_blobs.begin(),
                                  pruned.payload_blobs.end());
      const bool more = walk->more || pruned.ledger_entries == some.limit;
      if (!more || total->jobs == retention.limit || ledger_room == 0) co_return Result<void>();
    }
  }

  const SqliteOptions options_;
  const Parts parts_;
  const std::unique_ptr<UsageLedger> usage_;
  /// One keeps near what falls due, the other comes by everything in time.
  PruneWalk near_walk_{.turns_back = true};
  PruneWalk far_walk_;
};

struct Opened {
  std::int64_t holder = 0;
  std::int64_t token_floor = 1;
};

/// Removes holders without leases whose process has ended. One that lives may take leases yet, and
/// would be taken for dead without its row.
void remove_dead_holders(net_sqlite::Connection& database, std::int64_t newest,
                         const std::string& boot_id, const HolderLocks& locks) {
  std::vector<std::int64_t> dead;
  {
    // The newest stay, so that an open seldom has something to remove.
    auto query = database.query(
        "SELECT id, boot_id, lock_file FROM holder WHERE id < ? - 1000 AND id NOT IN"
        " (SELECT holder FROM running)");
    query.bind(1, newest);
    while (query.step()) {
      const std::int64_t id = query.integer(0);
      const bool ended =
          query.text(1) != boot_id || (query.integer(2) == locks.inode() && locks.is_free(id));
      if (ended) dead.push_back(id);
    }
  }
  for (const std::int64_t id : dead) {
    auto removed = database.query("DELETE FROM holder WHERE id = ?");
    removed.bind(1, id).run();
  }
}

/// Notes this start of the machine, and enters a holder whose lock is held before it takes a lease.
Opened enter(net_sqlite::Connection& database, const Clock& clock, HolderLocks* locks) {
  const std::string boot_id = clock.boot_id();
  Opened opened;
  database.query("BEGIN IMMEDIATE").run();
  {
    auto noted = database.query(
        "UPDATE meta SET boot_count = boot_count + 1, boot_id = ? WHERE boot_id <> ?");
    noted.bind(1, boot_id).bind(2, boot_id).run();
  }
  {
    auto query = database.query("SELECT boot_count FROM meta");
    query.step();
    // A claim is not synced. Should a power cut undo one, its token still never comes again.
    opened.token_floor = (query.integer(0) << 32U) + 1;
  }
  {
    auto added = database.query("INSERT INTO holder (name, boot_id, lock_file) VALUES (?, ?, ?)");
    const std::string name = "pid " + std::to_string(getpid());
    added.bind(1, name)
        .bind(2, boot_id)
        .bind(3, locks == nullptr ? std::int64_t{0} : locks->inode())
        .run();
  }
  {
    auto query = database.query("SELECT max(id) FROM holder");
    query.step();
    opened.holder = query.integer(0);
  }
  if (locks != nullptr) {
    locks->hold(opened.holder);
    remove_dead_holders(database, opened.holder, boot_id, *locks);
  }
  database.query("COMMIT").run();
  return opened;
}

QueueSeries make_series(const std::shared_ptr<observability::Metrics>& metrics,
                        const std::string& connection) {
  if (!metrics) return {};
  const observability::Labels labels = {{"connection", connection}};
  return {.metrics = metrics,
          .transactions = &metrics->counter("rwp_sqlite_transactions_total",
                                            "Transactions, each for a group of calls", labels),
          .operations = &metrics->counter("rwp_sqlite_operations_total",
                                          "Calls that transactions carried", labels),
          .failed_groups = &metrics->counter("rwp_sqlite_failed_groups_total",
                                             "Groups that were run again by halves", labels)};
}

std::shared_ptr<jobs::JobStore> open_store(Runtime& runtime, SqliteOptions options) {
  const bool in_memory = options.path.empty();
  // Names that SQLite reads as something else than a file; -holders would lie beside nothing.
  if (options.path == ":memory:" || options.path.find('\0') != std::string::npos) {
    throw net_sqlite::Failure(
        0, Error(Errc::invalid_argument, "the path names no file (memory: opens one in memory)"));
  }
  if (!in_memory) refuse_network_file_system(options.path);
  const net_sqlite::ConnectionOptions connection_options{
      .path = options.path, .busy_timeout_ms = static_cast<int>(options.busy_timeout.count())};
  auto writer_connection = std::make_unique<net_sqlite::Connection>(connection_options);
  prepare_writer(*writer_connection, options.path, options.max_pages, options.busy_timeout);

  SqliteJobStore::Parts parts;
  if (!in_memory) parts.locks = std::make_shared<HolderLocks>(options.path + "-holders");
  const Opened opened = enter(*writer_connection, *options.clock, parts.locks.get());
  parts.lapsed_only_after = std::make_shared<std::atomic<std::int64_t>>(0);

  // The watch reads through the reader and is told by the writer.
  auto watch_slot = std::make_shared<std::weak_ptr<Watch>>();
  ConnectionQueue::Options writer_options;
  writer_options.clock = options.clock;
  writer_options.token_floor = opened.token_floor;
  writer_options.holder = opened.holder;
  writer_options.synchronous_full = options.synchronous_full;
  writer_options.series = make_series(options.metrics, "writer");
  writer_options.on_committed = [watch_slot](Effects& effects) {
    if (const auto watch = watch_slot->lock()) watch->on_committed(effects);
  };
  writer_options.on_lock_wait = [after = parts.lapsed_only_after, clock = options.clock,
                                 log = options.log](std::chrono::nanoseconds waited) {
    if (waited <= kLongLockWait) return;
    *after = (clock->since_boot() + kSecondChance).count();
    log.warn("another process held the job database's write lock for long",
             {{"longer_than_seconds", kLongLockWait.count()}});
  };
  if (!in_memory) {
    auto connection = std::make_unique<net_sqlite::Connection>(connection_options);
    prepare_checkpoints(*connection);
    writer_options.checkpoints = std::make_shared<Checkpoints>(
        runtime, std::move(connection), HolderLocks::open_file(options.path + "-holders"),
        options.log);
  }
  parts.writer =
      std::make_shared<ConnectionQueue>(runtime, std::move(writer_connection), writer_options);
  if (in_memory) {
    parts.reader = parts.writer;
  } else {
    auto reader_connection = std::make_unique<net_sqlite::Connection>(connection_options);
    prepare_reader(*reader_connection);
    ConnectionQueue::Options reader_options;
    reader_options.clock = options.clock;
    reader_options.holder = opened.holder;  // Its own lock looks free to it.
    reader_options.series = make_series(options.metrics, "reader");
    parts.reader =
        std::make_shared<ConnectionQueue>(runtime, std::move(reader_connection), reader_options);
  }
  parts.watch = std::make_shared<Watch>(runtime, parts.reader, options.clock, !in_memory);
  *watch_slot = parts.watch;
  return std::make_shared<SqliteJobStore>(runtime, std::move(options), std::move(parts));
}

}  // namespace

Result<std::shared_ptr<jobs::JobStore>> open_sqlite_job_store(Runtime& runtime,
                                                              SqliteOptions options) {
  const std::string path = options.path;
  try {
    return open_store(runtime, std::move(options));
  } catch (const net_sqlite::Failure& failure) {
    return failure.error().with_context("opening jobs at " + (path.empty() ? "memory:" : path));
  }
}

}  // namespace rwp::jobs_sqlite
