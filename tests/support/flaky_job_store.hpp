#pragma once

#include "support/event.hpp"
#include <rwp/core/async.hpp>
#include <rwp/jobs/job_store.hpp>

#include <atomic>
#include <memory>
#include <utility>
#include <vector>

namespace rwp::tests {

/// Another store whose answers can be made to fail, which a real one does when its disk is full or
/// its server is away. Threads: the switches from any.
class FlakyJobStore final : public jobs::JobStore {
 public:
  FlakyJobStore(Runtime& runtime, std::shared_ptr<jobs::JobStore> inner)
      : JobStore(runtime, nullptr), inner_(std::move(inner)) {}

  /// Workers' calls fail as unavailable, without effect.
  std::atomic<bool> away{false};
  /// So many calls of finish() take effect, and their answer is lost.
  std::atomic<int> finishes_to_lose{0};
  std::atomic<bool> heartbeats_fail{false};
  /// So many calls of insert() fail as unavailable, without effect.
  std::atomic<int> inserts_to_refuse{0};
  /// So many calls of insert() take effect, and their answer is lost.
  std::atomic<int> inserts_to_lose{0};
  /// Claims with a suspect are answered when two of them are there, or after a while.
  std::atomic<bool> suspects_come_in_pairs{false};
  /// A claim with a suspect is answered once there is another beside it, or after a while, and that
  /// one later.
  std::atomic<bool> claims_lag_behind_suspects{false};
  std::atomic<int> suspects_held{0};
  /// Claims that have not been answered.
  std::atomic<int> open_claims{0};
  std::atomic<int> claims{0};
  std::atomic<int> heartbeats{0};
  std::atomic<int> failed_finishes{0};

  UsageLedger& usage() override { return inner_->usage(); }
  jobs::TimePoint now() const override { return inner_->now(); }

 private:
  template <class T>
  using Awaitable = jobs::Awaitable<T>;
  template <class T>
  using PerItem = jobs::PerItem<T>;

  static Error gone() { return Error(Errc::unavailable, "the store is away"); }

