#pragma once

#include <cstdint>
#include <string>
#include <vector>

namespace rwp::benchmarks {

struct LoadOptions {
  /// Of 127.0.0.1.
  std::uint16_t port = 0;
  /// Each has one request under way at most.
  unsigned connections = 64;
  /// The bytes of each request.
  std::string request{};
  double seconds = 3;
  /// Requests a second that are begun whatever the server does (open loop); a request that finds
  /// no connection free waits for one, and its time counts from when it was due. 0: as many as the
  /// server answers (closed loop).
  double rate = 0;
};

struct LoadResult {
  double requests_per_second = 0;
  /// Answered with another status than 2xx, or not at all.
  std::uint64_t failed = 0;
  /// In microseconds, of each request.
  std::vector<double> latencies{};
};

/// Drives a server from the calling thread over HTTP/1.1 keep-alive connections. Answers need a
/// Content-Length. What is done in the first fifth of the time warms up and does not count.
LoadResult run_load(const LoadOptions& options);

}  // namespace rwp::benchmarks
