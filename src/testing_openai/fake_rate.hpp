#pragma once

#include <rwp/net/http_message.hpp>
#include <rwp/testing/fake_openai.hpp>

#include <chrono>
#include <cstdint>
#include <optional>

namespace rwp::testing {

/// The fake's limit: a bucket of requests and one of tokens, each holding a minute's allowance and
/// filled evenly. What is refused is taken from it all the same, down to an empty minute's worth,
/// so that a client that goes on beyond the limit waits the longer.
///
/// Owns no clock. Threads: one at a time.
class FakeRate {
 public:
  using Time = std::chrono::steady_clock::time_point;

  explicit FakeRate(FakeRateOptions options) : options_(options) {}

  /// Takes a request of so many tokens. None: it is within the limit; else how long to wait.
  std::optional<std::chrono::milliseconds> take(std::int64_t tokens, Time now);
  /// x-ratelimit-…, as the service tells them; none where there is no limit.
  void tell(net::HttpHeaders& headers) const;

 private:
  struct Bucket {
    double left = 0;
    /// Whether it has been filled for the first time.
    bool begun = false;
  };
  void refill(Bucket& bucket, std::int64_t limit, double minutes) const;
  void tell_one(net::HttpHeaders& headers, const char* what, const Bucket& bucket,
                std::int64_t limit) const;

  const FakeRateOptions options_;
  Bucket requests_;
  Bucket tokens_;
  Time refilled_at_{};
};

}  // namespace rwp::testing
