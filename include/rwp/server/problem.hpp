#pragma once

#include <rwp/core/error.hpp>
#include <rwp/server/message.hpp>

#include <functional>
#include <string>
#include <string_view>

namespace rwp::server {

/// Why a request is refused (RFC 9457). No member holds a secret or another tenant's data.
struct Problem {
  int status = 500;
  /// "invalid_argument", …: an Errc's name, or one of the server's own ("payload_too_large").
  std::string code{};
  /// One sentence that names the field and the rule.
  std::string detail{};
  /// The field: a member's path in the body ("jobs[3].kind"), a query name, a header; empty: none.
  std::string field{};
  /// Seconds for `Retry-After`; 0: none.
  int retry_after_seconds = 0;
  std::string request_id{};
};

/// Turns a problem into an answer. Each route has one; default: problem_json().
using ProblemFormat = std::function<Response(const Problem& problem)>;

/// `application/problem+json`: {"type":"about:blank","title":"Bad Request","status":400,
/// "code":"invalid_argument","detail":"…","field":"…","request_id":"…"}.
Response problem_json(const Problem& problem);

/// The HTTP status that says the same as `code`: invalid_argument 400, unauthenticated 401,
/// permission_denied 403, not_found 404, already_exists and conflict 409, rate_limited and
/// budget_exceeded 429, cancelled 499 (logged only), unsupported 501, corrupt 502, unavailable 503,
/// deadline_exceeded 504, internal 500.
int http_status(Errc code) noexcept;

/// What a handler answers for `error`; internal errors keep their message out of the answer.
Problem to_problem(const Error& error, std::string field = std::string());

/// The status' reason phrase; "Unknown" for others.
std::string_view reason_phrase(int status) noexcept;

}  // namespace rwp::server
