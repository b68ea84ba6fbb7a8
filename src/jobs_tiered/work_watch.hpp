#pragma once

#include "jobs_tiered/ticket.hpp"
#include <rwp/core/async.hpp>
#include <rwp/core/error.hpp>

#include <boost/asio/awaitable.hpp>

#include <cstdint>
#include <unordered_map>
#include <vector>

namespace rwp::jobs_tiered {

/// Which lanes have been found empty since anything was heard of them; lets callers wait until one
/// is not known to be empty.
///
/// Threads: confined to the runtime's I/O thread. Lifetime: outlives its waits.
class WorkWatch {
 public:
  /// What was heard before a claim was sent.
  std::uint64_t heard() const noexcept { return heard_; }
  /// A claim that was sent when heard() was that found nothing (more) in these lanes.
  void found_empty(const std::vector<LaneId>& lanes, std::uint64_t heard);

  /// There may be work in this lane.
  void wake(LaneId lane);
  /// In all lanes.
  void wake_all();
  /// While closed, nobody is told of work.
  void set_open(bool open);
  bool is_open() const noexcept { return open_; }
  /// All waits end, with `Errc::unavailable`.
  void close();

  boost::asio::awaitable<Result<void>> wait(std::vector<LaneId> lanes, SteadyTime deadline);
  bool has_waiters() const noexcept { return changed_.has_waiters(); }

 private:
  struct Lane {
    std::uint64_t woken = 0;
    bool empty = false;
  };
  bool may_have(const std::vector<LaneId>& lanes) const;

  std::unordered_map<LaneId, Lane> lanes_;
  std::uint64_t heard_ = 0;
  std::uint64_t all_woken_ = 0;
  std::uint64_t told_ = 0;
  bool open_ = false;
  bool closed_ = false;
  Signal changed_;
};

}  // namespace rwp::jobs_tiered
