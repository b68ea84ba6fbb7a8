#include "jobs_postgres/admin.hpp"
#include "jobs_postgres/batcher.hpp"
#include "jobs_postgres/claim.hpp"
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

class PostgresJobStore final : public jobs::JobStore {
 public:
  PostgresJobStore(Runtime& runtime, const PostgresOptions& options, std::shared_ptr<Parts> parts)
      : JobStore(runtime, options.blobs),
        parts_(std::move(parts)),
        usage_(make_usage_ledger(parts_->session)) {}

  ~PostgresJobStore() override { close(runtime(), parts_); }
  PostgresJobStore(const PostgresJobStore&) = delete;
  PostgresJobStore& operator=(const PostgresJobStore&) = delete;

  UsageLedger& usage() override { return *usage_; }
  jobs::TimePoint now() const override { return parts_->session->now(); }

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
    return jobs_postgres::prune(parts_->session, retention, &parts_->pruned_to);
  }

  Awaitable<Result<jobs::VerifyPage>> do_verify(std::string cursor, std::size_t limit) override {
    return jobs_postgres::verify(parts_->session, std::move(cursor), limit);
  }

  const std::shared_ptr<Parts> parts_;
  const std::unique_ptr<UsageLedger> usage_;
};

}  // namespace

Result<std::shared_ptr<jobs::JobStore>> open_postgres_job_store(Runtime& runtime, const Url& url,
                                                                PostgresOptions options) {
  auto parts = open_parts(runtime, url, options);
  if (!parts) return parts.error();
  return std::shared_ptr<jobs::JobStore>(
      std::make_shared<PostgresJobStore>(runtime, options, std::move(*parts)));
}

}  // namespace rwp::jobs_postgres
