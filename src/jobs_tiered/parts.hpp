#pragma once

#include "core/batcher.hpp"
#include "jobs_tiered/dispatch.hpp"
#include "jobs_tiered/tiered_series.hpp"
#include <rwp/core/async.hpp>
#include <rwp/jobs/record_store.hpp>
#include <rwp/jobs_tiered/tiered_job_store.hpp>

#include <boost/asio/awaitable.hpp>

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <utility>
#include <vector>

namespace rwp::jobs_tiered {

using LanePriority = std::pair<LaneId, jobs::Priority>;

/// What all parts of one store share.
///
/// Threads: confined to the runtime's I/O thread. Lifetime: kept by the store and its calls.
struct Parts : std::enable_shared_from_this<Parts> {
  Parts(Runtime& its_runtime, std::shared_ptr<jobs::RecordStore> its_record,
        std::shared_ptr<Dispatch> its_dispatch, const TieredOptions& its_options)
      : runtime(its_runtime),
        record(std::move(its_record)),
        dispatch(std::move(its_dispatch)),
        options(its_options),
        series(its_options.metrics) {}

  /// Jobs are handed out by the dispatch, as far as was last heard.
  bool dispatches() const { return role.mode == jobs::DispatchMode::dispatch; }

  Runtime& runtime;
  const std::shared_ptr<jobs::RecordStore> record;
  const std::shared_ptr<Dispatch> dispatch;
  const TieredOptions options;
  Series series;

  std::shared_ptr<Batcher<Ticket, PushOutcome>> pushes{};
  std::shared_ptr<Batcher<jobs::RunRef, bool>> releases{};

  jobs::DispatchRole role{};
  SteadyTime role_seen{};
  /// Tickets that are on their way to Redis.
  std::map<LanePriority, std::size_t> under_way{};

  /// Claimed, and not to be run here: still to be handed back.
  std::vector<jobs::RunRef> unused{};

  /// Of the record's backlog_changes(), when the backlog was last looked at.
  std::uint64_t backlog_seen = 0;
  std::optional<jobs::TimePoint> next_due{};
  /// Parks past their deadline that ended with a look at the backlog, since the last rescue.
  std::size_t lapsed_parks = 0;
  bool topping_up = false;
  Signal topped_up{};
  /// A claim has last asked for so many jobs that it takes a backlog from the record itself.
  SteadyTime asked_for_many{};
  /// Releases that nobody waits for.
  std::size_t releasing = 0;
  /// A push has ended the last wait for work: a claim that finds nothing has come second.
  bool woken_by_push = false;

  bool closed = false;
  Signal closing{};
};

/// Who hands jobs out, asked anew when it was last heard long ago. `unavailable`: nobody can tell.
boost::asio::awaitable<Result<jobs::DispatchRole>> current_role(std::shared_ptr<Parts> parts);
boost::asio::awaitable<Result<jobs::DispatchRole>> read_role(std::shared_ptr<Parts> parts);

/// Gives tickets out; what finds no room waits in the record again. What fails is found by the
/// reconciler. Answers how many are queued.
boost::asio::awaitable<std::size_t> give_out(std::shared_ptr<Parts> parts,
                                             std::vector<Ticket> tickets);
/// A ticket of a job as the record has given it.
Ticket ticket_of(const jobs::DispatchedJob& given);

/// Makes what `parts` gathers with.
void make_batchers(const std::shared_ptr<Parts>& parts);

}  // namespace rwp::jobs_tiered
