#pragma once

#include "support/run.hpp"
#include <rwp/analytics/outbox.hpp>
#include <rwp/analytics/sink.hpp>
#include <rwp/core/runtime.hpp>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <functional>
#include <memory>
#include <ostream>
#include <string>
#include <vector>

namespace rwp::tests {

/// A backend that keeps the promises of sink.hpp.
struct SinkBackend {
  std::string name{};
  struct Opened {
    std::shared_ptr<analytics::Sink> sink{};
    /// All that has arrived where the sink delivers to, in order of arrival.
    std::function<std::vector<analytics::Event>()> arrived{};
  };
  /// A sink to which nothing has been delivered, at each call.
  std::function<Opened(Runtime& runtime)> make{};
};

/// How GoogleTest, and so CTest, names it.
inline void PrintTo(const SinkBackend& backend, std::ostream* out) { *out << backend.name; }

class SinkConformance : public ::testing::TestWithParam<SinkBackend> {
 protected:
  Result<void> deliver(std::vector<analytics::Event> events) {
    return run(runtime_, opened_.sink->deliver(std::move(events)));
  }
  std::vector<analytics::Event> arrived() const { return opened_.arrived(); }

  Runtime runtime_;
  SinkBackend::Opened opened_ = GetParam().make(runtime_);
};

}  // namespace rwp::tests
