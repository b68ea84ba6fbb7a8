#include "jobs_tiered/dispatch.hpp"
#include "jobs_tiered/look.hpp"
#include "jobs_tiered/parts.hpp"
#include "jobs_tiered/reconcile.hpp"
#include "jobs_tiered/refill.hpp"
#include "jobs_tiered/steer.hpp"
#include "jobs_tiered/submit.hpp"
#include "jobs_tiered/verify.hpp"
#include "jobs_tiered/work.hpp"
#include <rwp/core/uuid.hpp>
#include <rwp/jobs_tiered/tiered_job_store.hpp>

#include <exception>
#include <functional>
#include <utility>

namespace rwp::jobs_tiered {
namespace {

using jobs::Awaitable;
using jobs::PerItem;
using std::chrono::steady_clock;

constexpr std::chrono::seconds kPatienceOfOpening{2};
constexpr std::chrono::seconds kPatienceOfClosing{2};

/// What goes on while a store is open.
struct Loops {
  std::shared_ptr<Parts> parts{};
  std::shared_ptr<Reconciler> reconciler{};
  Task reconciling{};
  Task topping_up{};
  /// Loops that have not ended.
  int running = 0;
};

Awaitable<Result<void>> prepare(std::shared_ptr<Parts> parts,
                                std::shared_ptr<Reconciler> reconciler) {
  auto role = co_await read_role(parts);
  if (!role) co_return role.error();
  // Redis need not be there.
  auto stepping = reconciler->step();
  (void)co_await with_deadline(std::move(stepping), steady_clock::now() + kPatienceOfOpening);
  if (auto other = parts->dispatch->is_of_another()) co_return *std::move(other);
  const auto risks = co_await parts->dispatch->risks();
  for (std::size_t i = 0; risks && i < risks->size(); ++i) {
    parts->options.log.warn("Redis is set up at a risk", {{"risk", (*risks)[i]}});
  }
  // The first look at the leases' clock: what lapses from here on is its holder's own fault.
  if (parts->dispatch->is_open()) (void)co_await parts->dispatch->expired(1);
  co_return Result<void>();
}

void start(const std::shared_ptr<Parts>& parts, const std::shared_ptr<Loops>& loops) {
  std::weak_ptr<Parts> weak = parts;
  std::function<void(std::exception_ptr)> ended = [loops, weak](std::exception_ptr) {
    --loops->running;
    if (const auto still = weak.lock()) still->closing.notify_all();
  };
  loops->running = 2;
  loops->reconciling = Task(parts->runtime.executor(), Reconciler::run(loops->reconciler), ended);
  loops->topping_up = Task(parts->runtime.executor(),
                           keep_topped_up(parts, loops->reconciler->leads()), std::move(ended));
}

/// Lets others have what this store holds, and waits until nothing of it goes on.
Awaitable<Result<void>> let_go(std::shared_ptr<Loops> loops) {
  const std::shared_ptr<Parts> parts = loops->parts;
  co_await hand_back_unused(parts);
  (void)co_await parts->dispatch->give_up_leases();
  co_await loops->reconciler->resign();
  while (loops->running > 0 || parts->releasing > 0) {
    const Wake wake = co_await parts->closing.wait_until(SteadyTime::max());
    if (wake == Wake::cancelled) break;
  }
  co_return Result<void>();
}

Awaitable<Result<void>> close_in_time(std::shared_ptr<Loops> loops) {
  const std::shared_ptr<Parts> parts = loops->parts;
  parts->closed = true;
  loops->reconciling.cancel();
  loops->topping_up.cancel();
  auto letting_go = let_go(loops);
  auto done =
      co_await with_deadline(std::move(letting_go), steady_clock::now() + kPatienceOfClosing);
  parts->dispatch->shut_down();
  parts->topped_up.notify_all();
  co_return done;
}

Awaitable<void> close_alone(std::shared_ptr<Loops> loops) {
  (void)co_await close_in_time(std::move(loops));
}

class TieredJobStore final : public jobs::JobStore {
 public:
  TieredJobStore(std::shared_ptr<Parts> parts, std::shared_ptr<Loops> loops)
      : JobStore(parts->runtime, parts->options.blobs),
        parts_(std::move(parts)),
        loops_(std::move(loops)) {}

  ~TieredJobStore() override {
    if (runtime().on_io_thread()) {
      spawn(runtime().executor(), close_alone(loops_), [](std::exception_ptr) {});
    } else {
      (void)block_on(runtime(), close_in_time(loops_));
    }
  }
  TieredJobStore(const TieredJobStore&) = delete;
  TieredJobStore& operator=(const TieredJobStore&) = delete;

  UsageLedger& usage() override { return parts_->record->usage(); }
  jobs::TimePoint now() const override { return parts_->record->now(); }

