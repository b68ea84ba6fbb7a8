#pragma once

#include "pods/ad_statistics.hpp"

#include <cstddef>
#include <string>
#include <vector>

namespace rwp::pods {

/// What is told at the end of a run.
struct RunSummary {
  std::size_t read = 0;
  std::size_t rejected = 0;
  std::size_t failed = 0;
  std::vector<Tally> reject_reasons{};
  std::vector<Tally> failure_reasons{};
  double seconds = 0;
  std::string rejects_path{};
  std::string report_path{};
  /// Events that are still to be delivered.
  std::size_t events_waiting = 0;
};

/// A table for people. Pure.
std::string summary_text(const RunSummary& summary, const AdStatistics& statistics);

}  // namespace rwp::pods
