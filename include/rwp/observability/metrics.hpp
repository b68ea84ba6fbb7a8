#pragma once

#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace rwp::observability {

/// Label names and values of one series. Values come from small, known sets: never ids, never
/// input.
using Labels = std::vector<std::pair<std::string, std::string>>;

/// Only rises. Threads: safe to share; a relaxed atomic add.
class Counter {
 public:
  virtual ~Counter() = default;
  virtual void add(double amount = 1.0) noexcept = 0;  ///< `amount` is not negative.
  virtual double value() const noexcept = 0;
};

/// Rises and falls. Threads: safe to share.
class Gauge {
 public:
  virtual ~Gauge() = default;
  virtual void set(double value) noexcept = 0;
  virtual void add(double amount) noexcept = 0;
  virtual double value() const noexcept = 0;
};

/// Counts observations in buckets. Threads: safe to share; without a lock.
class Histogram {
 public:
  virtual ~Histogram() = default;
  virtual void observe(double value) noexcept = 0;
};

/// The metrics of one process, in Prometheus' terms: names start with "rwp_", base units, suffixes
/// `_total` (each counter) and `_seconds`. Asking again for the same name and labels, in any order,
/// gives the same series.
///
/// A look-up takes a lock and compares strings: look a series up once and keep the reference. Using
/// the reference takes no lock.
///
///     Counter& claimed = metrics.counter("rwp_jobs_claimed_total", "Jobs claimed.");
///     …
///     claimed.add();
///
/// A metric holds 1,000 series; what comes with yet other labels is counted in one series with
/// "other" as every label's value, so that no input can exhaust memory. An illegal name, one name
/// for two types, or the label "le" is a defect of the caller and asserts.
///
/// Threads: safe to share. Lifetime: series live as long as the Metrics they came from.
class Metrics {
 public:
  virtual ~Metrics() = default;
  Metrics(const Metrics&) = delete;
  Metrics& operator=(const Metrics&) = delete;

  virtual Counter& counter(std::string_view name, std::string_view help,
                           const Labels& labels = Labels()) = 0;
  virtual Gauge& gauge(std::string_view name, std::string_view help,
                       const Labels& labels = Labels()) = 0;
  /// `bounds`: upper bucket bounds, rising; the first call for a name decides.
  virtual Histogram& histogram(std::string_view name, std::string_view help,
                               const std::vector<double>& bounds,
                               const Labels& labels = Labels()) = 0;

  /// Everything in Prometheus' text exposition format 0.0.4.
  virtual std::string expose() const = 0;

 protected:
  Metrics() = default;
};

/// Bucket bounds for durations in seconds, 0.5 ms to 60 s.
const std::vector<double>& seconds_buckets();

/// Metrics kept in this process and written by prometheus-cpp.
std::shared_ptr<Metrics> make_metrics();

}  // namespace rwp::observability
