#include <rwp/core/async.hpp>
#include <rwp/jobs/outcome.hpp>

#include <algorithm>
#include <cmath>
#include <exception>
#include <utility>

namespace rwp::jobs {
namespace {

Retry retry_after_failure(Error error, int failed_before, const Backoff& backoff, double draw) {
  const auto wait = retry_delay(backoff, failed_before + 1, draw, error.retry_after());
  return Retry{.error = std::move(error), .delay = wait};
}

Error timed_out_error() {
  return Error(Errc::deadline_exceeded,
               "the run was stopped: its time, or its time without progress, was over");
}

}  // namespace

std::chrono::milliseconds retry_delay(const Backoff& backoff, int failed, double draw,
                                      std::optional<std::chrono::milliseconds> at_least) {
  const double base = static_cast<double>(std::max<std::int64_t>(backoff.base.count(), 0));
  const double cap = static_cast<double>(std::max<std::int64_t>(backoff.cap.count(), 0));
  const double most = std::min(cap, base * std::exp2(std::clamp(failed - 1, 0, 60)));
  const auto drawn = static_cast<std::int64_t>(most * std::clamp(draw, 0.0, 1.0));
  return std::max(std::chrono::milliseconds(drawn),
                  at_least.value_or(std::chrono::milliseconds(0)));
}

Error asked_end_error(std::string_view what) {
  return Error(Errc::cancelled, "the run ends here: " + std::string(what));
}

RunOutcome outcome_of(HandlerEnd end, const Backoff& backoff, double draw) {
  if (end.result) return Succeed{.result = std::move(*end.result)};
  Error error = end.result.error();
  const bool stopped_itself = error.code() == Errc::cancelled;
  // Asked for, and then another failure came first: that one counts.
  if (end.asked && stopped_itself) {
    if (auto* crashed = std::get_if<Crashed>(&*end.asked)) {
      crashed->delay = retry_delay(backoff, 1, draw, crashed->error.retry_after());
    }
    return std::move(*end.asked);
  }
  switch (end.stop) {
    case StopReason::cancelled:
      return Cancelled();
    case StopReason::timed_out:
      return retry_after_failure(timed_out_error().with_cause(std::move(error)), end.attempt,
                                 backoff, draw);
    case StopReason::lease_lost:
      return HandBack();
    case StopReason::drain:
      if (stopped_itself) return HandBack();
      break;
    case StopReason::none:
      break;
  }
  if (!error.retryable()) return Fail{.error = std::move(error)};
  return retry_after_failure(std::move(error), end.attempt, backoff, draw);
}

RunOutcome outcome_without(StopReason stop, int attempt, const Backoff& backoff, double draw) {
  switch (stop) {
    case StopReason::cancelled:
      return Cancelled();
    case StopReason::timed_out:
      return retry_after_failure(timed_out_error(), attempt, backoff, draw);
    case StopReason::lease_lost:
    case StopReason::drain:
    case StopReason::none:
      break;
  }
  return HandBack();
}

Error thrown_error() {
  const Error error = detail::from_exception(std::current_exception());
  // Asio's way of saying that the coroutine was cancelled; what it means, the stop reason says.
  if (error.code() == Errc::cancelled) return error;
  return error.with_retryable(true);
}

}  // namespace rwp::jobs