  Awaitable<Result<std::vector<jobs::ClaimedJob>>> do_claim(jobs::ClaimRequest request) override {
    if (away) co_return gone();
    ++claims;
    ++open_claims;
    pair_.notify_all();
    auto claimed = co_await inner_->claim(std::move(request));
    const bool suspect = claimed && !claimed->empty() && claimed->back().alone;
    const auto deadline = std::chrono::steady_clock::now() + kGuard / 4;
    if (suspect && suspects_come_in_pairs) {
      ++suspects_held;
      pair_.notify_all();
      while (suspects_held < 2 && std::chrono::steady_clock::now() < deadline) {
        if (co_await pair_.wait_until(deadline) == Wake::cancelled) break;
      }
    } else if (suspect && claims_lag_behind_suspects) {
      ++suspects_held;
      while (open_claims < 2 && std::chrono::steady_clock::now() < deadline) {
        if (co_await pair_.wait_until(deadline) == Wake::cancelled) break;
      }
    } else if (suspects_held > 0 && claims_lag_behind_suspects) {
      (void)co_await sleep_for(std::chrono::milliseconds(50));
    }
    --open_claims;
    co_return claimed;
  }
  Awaitable<Result<void>> do_wait_for_work(jobs::ClaimRequest request,
                                           SteadyTime deadline) override {
    return inner_->wait_for_work(std::move(request), deadline);
  }
  Awaitable<PerItem<jobs::LeaseState>> do_mark_started(std::vector<jobs::RunRef> runs) override {
    if (away) co_return gone();
    co_return co_await inner_->mark_started(std::move(runs));
  }
  Awaitable<PerItem<jobs::JobState>> do_finish(
      std::vector<jobs::CheckedCompletion> completions) override {
    if (away) {
      ++failed_finishes;
      co_return gone();
    }
    std::vector<jobs::Completion> unchecked;
    for (jobs::CheckedCompletion& completion : completions) {
      jobs::Completion plain{.run = completion.run, .outcome = std::move(completion.outcome)};
      for (jobs::CheckedJob& child : completion.children) {
        plain.children.push_back(std::move(child.job));
      }
      unchecked.push_back(std::move(plain));
    }
    auto answers = co_await inner_->finish(std::move(unchecked));
    if (finishes_to_lose > 0) {
      --finishes_to_lose;
      ++failed_finishes;
      co_return Error(Errc::deadline_exceeded, "the answer was lost");
    }
    co_return answers;
  }
  Awaitable<PerItem<jobs::LeaseState>> do_extend(std::vector<jobs::RunRef> runs,
                                                 std::chrono::milliseconds lease) override {
    if (away || heartbeats_fail) co_return gone();
    auto answers = co_await inner_->extend(std::move(runs), lease);
    ++heartbeats;
    co_return answers;
  }
  Awaitable<PerItem<jobs::LeaseState>> do_progress(
      std::vector<jobs::ProgressUpdate> updates) override {
    if (away) co_return gone();
    co_return co_await inner_->progress(std::move(updates));
  }
  Awaitable<Result<jobs::Rescued>> do_rescue(std::size_t limit) override {
    return inner_->rescue(limit);
  }
  Awaitable<PerItem<jobs::CancelOutcome>> do_cancel(std::vector<Uuid> ids) override {
    return inner_->cancel(std::move(ids));
  }
  Awaitable<PerItem<jobs::JobState>> do_retry(std::vector<Uuid> ids) override {
    return inner_->retry(std::move(ids));
  }
  Awaitable<PerItem<jobs::JobState>> do_set_priority(std::vector<Uuid> ids,
                                                     jobs::Priority priority) override {
    return inner_->set_priority(std::move(ids), priority);
  }
  Awaitable<Result<jobs::JobPage>> do_list(jobs::JobFilter filter, std::string cursor,
                                           std::size_t limit) override {
    return inner_->list(std::move(filter), std::move(cursor), limit);
  }
  Awaitable<Result<std::vector<jobs::QueueCounts>>> do_counts(std::string tenant) override {
    return inner_->counts(std::move(tenant));
  }
  Awaitable<Result<void>> do_set_paused(std::string queue, bool paused) override {
    return paused ? inner_->pause(std::move(queue)) : inner_->resume(std::move(queue));
  }
  Awaitable<Result<jobs::Pruned>> do_prune(jobs::Retention retention) override {
    return inner_->prune(retention);
  }
  Awaitable<PerItem<jobs::Inserted>> do_insert(std::vector<jobs::CheckedJob> jobs) override {
    std::vector<jobs::NewJob> unchecked;
    for (jobs::CheckedJob& job : jobs) unchecked.push_back(std::move(job.job));
    if (inserts_to_refuse > 0) {
      --inserts_to_refuse;
      co_return gone();
    }
    auto answers = co_await inner_->insert(std::move(unchecked));
    if (inserts_to_lose > 0) {
      --inserts_to_lose;
      co_return Error(Errc::deadline_exceeded, "the answer was lost");
    }
    co_return answers;
  }
  Awaitable<PerItem<jobs::Job>> do_get(std::vector<Uuid> ids) override {
    return inner_->get(std::move(ids));
  }
  Awaitable<PerItem<jobs::Job>> do_wait_for_end(std::vector<Uuid> ids,
                                                SteadyTime deadline) override {
    return inner_->wait_for_end(std::move(ids), deadline);
  }
  Awaitable<PerItem<jobs::JobState>> do_unpark(std::vector<jobs::UnparkRequest> requests) override {
    return inner_->unpark(std::move(requests));
  }

  const std::shared_ptr<jobs::JobStore> inner_;
  Signal pair_;
};

}  // namespace rwp::tests
