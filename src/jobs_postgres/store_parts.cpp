#include "jobs_postgres/store_parts.hpp"

#include "jobs_postgres/dispatched.hpp"
#include "jobs_postgres/schema.hpp"
#include "jobs_postgres/submit.hpp"
#include "jobs_postgres/upkeep.hpp"

#include <algorithm>
#include <functional>
#include <utility>

namespace rwp::jobs_postgres {
namespace {

using boost::asio::awaitable;
using jobs::PerItem;
using std::chrono::steady_clock;

constexpr std::size_t kJobsAtOnce = 1'000;
/// Jobs with keys hold two advisory locks each, of which the server has a few thousand.
constexpr std::size_t kKeyedJobsAtOnce = 250;
constexpr std::chrono::seconds kPatienceOfClosing{2};

// A session's plans must not turn to scans of whole tables because those were small, or vacuumed
// while they were empty, when they were made. So hot tables are joined by "= ANY (ARRAY[…])" or
// laterally with OFFSET 0, which leave an index probe for each row of what is given as the only
// way. And a client that is stopped must not keep its locks. A snapshot of before a lock would not
// see what a rewrite has written back, whatever a role's own settings are.
constexpr Statement kSessionSettings{
    .name = "",
    .sql =
        "SELECT set_config('enable_seqscan', 'off', false),"
        " set_config('enable_hashjoin', 'off', false),"
        " set_config('enable_mergejoin', 'off', false),"
        " set_config('enable_bitmapscan', 'off', false), set_config('enable_sort', 'off', false),"
        " set_config('jit', 'off', false),"
        " set_config('plan_cache_mode', 'force_generic_plan', false),"
        " set_config('default_transaction_isolation', 'read committed', false),"
        " set_config('statement_timeout', '30s', false),"
        " set_config('idle_in_transaction_session_timeout', '30s', false),"
        " set_config('client_connection_check_interval', '1s', false)"};
constexpr Statement kTransactionSettings{
    .name = "",
    .sql =
        "SELECT set_config('enable_seqscan', 'off', true),"
        " set_config('enable_hashjoin', 'off', true),"
        " set_config('enable_mergejoin', 'off', true),"
        " set_config('enable_bitmapscan', 'off', true), set_config('enable_sort', 'off', true),"
        " set_config('jit', 'off', true),"
        " set_config('plan_cache_mode', 'force_generic_plan', true),"
        " set_config('statement_timeout', '30s', true),"
        " set_config('idle_in_transaction_session_timeout', '30s', true)"};

Result<std::shared_ptr<net_postgres::Pool>> make_pool(Runtime& runtime, const Url& url,
                                                      const PostgresOptions& options) {
  auto target = net_postgres::Target::parse(url, {"migrate", "pooler", "connections", "patience"});
  if (!target) return target.error();
  target->set_default("application_name", "rwp");
  target->set_default("client_encoding", "UTF8");
  // A server that went without a word is noticed within half a minute.
  target->set_default("keepalives_idle", "10");
  target->set_default("keepalives_interval", "5");
  target->set_default("keepalives_count", "3");
  net_postgres::PoolOptions pool;
  pool.target = std::move(*target);
  pool.connection.named_statements = !options.transaction_pooler;
  pool.connections = std::clamp<std::size_t>(options.connections, 1, 100);
  pool.connect_timeout = options.connect_timeout;
  pool.log = options.log;
  pool.metrics = options.metrics;
  if (options.transaction_pooler) {
    pool.per_transaction = &kTransactionSettings;
  } else {
    pool.setup = &kSessionSettings;
  }
  return std::make_shared<net_postgres::Pool>(runtime, std::move(pool));
}

std::shared_ptr<Session> make_session(Runtime& runtime, std::shared_ptr<net_postgres::Pool> pool,
                                      const PostgresOptions& options,
                                      std::shared_ptr<ClaimNumbers> numbers) {
  Session::Options session;
  session.clock = options.clock;
  session.patience = options.patience;
  session.log = options.log;
  session.metrics = options.metrics;
  session.handovers = std::make_shared<Handovers>(runtime, std::move(numbers));
  return std::make_shared<Session>(runtime, std::move(pool), std::move(session));
}

awaitable<Tried<bool>> try_to_prepare(Lease* lease, bool migrate, SteadyTime deadline) {
  Tried<bool> tried;
  const auto prepared = co_await net_postgres::prepare_schema(lease, &schema(), migrate, deadline);
  if (prepared) {
    tried.made = true;
  } else {
    tried.failure =
        Failure{.error = prepared.error(), .lost = prepared.error().code() == Errc::unavailable};
  }
  co_return tried;
}

/// Connects and brings the schema about; then the first look at the leases' clock.
awaitable<Result<void>> prepare(std::shared_ptr<Session> session, bool migrate) {
  std::function<awaitable<Tried<bool>>(Lease*, bool, SteadyTime)> work =
      [migrate](Lease* lease, bool /*in_doubt*/, SteadyTime deadline) {
        return try_to_prepare(lease, migrate, deadline);
      };
  auto prepared = co_await session->attempt(std::move(work));
  if (!prepared) co_return prepared.error();
  auto clock = co_await look_at_clock(session);
  if (!clock) co_return clock.error();
  co_return co_await session->refresh_lanes();
}

template <class T>
using Batch = std::function<awaitable<Tried<Done<T>>>(Lease*, bool, SteadyTime)>;

/// Runs one batch, and tells the watch what it did.
template <class T>
awaitable<PerItem<T>> run_batch(std::shared_ptr<Session> session, std::weak_ptr<Watch> watch,
                                Batch<T> batch) {
  auto done = co_await session->attempt(std::move(batch));
  if (!done) co_return done.error();
  if (const auto told = watch.lock()) told->on_committed(std::move(done->effects));
  co_return std::move(done->answers);
}

template <class Item, class T>
using Do = awaitable<Tried<Done<T>>> (*)(std::shared_ptr<Session>, Lease*, std::vector<const Item*>,
                                         bool in_doubt, SteadyTime);

template <class Item, class T>
awaitable<PerItem<T>> run_items(std::shared_ptr<Session> session, std::weak_ptr<Watch> watch,
                                Do<Item, T> what, std::vector<const Item*> items) {
  Batch<T> batch = [session, what, items = std::move(items)](Lease* lease, bool in_doubt,
                                                             SteadyTime deadline) {
    return what(session, lease, items, in_doubt, deadline);
  };
  return run_batch<T>(std::move(session), std::move(watch), std::move(batch));
}

template <class T>
awaitable<PerItem<T>> insert_items(std::shared_ptr<Session> session, std::weak_ptr<Watch> watch,
                                   Do<jobs::CheckedJob, T> what,
                                   std::vector<const jobs::CheckedJob*> items) {
  auto known = co_await ensure_lanes(session, items);
  if (!known) co_return known.error();
  co_return co_await run_items<jobs::CheckedJob, T>(session, watch, what, std::move(items));
}

awaitable<PerItem<JobState>> finish_items(std::shared_ptr<Session> session,
                                          std::weak_ptr<Watch> watch,
                                          std::vector<const jobs::CheckedCompletion*> items) {
  std::vector<const jobs::CheckedJob*> children;
  for (const auto* completion : items) {
    for (const jobs::CheckedJob& child : completion->children) children.push_back(&child);
  }
  auto known = co_await ensure_lanes(session, std::move(children));
  if (!known) co_return known.error();
  co_return co_await run_items<jobs::CheckedCompletion, JobState>(session, watch, &finish,
                                                                  std::move(items));
}

template <class Item, class T, auto what>
awaitable<Tried<Done<T>>> without_doubt(std::shared_ptr<Session> session, Lease* lease,
                                        std::vector<const Item*> items, bool /*in_doubt*/,
                                        SteadyTime deadline) {
  return what(std::move(session), lease, std::move(items), deadline);
}

template <class Item>
Uuid id_of(const Item& item) {
  return item.id;
}
Uuid id_itself(const Uuid& id) { return id; }

awaitable<Tried<Done<JobState>>> unpark_all(std::shared_ptr<Session> session, Lease* lease,
                                            std::vector<const jobs::UnparkRequest*> requests,
                                            bool in_doubt, SteadyTime deadline) {
  Decide<jobs::UnparkRequest, JobState> decide =
      [](const jobs::UnparkRequest& request, StateRow* row, RowWriter& writer, TimePoint, bool) {
        return decide_unpark(request, row, writer);
      };
  return transact<jobs::UnparkRequest, JobState>(std::move(session), lease, std::move(requests),
                                                 &id_of<jobs::UnparkRequest>, std::move(decide),
                                                 in_doubt, deadline);
}

awaitable<Tried<Done<jobs::CancelOutcome>>> cancel_all(std::shared_ptr<Session> session,
                                                       Lease* lease, std::vector<const Uuid*> ids,
                                                       bool in_doubt, SteadyTime deadline) {
  Decide<Uuid, jobs::CancelOutcome> decide = [](const Uuid& id, StateRow* row, RowWriter& writer,
                                                TimePoint, bool doubtful) {
    return decide_cancel(id, row, writer, doubtful);
  };
  return transact<Uuid, jobs::CancelOutcome>(std::move(session), lease, std::move(ids), &id_itself,
                                             std::move(decide), in_doubt, deadline);
}

awaitable<Tried<Done<JobState>>> change_priorities(std::shared_ptr<Session> session, Lease* lease,
                                                   std::vector<const PriorityChange*> changes,
                                                   bool in_doubt, SteadyTime deadline) {
  Decide<PriorityChange, JobState> decide = [](const PriorityChange& change, StateRow* row,
                                               RowWriter& writer, TimePoint, bool) {
    return decide_priority(change, row, writer);
  };
  return transact<PriorityChange, JobState>(std::move(session), lease, std::move(changes),
                                            &id_of<PriorityChange>, std::move(decide), in_doubt,
                                            deadline);
}

std::size_t weight_of_job(const jobs::CheckedJob& checked) {
  return 200 + checked.job.payload.size();
}

std::size_t weight_of_completion(const jobs::CheckedCompletion& completion) {
  std::size_t weight = 100;
  if (const auto* succeeded = std::get_if<jobs::Succeed>(&completion.outcome)) {
    weight += succeeded->result.size();
  }
  for (const jobs::CheckedJob& child : completion.children) weight += weight_of_job(child);
  return weight;
}

std::size_t weight_of_update(const jobs::ProgressUpdate& update) {
  return 100 + (update.cursor ? update.cursor->size() : 0);
}

std::size_t weight_of_unpark(const jobs::UnparkRequest& request) {
  return 100 + request.value.size();
}

/// Shows how many items each transaction carries.
std::function<void(std::size_t)> batch_sizes(const PostgresOptions& options,
                                             const char* operation) {
  if (!options.metrics) return nullptr;
  static const std::vector<double> bounds = {1, 2, 5, 10, 20, 50, 100, 200, 500, 1'000, 2'000};
  observability::Histogram& sizes =
      options.metrics->histogram("rwp_postgres_batch_items", "Items that one transaction carried",
                                 bounds, {{"operation", operation}});
  return [&sizes](std::size_t items) { sizes.observe(static_cast<double>(items)); };
}

template <class Item, class T>
std::shared_ptr<Batcher<Item, T>> batcher_of(const Parts& parts, const PostgresOptions& options,
                                             const char* name, Do<Item, T> what,
                                             BatchLimits limits = BatchLimits(),
                                             std::size_t (*weigh)(const Item&) = nullptr) {
  typename Batcher<Item, T>::Run run = [session = parts.session,
                                        watch = std::weak_ptr<Watch>(parts.watch),
                                        what](std::vector<const Item*> items) {
    return run_items<Item, T>(session, watch, what, std::move(items));
  };
  return std::make_shared<Batcher<Item, T>>(parts.session->runtime(), limits, std::move(run), weigh,
                                            batch_sizes(options, name));
}

template <class T>
std::shared_ptr<Batcher<jobs::CheckedJob, T>> insert_batcher(const Parts& parts,
                                                             const PostgresOptions& options,
                                                             const char* name,
                                                             Do<jobs::CheckedJob, T> what,
                                                             std::size_t items) {
  typename Batcher<jobs::CheckedJob, T>::Run run =
      [session = parts.session, watch = std::weak_ptr<Watch>(parts.watch),
       what](std::vector<const jobs::CheckedJob*> jobs) {
        return insert_items<T>(session, watch, what, std::move(jobs));
      };
  BatchLimits limits;
  limits.items = items;
  limits.in_order = true;
  return std::make_shared<Batcher<jobs::CheckedJob, T>>(
      parts.session->runtime(), limits, std::move(run), &weight_of_job, batch_sizes(options, name));
}

void make_batchers(Parts& parts, const PostgresOptions& options) {
  parts.inserts =
      insert_batcher<jobs::Inserted>(parts, options, "insert", &insert_in_bulk, kJobsAtOnce);
  parts.inserts_with_keys = insert_batcher<jobs::Inserted>(parts, options, "insert_with_keys",
                                                           &insert_by_function, kKeyedJobsAtOnce);
  parts.dispatched_inserts = insert_batcher<jobs::RecordInserted>(
      parts, options, "insert_dispatched", &insert_dispatched, kJobsAtOnce);
  Batcher<jobs::CheckedCompletion, JobState>::Run run_finishes =
      [session = parts.session, watch = std::weak_ptr<Watch>(parts.watch)](
          std::vector<const jobs::CheckedCompletion*> items) {
        return finish_items(session, watch, std::move(items));
      };
  parts.finishes = std::make_shared<Batcher<jobs::CheckedCompletion, JobState>>(
      parts.session->runtime(), BatchLimits(), std::move(run_finishes), &weight_of_completion,
      batch_sizes(options, "finish"));
  parts.heartbeats = batcher_of<Heartbeat, jobs::LeaseState>(
      parts, options, "extend", &without_doubt<Heartbeat, jobs::LeaseState, &extend>);
  parts.starts = batcher_of<jobs::RunRef, jobs::LeaseState>(
      parts, options, "start", &without_doubt<jobs::RunRef, jobs::LeaseState, &mark_started>);
  parts.progress = batcher_of<jobs::ProgressUpdate, jobs::LeaseState>(
      parts, options, "progress", &without_doubt<jobs::ProgressUpdate, jobs::LeaseState, &progress>,
      BatchLimits(), &weight_of_update);
  parts.unparks = batcher_of<jobs::UnparkRequest, JobState>(parts, options, "unpark", &unpark_all,
                                                            BatchLimits(), &weight_of_unpark);
  parts.cancels = batcher_of<Uuid, jobs::CancelOutcome>(parts, options, "cancel", &cancel_all);
  parts.retries = batcher_of<Uuid, JobState>(parts, options, "retry", &retry);
  parts.priorities =
      batcher_of<PriorityChange, JobState>(parts, options, "priority", &change_priorities);
}

/// Nobody has claimed them: they are ready again, as if they had not been leased. Should it fail,
/// the next rescue frees them.
awaitable<Result<void>> hand_back(std::shared_ptr<Parts> parts,
                                  std::vector<Handovers::Handed> unclaimed) {
  std::vector<jobs::CheckedCompletion> completions(unclaimed.size());
  for (std::size_t i = 0; i < unclaimed.size(); ++i) completions[i].run = unclaimed[i].job.run;
  const auto answers = co_await parts->finishes->run(std::move(completions));
  for (std::size_t i = 0; answers && i < unclaimed.size(); ++i) {
    if ((*answers)[i]) unclaimed[i].reserved.taken();
  }
  co_return Result<void>();
}

awaitable<void> give_back(std::weak_ptr<Parts> weak, std::vector<Handovers::Handed> unclaimed) {
  const auto parts = weak.lock();
  if (parts) (void)co_await hand_back(parts, std::move(unclaimed));
}

}  // namespace

Result<std::shared_ptr<Parts>> open_parts(Runtime& runtime, const Url& url,
                                          const PostgresOptions& options) {
  if (runtime.on_io_thread()) {
    return Error(Errc::internal, "a job store is opened on another thread than its runtime's");
  }
  auto pool = make_pool(runtime, url, options);
  if (!pool) return pool.error().with_context(url.scheme() + ":");
  auto parts = std::make_shared<Parts>();
  parts->session = make_session(runtime, *pool, options, parts->claims);
  parts->may_vacuum = !options.transaction_pooler;
  parts->watch = std::make_shared<Watch>(parts->session, !options.transaction_pooler);
  make_batchers(*parts, options);
  parts->session->options().handovers->set_give_back(
      [weak = std::weak_ptr<Parts>(parts)](std::vector<Handovers::Handed> unclaimed) {
        return give_back(weak, std::move(unclaimed));
      });
  if (options.metrics) {
    parts->claim_seconds = &options.metrics->histogram(
        "rwp_postgres_claim_seconds", "Time that a claim took", observability::seconds_buckets());
  }
  if (options.metrics) {
    for (const char* table : kHotTables) {
      parts->dead_rows.push_back(&options.metrics->gauge(
          "rwp_postgres_dead_rows", "Rows that wait for vacuum, by the server's statistics",
          {{"table", table}}));
    }
    parts->rewrites = &options.metrics->counter(
        "rwp_postgres_rewrites_total", "Hot tables written anew, since no vacuum may clear them");
    parts->oldest_snapshot =
        &options.metrics->gauge("rwp_postgres_oldest_snapshot_seconds",
                                "Age of the oldest transaction that keeps dead rows from vacuum");
  }
  auto prepared = block_on(runtime, prepare(parts->session, options.migrate));
  if (!prepared) {
    close(runtime, parts);
    return prepared.error().with_context("opening jobs at " + url.masked());
  }
  return parts;
}

Result<void> migrate(Runtime& runtime, const Url& url, PostgresOptions options) {
  options.migrate = true;
  auto parts = open_parts(runtime, url, options);
  if (!parts) return parts.error();
  close(runtime, *parts);
  return {};
}

namespace {

awaitable<Result<void>> close_in_time(std::shared_ptr<Parts> parts) {
  Result<void> released;
  const auto& handovers = parts->session->options().handovers;
  auto unclaimed = handovers->close();
  if (!unclaimed.empty()) {
    auto handing_back = hand_back(parts, std::move(unclaimed));
    (void)co_await with_deadline(std::move(handing_back), steady_clock::now() + kPatienceOfClosing);
  }
  if (parts->has_claimed || handovers->is_used()) {
    released = co_await with_deadline(release_leases(parts->session, parts->claims->given_up()),
                                      steady_clock::now() + kPatienceOfClosing);
  }
  parts->watch->close();
  parts->session->pool().close();
  co_return released;
}

awaitable<void> close_alone(std::shared_ptr<Parts> parts) {
  (void)co_await close_in_time(std::move(parts));
}

}  // namespace

void close(Runtime& runtime, const std::shared_ptr<Parts>& parts) {
  if (runtime.on_io_thread()) {
    spawn(runtime.executor(), close_alone(parts), [](std::exception_ptr) {});
    return;
  }
  (void)block_on(runtime, close_in_time(parts));
}

awaitable<PerItem<JobState>> take_back_runs(std::shared_ptr<Parts> parts,
                                            std::vector<jobs::LostRun> runs,
                                            std::optional<std::int64_t> term) {
  Batch<JobState> batch = [session = parts->session, runs = std::move(runs), term](
                              Lease* lease, bool /*in_doubt*/, SteadyTime deadline) {
    return take_back(session, lease, runs, term, deadline);
  };
  return run_batch<JobState>(parts->session, parts->watch, std::move(batch));
}

}  // namespace rwp::jobs_postgres
