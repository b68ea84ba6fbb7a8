#include "net/redis/series.hpp"

#include <array>
#include <cstddef>
#include <utility>

namespace rwp::net_redis {

using observability::Counter;
using observability::Gauge;
using observability::Histogram;
using observability::Metrics;

struct ClientSeries::Series {
  std::shared_ptr<Metrics> metrics{};
  Counter* round_trips = nullptr;
  Histogram* depth = nullptr;
  std::array<Counter*, 5> outcomes{};
  Histogram* seconds = nullptr;
  Gauge* pending = nullptr;
  std::array<Counter*, 3> connects{};
  Counter* scripts = nullptr;
};

ClientSeries::ClientSeries(std::shared_ptr<Metrics> metrics, const std::string& use) {
  if (!metrics) return;
  const std::pair<std::string, std::string> label("use", use);
  auto series = std::make_shared<Series>();
  series->round_trips = &metrics->counter(
      "rwp_redis_round_trips_total", "Writes to Redis, of one or more commands each.", {label});
  series->depth = &metrics->histogram("rwp_redis_pipeline_depth", "Commands in one write to Redis.",
                                      {1, 2, 4, 8, 16, 32, 64, 128, 256, 512, 1024}, {label});
  constexpr std::array<const char*, 5> kOutcomes = {"answered", "error", "timed_out", "cancelled",
                                                    "failed"};
  for (std::size_t i = 0; i < kOutcomes.size(); ++i) {
    series->outcomes[i] =
        &metrics->counter("rwp_redis_commands_total", "Calls to Redis by what became of them.",
                          {label, {"outcome", kOutcomes[i]}});
  }
  series->seconds = &metrics->histogram("rwp_redis_seconds", "From a call to its answer.",
                                        observability::seconds_buckets(), {label});
  series->pending = &metrics->gauge("rwp_redis_pending",
                                    "Calls that wait to be sent or await their answers.", {label});
  constexpr std::array<const char*, 3> kConnects = {"first", "again", "failed"};
  for (std::size_t i = 0; i < kConnects.size(); ++i) {
    series->connects[i] = &metrics->counter("rwp_redis_connects_total", "Connections to Redis.",
                                            {label, {"outcome", kConnects[i]}});
  }
  series->scripts = &metrics->counter("rwp_redis_scripts_loaded_total",
                                      "Scripts sent since the server had them not.", {label});
  series->metrics = std::move(metrics);
  series_ = std::move(series);
}

void ClientSeries::wrote(std::size_t commands) const noexcept {
  if (!series_) return;
  series_->round_trips->add();
  series_->depth->observe(static_cast<double>(commands));
}

void ClientSeries::ended(Outcome outcome) const noexcept {
  if (series_) series_->outcomes[static_cast<std::size_t>(outcome)]->add();
}

void ClientSeries::took(double seconds) const noexcept {
  if (series_) series_->seconds->observe(seconds);
}

void ClientSeries::pending(std::size_t count) const noexcept {
  if (series_) series_->pending->set(static_cast<double>(count));
}

void ClientSeries::connected(Connect outcome) const noexcept {
  if (series_) series_->connects[static_cast<std::size_t>(outcome)]->add();
}

void ClientSeries::loaded_script() const noexcept {
  if (series_) series_->scripts->add();
}

}  // namespace rwp::net_redis
