#pragma once

#include <rwp/observability/metrics.hpp>

#include <memory>
#include <string>

namespace rwp::net_redis {

/// A client's series, all with the label "use". With no metrics, nothing is counted.
class ClientSeries {
 public:
  ClientSeries(std::shared_ptr<observability::Metrics> metrics, const std::string& use);

  /// rwp_redis_round_trips_total, rwp_redis_pipeline_depth: what one write carries.
  void wrote(std::size_t commands) const noexcept;
  /// rwp_redis_commands_total{outcome}.
  enum class Outcome : std::uint8_t { answered, error, timed_out, cancelled, failed };
  void ended(Outcome outcome) const noexcept;
  /// rwp_redis_seconds: from the call to its answer.
  void took(double seconds) const noexcept;
  /// rwp_redis_pending: commands that wait or await their answers.
  void pending(std::size_t count) const noexcept;
  /// rwp_redis_connects_total{outcome}: a first one, one anew, one that failed.
  enum class Connect : std::uint8_t { first, again, failed };
  void connected(Connect outcome) const noexcept;
  /// rwp_redis_scripts_loaded_total.
  void loaded_script() const noexcept;

 private:
  struct Series;
  std::shared_ptr<const Series> series_;
};

}  // namespace rwp::net_redis
