#pragma once

#include <rwp/analytics/sink.hpp>
#include <rwp/core/async.hpp>
#include <rwp/jobs/job_store.hpp>
#include <rwp/jobs/requests.hpp>
#include <rwp/observability/log.hpp>
#include <rwp/observability/metrics.hpp>

#include <boost/asio/any_io_executor.hpp>

#include <chrono>
#include <cstddef>
#include <memory>
#include <string>
#include <vector>

namespace rwp::analytics {

/// A sink and the name that the spool knows it by.
struct NamedSink {
  std::string name{};
  std::shared_ptr<Sink> sink{};
  /// Of the sink's runtime; none: it is the store's.
  boost::asio::any_io_executor executor{};
};

struct SpoolForwarderOptions {
  std::shared_ptr<jobs::JobStore> store{};
  std::vector<NamedSink> sinks{};
  /// How long what a forwarder holds stays its own without a heartbeat; 3 s or more.
  std::chrono::milliseconds lease{30'000};
  /// The wait after a failed delivery, doubled up to the cap.
  std::chrono::milliseconds first_wait{500};
  std::chrono::milliseconds longest_wait{60'000};
  /// Ended jobs of the store, parcels among them, are removed as a worker does it.
  jobs::Retention retention{};
  /// How long deliveries under way may take once it stops.
  std::chrono::milliseconds stop_grace{5'000};
  observability::Logger log{};
  /// May be null. rwp_spool_events_total by sink and outcome (delivered, refused),
  /// rwp_spool_retries_total and rwp_spool_waiting_parcels by sink.
  std::shared_ptr<observability::Metrics> metrics{};
};

/// Delivers what a Spool keeps, each sink on its own.
///
/// The clients of a sink are dealt out to four lanes. A lane is one forwarder's at a time, by a
/// lease in the store, so that however many processes forward, the events of a client arrive in the
/// order in which they were taken; after the death of its holder a lane moves on. Clients beside
/// each other are delivered side by side, up to 32 of a lane.
///
/// A failure that may pass is waited for, however long it lasts, with one delivery at a time as a
/// probe; nothing behind it is given up. A parcel of which a sink refuses an event for good has its
/// events delivered one by one, and ends as a failed job that names the refused ones. When a
/// delivery may be a repetition, the sink is asked first what it has.
///
/// Threads: start(), stop() and wait_stopped() on one thread that is no I/O thread; works on the
/// store's runtime. Lifetime: stops by itself before it ends, and waits for that.
class SpoolForwarder {
 public:
  explicit SpoolForwarder(SpoolForwarderOptions options);
  ~SpoolForwarder();
  SpoolForwarder(const SpoolForwarder&) = delete;
  SpoolForwarder& operator=(const SpoolForwarder&) = delete;

  void start();
  /// Takes nothing more, and gives back what it holds once deliveries under way have ended.
  void stop();
  bool wait_stopped(SteadyTime deadline);

 private:
  struct Impl;
  std::shared_ptr<Impl> impl_;
};

}  // namespace rwp::analytics
