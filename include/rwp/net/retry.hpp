#pragma once

#include <rwp/net/http_transport.hpp>

#include <chrono>
#include <memory>
#include <optional>
#include <string>

namespace rwp::net {

struct RetryOptions {
  /// Attempts in all, the first included. 1 to 20.
  unsigned max_attempts = 4;
  /// Most that is waited before the second attempt; twice as much before each further one.
  std::chrono::milliseconds first_wait{250};
  std::chrono::milliseconds longest_wait{10'000};
  /// Where the other side asks for a longer wait than this, nothing more is tried.
  std::chrono::milliseconds longest_told_wait{60'000};
  /// Also repeat what is not idempotent by its method and has no Idempotency-Key: the caller says
  /// that the other side recognises repetitions, or that they do no harm.
  bool any_method = false;
};

/// How long to wait after `attempts` (1 or more) have failed; none: give up. Full jitter: evenly
/// between nothing and the bound. Where the other side `told` a wait: that, and up to a tenth more.
/// `random` is from 0 to 1.
std::optional<std::chrono::milliseconds> next_wait(const RetryOptions& options, unsigned attempts,
                                                   std::optional<std::chrono::milliseconds> told,
                                                   double random);

/// Retry-After (RFC 9110, section 10.2.3), in seconds or as an IMF date. None: absent, malformed.
/// A date that has passed is no wait.
std::optional<std::chrono::milliseconds> retry_after(const HttpHeaders& headers,
                                                     std::chrono::system_clock::time_point now);

/// An IMF date, as in "Sun, 06 Nov 1994 08:49:37 GMT" (RFC 9110, section 5.6.7); none: it is none.
std::optional<std::chrono::system_clock::time_point> parse_http_date(const std::string& text);

/// Whether a request may be sent again without asking: no body from a source, and an idempotent
/// method (RFC 9110, section 9.2.2) or an Idempotency-Key.
bool is_repeatable(const HttpRequest& request);

/// Repeats requests that failed in a way that may pass: a retryable error before the head of the
/// answer, or the status 429 or 5xx (but 501 and 505). The last attempt's outcome is answered as it
/// is. Waits end with the request's deadline: one that would go beyond it is not begun. A body that
/// breaks off is not repeated: what came of it has been handed on.
///
/// Stands outside of what judges or limits single attempts (circuit breaker, the upstream's token
/// bucket) and inside of what belongs to the whole call (caches, the tenant's limit).
std::shared_ptr<HttpTransport> make_retrying_transport(std::shared_ptr<HttpTransport> inner,
                                                       RetryOptions options = RetryOptions());

}  // namespace rwp::net