 private:
  Awaitable<PerItem<jobs::Inserted>> do_insert(std::vector<jobs::CheckedJob> jobs) override {
    return submit(parts_, std::move(jobs));
  }
  Awaitable<Result<std::vector<jobs::ClaimedJob>>> do_claim(jobs::ClaimRequest request) override {
    return jobs_tiered::claim(parts_, std::move(request));
  }
  Awaitable<Result<void>> do_wait_for_work(jobs::ClaimRequest request,
                                           SteadyTime deadline) override {
    return jobs_tiered::wait_for_work(parts_, std::move(request), deadline);
  }
  Awaitable<PerItem<jobs::LeaseState>> do_mark_started(std::vector<jobs::RunRef> runs) override {
    return jobs_tiered::mark_started(parts_, std::move(runs));
  }
  Awaitable<PerItem<jobs::JobState>> do_finish(
      std::vector<jobs::CheckedCompletion> completions) override {
    return jobs_tiered::finish(parts_, std::move(completions));
  }
  Awaitable<PerItem<jobs::LeaseState>> do_extend(std::vector<jobs::RunRef> runs,
                                                 std::chrono::milliseconds lease) override {
    return jobs_tiered::extend(parts_, std::move(runs), lease);
  }
  Awaitable<PerItem<jobs::LeaseState>> do_progress(
      std::vector<jobs::ProgressUpdate> updates) override {
    return parts_->record->progress(std::move(updates));
  }
  Awaitable<Result<jobs::Rescued>> do_rescue(std::size_t limit) override {
    return jobs_tiered::rescue(parts_, limit);
  }
  Awaitable<PerItem<jobs::JobState>> do_unpark(std::vector<jobs::UnparkRequest> requests) override {
    return jobs_tiered::unpark(parts_, std::move(requests));
  }
  Awaitable<PerItem<jobs::CancelOutcome>> do_cancel(std::vector<Uuid> ids) override {
    return jobs_tiered::cancel(parts_, std::move(ids));
  }
  Awaitable<PerItem<jobs::JobState>> do_retry(std::vector<Uuid> ids) override {
    return jobs_tiered::retry(parts_, std::move(ids));
  }
  Awaitable<PerItem<jobs::JobState>> do_set_priority(std::vector<Uuid> ids,
                                                     jobs::Priority priority) override {
    return jobs_tiered::set_priority(parts_, std::move(ids), priority);
  }
  Awaitable<PerItem<jobs::Job>> do_get(std::vector<Uuid> ids) override {
    return jobs_tiered::get(parts_, std::move(ids));
  }
  Awaitable<PerItem<jobs::Job>> do_wait_for_end(std::vector<Uuid> ids,
                                                SteadyTime deadline) override {
    auto waited = co_await parts_->record->wait_for_end(std::move(ids), deadline);
    if (!waited) co_return waited;
    std::vector<jobs::Job*> jobs;
    for (auto& job : *waited) {
      if (job) jobs.push_back(&*job);
    }
    (void)co_await split_running(parts_, std::move(jobs));
    co_return waited;
  }
  Awaitable<Result<jobs::JobPage>> do_list(jobs::JobFilter filter, std::string cursor,
                                           std::size_t limit) override {
    return jobs_tiered::list(parts_, std::move(filter), std::move(cursor), limit);
  }
  Awaitable<Result<std::vector<jobs::QueueCounts>>> do_counts(std::string tenant) override {
    return jobs_tiered::counts(parts_, std::move(tenant));
  }
  Awaitable<Result<void>> do_set_paused(std::string queue, bool paused) override {
    return jobs_tiered::set_paused(parts_, std::move(queue), paused);
  }
  Awaitable<Result<jobs::Pruned>> do_prune(jobs::Retention retention) override {
    return parts_->record->prune(retention);
  }
  Awaitable<PerItem<jobs::Erased>> do_erase(std::vector<Uuid> ids) override {
    return parts_->record->erase(std::move(ids));
  }
  Awaitable<Result<void>> do_scrub() override { return parts_->record->scrub(); }
  Awaitable<Result<jobs::VerifyPage>> do_verify(std::string cursor, std::size_t limit) override {
    return jobs_tiered::verify(parts_, std::move(cursor), limit);
  }
  bool has_dispatch() const override { return true; }
  Awaitable<Result<void>> do_hands_out() override { return jobs_tiered::hands_out(parts_); }

  const std::shared_ptr<Parts> parts_;
  const std::shared_ptr<Loops> loops_;
};

}  // namespace

Result<std::shared_ptr<jobs::JobStore>> open_tiered_job_store(
    Runtime& runtime, std::shared_ptr<jobs::RecordStore> record, const Url& redis,
    TieredOptions options) {
  if (runtime.on_io_thread()) {
    return Error(Errc::internal, "a job store is opened on another thread than its runtime's");
  }
  DispatchOptions dispatch_options;
  dispatch_options.window_jobs = options.window_jobs;
  dispatch_options.window_bytes = options.window_bytes;
  dispatch_options.holder = Uuid::make_v7().to_string();
  dispatch_options.name = options.name;
  dispatch_options.clock = options.clock;
  dispatch_options.log = options.log;
  dispatch_options.metrics = options.metrics;
  auto dispatch = make_redis_dispatch(runtime, redis, std::move(dispatch_options));
  if (!dispatch) return dispatch.error();
  auto parts = std::make_shared<Parts>(runtime, std::move(record), std::move(*dispatch), options);
  make_batchers(parts);
  auto loops = std::make_shared<Loops>();
  loops->parts = parts;
  loops->reconciler = std::make_shared<Reconciler>(parts);
  const auto prepared = block_on(runtime, prepare(parts, loops->reconciler));
  if (!prepared) {
    (void)block_on(runtime, close_in_time(loops));
    return prepared.error().with_context("opening jobs at " + redis.masked());
  }
  start(parts, loops);
  return std::shared_ptr<jobs::JobStore>(
      std::make_shared<TieredJobStore>(std::move(parts), std::move(loops)));
}

}  // namespace rwp::jobs_tiered
