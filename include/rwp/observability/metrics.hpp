#pragma once

#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace rwp::observability {

/// Label names and values of one series. Values come from small, known sets: never ids, never input.
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

/// Counts observations in buckets. Threads: safe to share.
class Histogram {
 public:
  virtual ~Histogram() = default;
  virtual void observe(double value) noexcept = 0;
};

/// The metrics of one process, in Prometheus' terms: names start with "rwp_", base units, suffixes
/// `_total` and `_seconds`. Asking again for the same name and labels gives the same series.
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

/// Metrics kept with prometheus-cpp.
std::shared_ptr<Metrics> make_metrics();

}  // namespace rwp::observability
