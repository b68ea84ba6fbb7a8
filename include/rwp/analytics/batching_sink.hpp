#pragma once

#include <rwp/analytics/sink.hpp>

#include <chrono>
#include <cstddef>
#include <memory>

namespace rwp::analytics {

struct BatchingOptions {
  /// Events after which a batch is delivered at once; one delivery is never divided.
  std::size_t events = 25;
  /// How long the first delivery of a batch waits for others.
  std::chrono::milliseconds linger{5};
};

/// Gathers deliveries that overlap, such as those of outbox jobs, into one delivery to `inner`, for
/// sinks that pay for each. A delivery ends when its own events have been taken.
///
/// When `inner` refuses a batch for what stands in it, its deliveries are made one by one, so that
/// a bad one fails alone. A batch that has begun goes on when those who wait for it are cancelled.
/// Threads: confined to the inner sink's I/O thread.
std::shared_ptr<Sink> make_batching_sink(std::shared_ptr<Sink> inner,
                                         BatchingOptions options = BatchingOptions());

}  // namespace rwp::analytics
