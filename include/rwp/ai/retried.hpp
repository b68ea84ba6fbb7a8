#pragma once

#include <rwp/ai/model.hpp>
#include <rwp/net/retry.hpp>
#include <rwp/observability/log.hpp>

#include <chrono>
#include <memory>

namespace rwp::ai {

struct ModelRetryOptions {
  /// Attempts in all, the first included. 1 to 20.
  unsigned max_attempts = 3;
  /// Most that is waited before the second attempt; twice as much before each further one.
  std::chrono::milliseconds first_wait{500};
  std::chrono::milliseconds longest_wait{8'000};
  /// Where a longer wait than this is asked for, by the upstream or by the limit beneath, nothing
  /// more is tried: a job had better go back to its queue.
  std::chrono::milliseconds longest_told_wait{30'000};
  /// Retries for each call, over all calls; 0 to 1. An upstream in trouble is not burdened more.
  double budget_share = 0.1;
  /// Retries that are free of the share until they are used up; calls that need none fill them up.
  double budget_reserve = 10;
  observability::Logger log{};
};

/// Repeats calls that failed in a way that may pass: unavailable, rate_limited, conflict, when the
/// error is retryable; with full jitter, or after what the upstream said and up to a tenth more.
///
/// Not repeated: what is out of money; what ran out of time, or was no answer, as it may have been
/// charged; an answer that broke off (AnswerFault::broken_off); a stream that has handed out a
/// piece. A wait that would end after the deadline is not begun. The last error is answered as it
/// is. Stands outside of the upstream's limit and breaker, so that each attempt takes its permits.
std::shared_ptr<Model> make_retried(std::shared_ptr<Model> model,
                                    ModelRetryOptions options = ModelRetryOptions());

}  // namespace rwp::ai
