#include <rwp/observability/metrics.hpp>

#include <prometheus/metric_family.h>
#include <prometheus/text_serializer.h>

#include <algorithm>
#include <atomic>
#include <cassert>
#include <cstddef>
#include <cstdint>
#include <limits>
#include <map>
#include <mutex>

namespace rwp::observability {
namespace {

/// Series of one metric; further label values are counted together under this value.
constexpr std::size_t kMaxSeries = 1000;
constexpr std::string_view kOther = "other";

// The series are our own because prometheus-cpp's histogram takes a lock for each observation.

void add_relaxed(std::atomic<double>& value, double amount) noexcept {
  value.fetch_add(amount, std::memory_order_relaxed);
}

class AtomicCounter final : public Counter {
 public:
  void add(double amount) noexcept override {
    assert(amount >= 0 && "a counter only rises");
    if (amount > 0) add_relaxed(value_, amount);
  }
  double value() const noexcept override { return value_.load(std::memory_order_relaxed); }
  void collect(prometheus::ClientMetric& out) const { out.counter.value = value(); }

 private:
  std::atomic<double> value_{0.0};
};

class AtomicGauge final : public Gauge {
 public:
  void set(double value) noexcept override { value_.store(value, std::memory_order_relaxed); }
  void add(double amount) noexcept override { add_relaxed(value_, amount); }
  double value() const noexcept override { return value_.load(std::memory_order_relaxed); }
  void collect(prometheus::ClientMetric& out) const { out.gauge.value = value(); }

 private:
  std::atomic<double> value_{0.0};
};

class AtomicHistogram final : public Histogram {
 public:
  explicit AtomicHistogram(const std::vector<double>& bounds)
      : bounds_(bounds), counts_(bounds.size() + 1) {}

  void observe(double value) noexcept override {
    // A bucket takes what is at most its bound; the last one takes the rest, NaN too.
    const auto bucket = std::lower_bound(bounds_.begin(), bounds_.end(), value);
    const auto index =
        value == value ? static_cast<std::size_t>(bucket - bounds_.begin()) : bounds_.size();
    counts_[index].fetch_add(1, std::memory_order_relaxed);
    add_relaxed(sum_, value);
  }

  void collect(prometheus::ClientMetric& out) const {
    std::uint64_t total = 0;
    for (std::size_t i = 0; i < counts_.size(); ++i) {
      total += counts_[i].load(std::memory_order_relaxed);
      prometheus::ClientMetric::Bucket bucket;
      bucket.cumulative_count = total;
      bucket.upper_bound =
          i < bounds_.size() ? bounds_[i] : std::numeric_limits<double>::infinity();
      out.histogram.bucket.push_back(bucket);
    }
    // From the buckets, so that the two agree while others observe.
    out.histogram.sample_count = total;
    out.histogram.sample_sum = sum_.load(std::memory_order_relaxed);
  }

 private:
  const std::vector<double> bounds_;
  std::vector<std::atomic<std::uint64_t>> counts_;
  std::atomic<double> sum_{0.0};
};

bool is_name(std::string_view name, bool colons) noexcept {
  const auto fits = [colons](char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_' ||
           (colons && c == ':');
  };
  return !name.empty() && !(name.front() >= '0' && name.front() <= '9') &&
         std::all_of(name.begin(), name.end(), fits);
}

[[maybe_unused]] bool are_labels(const Labels& sorted) noexcept {
  for (std::size_t i = 0; i < sorted.size(); ++i) {
    const std::string& name = sorted[i].first;
    // "le" is the histogram's own, "__…" Prometheus'.
    if (!is_name(name, false) || name.starts_with("__") || name == "le") return false;
    if (i > 0 && sorted[i - 1].first == name) return false;
  }
  return true;
}

/// Whether no bound stands at or below the one before it.
[[maybe_unused]] bool are_bounds(const std::vector<double>& bounds) noexcept {
  return std::adjacent_find(bounds.begin(), bounds.end(),
                            [](double a, double b) { return !(a < b); }) == bounds.end();
}

/// The metrics of one type by name, each with its series by sorted labels.
template <class Series>
class Families {
 public:
  template <class Make>
  Series& find(std::string_view name, std::string_view help, Labels labels, const Make& make) {
    assert(is_name(name, true) && "not a metric name by Prometheus' rules");
    std::sort(labels.begin(), labels.end());
    assert(are_labels(labels) && "label names must be legal and different");
    auto family = families_.find(name);
    if (family == families_.end()) {
      family = families_.emplace(std::string(name), Family()).first;
      family->second.help = help;
      // The exposition format ends a help text at the line's end.
      std::replace(family->second.help.begin(), family->second.help.end(), '\n', ' ');
    }
    auto& series = family->second.series;
    auto found = series.find(labels);
    if (found == series.end() && series.size() >= kMaxSeries && !labels.empty()) {
      for (auto& [label, value] : labels) value = kOther;
      found = series.find(labels);
    }
    if (found == series.end())
      found = series.emplace(std::move(labels), make(family->second)).first;
    return *found->second;
  }

