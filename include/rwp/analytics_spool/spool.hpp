#pragma once

#include <rwp/analytics/event.hpp>
#include <rwp/analytics/sink.hpp>
#include <rwp/core/error.hpp>
#include <rwp/jobs/job_store.hpp>
#include <rwp/observability/metrics.hpp>

#include <boost/asio/awaitable.hpp>

#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <vector>

namespace rwp::analytics {

struct SpooledEvent {
  Event event{};
  /// False: it has the time at which the spool first took it, whatever `event.time` says.
  bool timed = true;
  /// Its id is its maker's, so a repetition can be recognised; false: the id was made here.
  bool identified = true;
};

/// Adds jobs to a store, on its runtime.
using InsertJobs = std::function<boost::asio::awaitable<jobs::PerItem<jobs::Inserted>>(
    std::vector<jobs::NewJob> jobs)>;

struct SpoolOptions {
  /// Where events wait; not null.
  std::shared_ptr<jobs::JobStore> store{};
  /// How they get there, as with patience for a store that is away; unset: by its insert().
  InsertJobs insert{};
  /// Names of the sinks that each event goes to: 1 to 32 of a-z 0-9 -; at least one. A name stands
  /// for a sink as long as events wait for it.
  std::vector<std::string> sinks{};
  /// Most parcels (requests of up to 25 events) that wait for one sink.
  std::size_t max_parcels = 1'000'000;
  /// Events whose ids are remembered in this process.
  std::size_t remembered_events = 500'000;
  /// May be null. rwp_spool_dropped_events_total and rwp_spool_waiting_parcels, by sink.
  std::shared_ptr<observability::Metrics> metrics{};
};

enum class Kept : std::uint8_t {
  taken,
  repeated,  ///< It was there already.
};

/// Keeps events in a jobs store until forwarders have delivered them (forwarder.hpp).
///
/// What keep() has answered is durable and reaches every sink at least once. Events of one client
/// wait in parcels, a job each of the kind `rwp.collect.parcel`; each sink has parcels and queues
/// of its own (`collect/SINK/LANE`), so that one that is slow or away holds no other up and has no
/// other's events delivered twice.
///
/// A repetition is recognised by the event's id, within its tenant: of the same events together, as
/// a client repeats a request, by the store for seven days; of one among others by this process,
/// for the last `remembered_events`. What neither sees is delivered again under the same id.
///
/// A sink for which `max_parcels` wait takes no further ones: what waits longest is dropped last.
/// When that holds for all sinks, events are refused (`Errc::unavailable`); as long as one takes
/// them, they are dropped and counted for the others.
///
/// Threads: confined to the store's runtime. Lifetime: outlives its calls in flight.
class Spool {
 public:
  explicit Spool(SpoolOptions options);
  ~Spool();
  Spool(const Spool&) = delete;
  Spool& operator=(const Spool&) = delete;

  /// One answer an event. `Errc::conflict`: another event of that id has been taken;
  /// `Errc::invalid_argument`: it is larger than a job may be. The outer Result fails with
  /// `Errc::unavailable` when the spool is full or the store away, and the outcome is then unknown.
  boost::asio::awaitable<Result<std::vector<Result<Kept>>>> keep(std::vector<SpooledEvent> events);

  jobs::JobStore& store() const noexcept;

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

/// A sink whose deliveries succeed once the spool has the events, from any runtime: for several
/// sinks where one is asked for.
std::shared_ptr<Sink> make_spooling_sink(std::shared_ptr<Spool> spool);

}  // namespace rwp::analytics
