#pragma once

#include <rwp/core/async.hpp>
#include <rwp/core/error.hpp>
#include <rwp/jobs/job_store.hpp>

#include <algorithm>
#include <atomic>
#include <chrono>
#include <functional>
#include <memory>
#include <utility>

namespace rwp::pods {

/// Lets writes wait for a store that is away for a while, as PostgreSQL is until another of its
/// servers has taken over: for so long, and so many at once. Threads: safe to share.
class WritePatience {
 public:
  /// `length` zero: nothing waits.
  explicit WritePatience(std::chrono::milliseconds length, int most = kMostWrites)
      : length_(length), most_(most) {}

  std::chrono::milliseconds length() const noexcept { return length_; }
  /// One more write; false: too many are under way.
  bool enter() noexcept {
    if (writes_.fetch_add(1, std::memory_order_relaxed) < most_) return true;
    leave();
    return false;
  }
  void leave() noexcept { writes_.fetch_sub(1, std::memory_order_relaxed); }

  static constexpr int kMostWrites = 1'000;

 private:
  const std::chrono::milliseconds length_;
  const int most_;
  std::atomic<int> writes_{0};
};

/// What is left of one write, whichever way it ends.
class PatientWrite {
 public:
  explicit PatientWrite(std::shared_ptr<WritePatience> patience)
      : patience_(std::move(patience)), admitted_(patience_->enter()) {}
  ~PatientWrite() {
    if (admitted_) patience_->leave();
  }
  PatientWrite(const PatientWrite&) = delete;
  PatientWrite& operator=(const PatientWrite&) = delete;
  bool admitted() const noexcept { return admitted_; }

 private:
  const std::shared_ptr<WritePatience> patience_;
  const bool admitted_;
};

/// Attempts a write, and again while the store is `Errc::unavailable`, which says that nothing was
/// done. `also_unknown`: and when the outcome is unknown (`Errc::deadline_exceeded`), for attempts
/// that may be repeated. Each attempt is bounded by the store's own patience, so the last one may
/// end that much later.
template <class T>
jobs::Awaitable<Result<T>> with_patience(std::shared_ptr<WritePatience> patience,
                                         std::function<jobs::Awaitable<Result<T>>()> attempt,
                                         bool also_unknown = false) {
  using std::chrono::milliseconds;
  const PatientWrite write(patience);
  if (!write.admitted()) {
    co_return Error(Errc::unavailable, "too many writes wait for the job store; try again")
        .with_retry_after(milliseconds(1'000));
  }
  const SteadyTime until = std::chrono::steady_clock::now() + patience->length();
  milliseconds pause(100);
  while (true) {
    auto operation = attempt();
    Result<T> done = co_await std::move(operation);
    if (done) co_return done;
    const Errc code = done.error().code();
    const bool again =
        code == Errc::unavailable || (also_unknown && code == Errc::deadline_exceeded);
    if (!again || std::chrono::steady_clock::now() + pause >= until) co_return done;
    auto slept = co_await sleep_for(pause);
    if (!slept) co_return slept.error();
    pause = std::min(pause * 2, milliseconds(1'000));
  }
}

}  // namespace rwp::pods
