#include "jobs_postgres/admin.hpp"
#include "jobs_postgres/claim.hpp"
#include "jobs_postgres/dispatch_role.hpp"
#include "jobs_postgres/dispatched.hpp"
#include "jobs_postgres/runs.hpp"
#include "jobs_postgres/schema.hpp"
#include "jobs_postgres/session.hpp"
#include "jobs_postgres/store_parts.hpp"
#include "jobs_postgres/submit.hpp"
#include "jobs_postgres/usage.hpp"
#include "jobs_postgres/verify.hpp"
#include "jobs_postgres/watch.hpp"
#include <rwp/jobs_postgres/postgres_job_store.hpp>

#include <algorithm>
#include <exception>
#include <functional>
#include <iterator>
#include <utility>

namespace rwp::jobs_postgres {
namespace {

using jobs::Awaitable;
using jobs::PerItem;

/// What is to be dispatched first: it comes first in the lanes' order.
Awaitable<PerItem<jobs::RecordInserted>> record_all(std::shared_ptr<Parts> parts,
                                                    std::vector<jobs::RecordInsert> items) {
  std::vector<jobs::CheckedJob> dispatched;
  std::vector<jobs::CheckedJob> others;
  std::vector<std::size_t> places;
  bool keys = false;
  for (std::size_t i = 0; i < items.size(); ++i) {
    const bool has = has_keys(items[i].job);
    if (items[i].dispatch && !has) {
      dispatched.push_back(std::move(items[i].job));
      places.push_back(i);
    } else {
      others.push_back(std::move(items[i].job));
      keys = keys || has;
      items[i].dispatch = false;
    }
  }
  std::vector<Result<jobs::RecordInserted>> answers(items.size(), jobs::RecordInserted());
  if (!dispatched.empty()) {
    auto done = co_await parts->dispatched_inserts->run(std::move(dispatched));
    if (!done) co_return done.error();
    for (std::size_t i = 0; i < places.size(); ++i) answers[places[i]] = std::move((*done)[i]);
  }
  if (!others.empty()) {
    auto done = co_await (keys ? parts->inserts_with_keys : parts->inserts)->run(std::move(others));
    if (!done) co_return done.error();
    std::size_t next = 0;
    for (std::size_t i = 0; i < items.size(); ++i) {
      if (items[i].dispatch) continue;
      const auto& answer = (*done)[next++];
      if (answer) {
        answers[i] = jobs::RecordInserted{.inserted = *answer};
      } else {
        answers[i] = answer.error();
      }
    }
  }
  co_return answers;
}

class PostgresJobStore final : public jobs::RecordStore {
 public:
  PostgresJobStore(Runtime& runtime, const PostgresOptions& options, std::shared_ptr<Parts> parts)
      : RecordStore(runtime, options.blobs),
        parts_(std::move(parts)),
        usage_(make_usage_ledger(parts_->session)) {}

  ~PostgresJobStore() override { close(runtime(), parts_); }
  PostgresJobStore(const PostgresJobStore&) = delete;
  PostgresJobStore& operator=(const PostgresJobStore&) = delete;

  UsageLedger& usage() override { return *usage_; }
  jobs::TimePoint now() const override { return parts_->session->now(); }

  Awaitable<PerItem<jobs::RecordInserted>> record(std::vector<jobs::RecordInsert> items) override {
    return record_all(parts_, std::move(items));
  }
  Awaitable<PerItem<jobs::JobState>> record_ends(
      std::vector<jobs::CheckedCompletion> completions) override {
    return do_finish(std::move(completions));
  }
  Awaitable<Result<jobs::Backlog>> look_at_backlog() override {
    return jobs_postgres::look_at_backlog(parts_->session);
  }
  Awaitable<Result<std::vector<jobs::DispatchedJob>>> refill(jobs::RefillRequest request) override {
    return refill_jobs(parts_, request);
  }
  std::uint64_t backlog_changes() const override { return parts_->watch->changes(); }
  Awaitable<Result<void>> wait_for_backlog(std::uint64_t seen, SteadyTime deadline) override {
    return parts_->watch->wait_for_change(seen, deadline);
  }
  Awaitable<PerItem<jobs::JobState>> take_back(std::vector<jobs::LostRun> runs,
                                               std::optional<std::int64_t> term) override {
    return take_back_runs(parts_, std::move(runs), term);
  }
  Awaitable<PerItem<jobs::LeaseState>> confirm_tickets(std::vector<jobs::RunRef> runs) override {
    return jobs_postgres::confirm_tickets(parts_->session, std::move(runs));
  }
  Awaitable<PerItem<jobs::LeaseState>> check_tickets(std::vector<jobs::RunRef> runs) override {
    return jobs_postgres::check_tickets(parts_->session, std::move(runs));
  }
  Awaitable<PerItem<jobs::DispatchedJob>> load_tickets(std::vector<jobs::RunRef> runs) override {
    return jobs_postgres::load_tickets(parts_->session, std::move(runs));
  }
  Awaitable<Result<std::vector<jobs::DispatchRecord>>> dispatch_records(
      std::vector<Uuid> ids) override {
    return jobs_postgres::dispatch_records(parts_->session, std::move(ids));
  }
  Awaitable<Result<std::vector<jobs::DispatchRecord>>> dispatched_after(
      Uuid after, std::size_t limit) override {
    return jobs_postgres::dispatched_after(parts_->session, after, limit);
  }
  Awaitable<Result<std::vector<std::pair<jobs::RecordLane, std::size_t>>>> dispatched_counts()
      override {
    return jobs_postgres::dispatched_counts(parts_->session);
  }
  Awaitable<Result<std::int64_t>> last_stamp() override {
    return jobs_postgres::last_stamp(parts_->session);
  }

