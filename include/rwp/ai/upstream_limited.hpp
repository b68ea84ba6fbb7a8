#pragma once

#include <rwp/ai/model.hpp>
#include <rwp/ai/rate_allowance.hpp>

#include <chrono>
#include <cstdint>
#include <memory>

namespace rwp::ai {

struct UpstreamLimitOptions {
  /// Not null; shared by all models that reach one upstream with one key.
  std::shared_ptr<RateAllowance> allowance{};
  /// Longest wait; who would wait longer is answered `Errc::rate_limited` with the wait at once, so
  /// that a job can go back to its queue instead of holding a worker's slot.
  std::chrono::milliseconds longest_wait{30'000};
  /// Output that is set aside for a request that does not bound its own.
  std::int64_t assumed_output_tokens = 1'000;
};

/// Keeps an upstream's limits of requests and tokens a minute: each attempt waits for both, in
/// order, with an estimate of its tokens; the answer's usage corrects it, and so does what the
/// upstream reports. After a rate_limited answer nothing goes until the time that it told (1 s when
/// it told none). Stands inside of retries and outside of the breaker.
std::shared_ptr<Model> make_upstream_limited(std::shared_ptr<Model> model,
                                             UpstreamLimitOptions options);

}  // namespace rwp::ai
