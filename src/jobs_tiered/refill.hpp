#pragma once

#include "jobs_tiered/parts.hpp"

#include <boost/asio/awaitable.hpp>

#include <cstdint>
#include <memory>

namespace rwp::jobs_tiered {

/// Whether a job of this lane (0: a new one) and priority may go to Redis with its submit: there is
/// room, and none waits before it.
bool has_room(const Parts& parts, LaneId lane, jobs::Priority priority, std::size_t wanted);

/// Whether jobs may wait for a ticket that were not there when the backlog was last looked at.
bool may_have_backlog(const Parts& parts);

/// What topping up came to.
struct ToppedUp {
  std::size_t queued = 0;
  /// Jobs wait for which there is no room.
  bool is_full = false;
};

/// Moves what is due, and gives tickets to what waits in the record, as far as there is room: up to
/// `rounds` times some thousand of each lane and priority. One at a time; who comes second waits
/// for the first, and is answered as it was.
boost::asio::awaitable<Result<ToppedUp>> top_up(std::shared_ptr<Parts> parts, int rounds);

/// Tops up whenever jobs begin to wait, for as long as the store is open: the leader's, who sees to
/// it for everybody.
boost::asio::awaitable<void> keep_topped_up(std::shared_ptr<Parts> parts,
                                            std::shared_ptr<const bool> leads);

}  // namespace rwp::jobs_tiered