  std::vector<jobs::RecordLane> lanes_of(const jobs::ClaimRequest& request) const override {
    std::vector<jobs::RecordLane> lanes;
    for (const auto& [id, lane] : parts_->session->lanes()) {
      if (supports(request, lane)) lanes.push_back({.lane = id, .queue = lane.queue});
    }
    return lanes;
  }
  std::int64_t known_lane(const jobs::NewJob& job) const override {
    return parts_->session->known_lane(job.queue, job.kind, job.version);
  }
  bool name_lane(std::int64_t lane, jobs::ClaimedJob& job) const override {
    const Lane* found = parts_->session->find_lane(lane);
    if (found == nullptr) return false;
    job.queue = found->queue;
    job.kind = found->kind;
    job.version = found->version;
    return true;
  }
  Awaitable<Result<void>> refresh_lanes() override { return parts_->session->refresh_lanes(); }
  std::shared_ptr<void> offer_to_run(jobs::ClaimRequest request,
                                     std::function<void()> tell) override {
    return parts_->session->options().handovers->offer(std::move(request), std::move(tell));
  }
  Awaitable<std::vector<jobs::ClaimedJob>> take_handed(jobs::ClaimRequest request) override {
    return jobs_postgres::take_handed(parts_, std::move(request));
  }
  bool has_handed(const jobs::ClaimRequest& request) const override {
    return parts_->session->options().handovers->has_any(request);
  }
  Awaitable<Result<std::vector<std::string>>> paused_queues() override {
    return jobs_postgres::paused_queues(parts_->session);
  }

  Awaitable<Result<jobs::DispatchRole>> dispatch_role() override {
    return jobs_postgres::dispatch_role(parts_->session);
  }
  Awaitable<Result<jobs::DispatchRole>> set_dispatch_mode(
      jobs::DispatchMode mode, std::chrono::milliseconds grace) override {
    return jobs_postgres::set_dispatch_mode(parts_->session, mode, grace);
  }
  Awaitable<Result<void>> note_longest_lease(std::chrono::milliseconds lease) override {
    return jobs_postgres::note_longest_lease(parts_->session, lease);
  }
  Awaitable<Result<jobs::Leadership>> lead(std::chrono::milliseconds time) override {
    return jobs_postgres::lead(parts_->session, time);
  }
  Awaitable<Result<void>> stop_leading() override {
    return jobs_postgres::stop_leading(parts_->session);
  }

 private:
  Awaitable<PerItem<jobs::Inserted>> do_insert(std::vector<jobs::CheckedJob> jobs) override {
    const bool keys =
        std::any_of(jobs.begin(), jobs.end(), [](const auto& job) { return has_keys(job); });
    return keys ? parts_->inserts_with_keys->run(std::move(jobs))
                : parts_->inserts->run(std::move(jobs));
  }

  Awaitable<Result<std::vector<jobs::ClaimedJob>>> do_claim(jobs::ClaimRequest request) override {
    return claim_jobs(parts_, std::move(request));
  }

  Awaitable<Result<void>> do_wait_for_work(jobs::ClaimRequest request,
                                           SteadyTime deadline) override {
    return parts_->watch->wait_for_work(std::move(request), deadline);
  }

  Awaitable<PerItem<jobs::LeaseState>> do_mark_started(std::vector<jobs::RunRef> runs) override {
    return parts_->starts->run(std::move(runs));
  }

