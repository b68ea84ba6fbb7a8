#include "jobs_tiered/work_watch.hpp"

#include <algorithm>

namespace rwp::jobs_tiered {

void WorkWatch::found_empty(const std::vector<LaneId>& lanes, std::uint64_t heard) {
  if (all_woken_ > heard) return;
  for (const LaneId each : lanes) {
    Lane& lane = lanes_[each];
    if (lane.woken <= heard) lane.empty = true;
  }
}

void WorkWatch::wake(LaneId lane) {
  ++heard_;
  // What nobody here has claimed from is not known to be empty.
  const auto found = lanes_.find(lane);
  if (found == lanes_.end()) return;
  found->second = Lane{.woken = heard_, .empty = false};
  changed_.notify_all();
}

void WorkWatch::wake_all() {
  all_woken_ = ++heard_;
  ++told_;
  for (auto& [id, lane] : lanes_) lane.empty = false;
  changed_.notify_all();
}

void WorkWatch::set_open(bool open) {
  if (open == open_) return;
  open_ = open;
  if (open) wake_all();
}

void WorkWatch::close() {
  closed_ = true;
  changed_.notify_all();
}

bool WorkWatch::may_have(const std::vector<LaneId>& lanes) const {
  return std::any_of(lanes.begin(), lanes.end(), [this](LaneId each) {
    const auto found = lanes_.find(each);
    return found == lanes_.end() || !found->second.empty;
  });
}

boost::asio::awaitable<Result<void>> WorkWatch::wait(std::vector<LaneId> lanes,
                                                     SteadyTime deadline) {
  const std::uint64_t told = told_;
  while (!closed_) {
    if (told_ != told || (open_ && may_have(lanes))) co_return Result<void>();
    const Wake wake = co_await changed_.wait_until(deadline);
    if (wake == Wake::cancelled) co_return Error(Errc::cancelled, "the wait was cancelled");
    if (wake == Wake::timed_out) co_return Result<void>();
  }
  co_return Error(Errc::unavailable, "the dispatch was shut down");
}

}  // namespace rwp::jobs_tiered