  bool contains(std::string_view name) const { return families_.find(name) != families_.end(); }

  void collect(prometheus::MetricType type, std::vector<prometheus::MetricFamily>& out) const {
    for (const auto& [name, family] : families_) {
      prometheus::MetricFamily exposed;
      exposed.name = name;
      exposed.help = family.help;
      exposed.type = type;
      for (const auto& [labels, series] : family.series) {
        prometheus::ClientMetric& metric = exposed.metric.emplace_back();
        for (const auto& [label, value] : labels) metric.label.push_back({label, value});
        series->collect(metric);
      }
      out.push_back(std::move(exposed));
    }
  }

 private:
  struct Family {
    std::string help{};
    std::vector<double> bounds{};
    std::map<Labels, std::unique_ptr<Series>> series{};
  };

  std::map<std::string, Family, std::less<>> families_;
};

class PrometheusMetrics final : public Metrics {
 public:
  Counter& counter(std::string_view name, std::string_view help, const Labels& labels) override {
    const std::lock_guard lock(mutex_);
    assert(name.ends_with("_total") && "a counter's name ends with _total");
    assert(!gauges_.contains(name) && !histograms_.contains(name) && "one name, one type");
    return counters_.find(name, help, labels,
                          [](auto&) { return std::make_unique<AtomicCounter>(); });
  }

  Gauge& gauge(std::string_view name, std::string_view help, const Labels& labels) override {
    const std::lock_guard lock(mutex_);
    assert(!counters_.contains(name) && !histograms_.contains(name) && "one name, one type");
    return gauges_.find(name, help, labels, [](auto&) { return std::make_unique<AtomicGauge>(); });
  }

  Histogram& histogram(std::string_view name, std::string_view help,
                       const std::vector<double>& bounds, const Labels& labels) override {
    const std::lock_guard lock(mutex_);
    assert(!counters_.contains(name) && !gauges_.contains(name) && "one name, one type");
    assert(are_bounds(bounds) && "bucket bounds rise");
    return histograms_.find(name, help, labels, [&](auto& family) {
      // All series of a histogram need the same buckets, or no sum over them means anything.
      if (family.series.empty()) family.bounds = bounds;
      return std::make_unique<AtomicHistogram>(family.bounds);
    });
  }

  std::string expose() const override {
    std::vector<prometheus::MetricFamily> families;
    {
      const std::lock_guard lock(mutex_);
      counters_.collect(prometheus::MetricType::Counter, families);
      gauges_.collect(prometheus::MetricType::Gauge, families);
      histograms_.collect(prometheus::MetricType::Histogram, families);
    }
    std::sort(families.begin(), families.end(),
              [](const auto& a, const auto& b) { return a.name < b.name; });
    const prometheus::Serializer& serializer = prometheus::TextSerializer();
    return serializer.Serialize(families);
  }

 private:
  mutable std::mutex mutex_;  // Guards the maps; the series need no lock.
  Families<AtomicCounter> counters_;
  Families<AtomicGauge> gauges_;
  Families<AtomicHistogram> histograms_;
};

}  // namespace

const std::vector<double>& seconds_buckets() {
  static const std::vector<double> kBounds = {0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1,
                                              0.25,   0.5,   1,      2.5,   5,    10,    30,   60};
  return kBounds;
}

std::shared_ptr<Metrics> make_metrics() { return std::make_shared<PrometheusMetrics>(); }

}  // namespace rwp::observability