  Awaitable<PerItem<jobs::JobState>> do_finish(
      std::vector<jobs::CheckedCompletion> completions) override {
    return parts_->finishes->run(std::move(completions));
  }

  Awaitable<PerItem<jobs::LeaseState>> do_extend(std::vector<jobs::RunRef> runs,
                                                 std::chrono::milliseconds lease) override {
    std::vector<Heartbeat> beats;
    beats.reserve(runs.size());
    for (const jobs::RunRef& run : runs) beats.push_back({.run = run, .lease = lease});
    return parts_->heartbeats->run(std::move(beats));
  }

  Awaitable<PerItem<jobs::LeaseState>> do_progress(
      std::vector<jobs::ProgressUpdate> updates) override {
    return parts_->progress->run(std::move(updates));
  }

  Awaitable<Result<jobs::Rescued>> do_rescue(std::size_t limit) override {
    return rescue_jobs(parts_, limit);
  }

  Awaitable<PerItem<jobs::JobState>> do_unpark(std::vector<jobs::UnparkRequest> requests) override {
    return parts_->unparks->run(std::move(requests));
  }

  Awaitable<PerItem<jobs::CancelOutcome>> do_cancel(std::vector<Uuid> ids) override {
    return parts_->cancels->run(std::move(ids));
  }

  Awaitable<PerItem<jobs::JobState>> do_retry(std::vector<Uuid> ids) override {
    return parts_->retries->run(std::move(ids));
  }

  Awaitable<PerItem<jobs::JobState>> do_set_priority(std::vector<Uuid> ids,
                                                     jobs::Priority priority) override {
    std::vector<PriorityChange> changes;
    changes.reserve(ids.size());
    for (const Uuid& id : ids) changes.push_back({.id = id, .priority = priority});
    return parts_->priorities->run(std::move(changes));
  }

  Awaitable<PerItem<jobs::Job>> do_get(std::vector<Uuid> ids) override {
    return jobs_postgres::get(parts_->session, std::move(ids));
  }

  Awaitable<PerItem<jobs::Job>> do_wait_for_end(std::vector<Uuid> ids,
                                                SteadyTime deadline) override {
    auto waited = co_await parts_->watch->wait_for_end(ids, deadline);
    if (!waited) co_return waited.error();
    co_return co_await do_get(std::move(ids));
  }

  Awaitable<Result<jobs::JobPage>> do_list(jobs::JobFilter filter, std::string cursor,
                                           std::size_t limit) override {
    return jobs_postgres::list(parts_->session, std::move(filter), std::move(cursor), limit);
  }

  Awaitable<Result<std::vector<jobs::QueueCounts>>> do_counts(std::string tenant) override {
    return jobs_postgres::counts(parts_->session, std::move(tenant));
  }

  Awaitable<Result<void>> do_set_paused(std::string queue, bool paused) override {
    auto done = co_await jobs_postgres::set_paused(parts_->session, std::move(queue), paused);
    Effects effects;
    effects.look_again = true;
    if (done) parts_->watch->on_committed(std::move(effects));
    co_return done;
  }

  Awaitable<Result<jobs::Pruned>> do_prune(jobs::Retention retention) override {
    return jobs_postgres::prune(parts_->session, retention, &parts_->pruning);
  }

  Awaitable<PerItem<jobs::Erased>> do_erase(std::vector<Uuid> ids) override {
    return jobs_postgres::erase(parts_->session, std::move(ids));
  }

  /// The server's own: VACUUM, its log and its backups.
  Awaitable<Result<void>> do_scrub() override { co_return Result<void>(); }

  Awaitable<Result<jobs::VerifyPage>> do_verify(std::string cursor, std::size_t limit) override {
    return jobs_postgres::verify(parts_->session, std::move(cursor), limit);
  }

  const std::shared_ptr<Parts> parts_;
  const std::unique_ptr<UsageLedger> usage_;
};

}  // namespace

Result<std::shared_ptr<jobs::RecordStore>> open_postgres_record(Runtime& runtime, const Url& url,
                                                                PostgresOptions options) {
  auto parts = open_parts(runtime, url, options);
  if (!parts) return parts.error();
  return std::shared_ptr<jobs::RecordStore>(
      std::make_shared<PostgresJobStore>(runtime, options, std::move(*parts)));
}

Result<std::shared_ptr<jobs::JobStore>> open_postgres_job_store(Runtime& runtime, const Url& url,
                                                                PostgresOptions options) {
  auto record = open_postgres_record(runtime, url, std::move(options));
  if (!record) return record.error();
  return std::shared_ptr<jobs::JobStore>(std::move(*record));
}

}  // namespace rwp::jobs_postgres
