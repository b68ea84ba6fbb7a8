#pragma once

#include <rwp/observability/metrics.hpp>

#include <cstddef>
#include <memory>

namespace rwp::jobs_tiered {

/// What the tiered store counts; null without metrics.
struct Series {
  explicit Series(const std::shared_ptr<observability::Metrics>& metrics);

  observability::Counter* pushed = nullptr;
  observability::Counter* full = nullptr;
  observability::Counter* lost = nullptr;
  observability::Counter* taken = nullptr;
  observability::Counter* finds = nullptr;
  observability::Counter* checked = nullptr;
  observability::Counter* check_refused = nullptr;
  observability::Gauge* open = nullptr;

  static void count(observability::Counter* counter, std::size_t by);
};

}  // namespace rwp::jobs_tiered
