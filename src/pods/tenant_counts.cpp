#include "pods/tenant_counts.hpp"

#include <algorithm>
#include <chrono>
#include <utility>

namespace rwp::pods {

using namespace std::chrono_literals;
using Clock = std::chrono::steady_clock;

jobs::Awaitable<Result<std::vector<jobs::QueueCounts>>> TenantCounts::of(std::string tenant) {
  if (const auto found = kept_.find(tenant); found != kept_.end()) {
    const auto kept = found->second;
    if (kept->asking) {
      const auto wake = co_await kept->answered.wait_until(Clock::now() + 30s);
      if (wake == Wake::cancelled) co_return Error(Errc::cancelled, "the caller has gone");
      if (!kept->asking) co_return kept->answer;
      // Who asked has gone, or takes for ever: ask oneself.
    } else if (Clock::now() < kept->until) {
      co_return kept->answer;
    }
  }
  if (kept_.size() >= kMostKept) kept_.clear();
  const auto kept = std::make_shared<Kept>();
  kept_[tenant] = kept;
  // Also when this frame goes while the store counts: those who wait ask themselves.
  const auto leave = [](Kept* asked) { asked->answered.notify_all(); };
  const std::unique_ptr<Kept, decltype(leave)> told(kept.get(), leave);
  const auto begun = Clock::now();
  kept->answer = co_await store_->counts(std::move(tenant));
  kept->asking = false;
  const auto now = Clock::now();
  // A failure is not kept: the next one who asks may be luckier.
  if (kept->answer) kept->until = now + std::max<Clock::duration>(1s, 10 * (now - begun));
  co_return kept->answer;
}

}  // namespace rwp::pods
