#pragma once

#include <rwp/core/error.hpp>
#include <rwp/net/http_message.hpp>

#include <chrono>
#include <optional>

namespace rwp::ai_openai {

/// How long the server asks to wait: `retry-after-ms`, then `Retry-After` in seconds (also with a
/// fraction) or as an HTTP date. None: absent, malformed or past.
std::optional<std::chrono::milliseconds> told_wait(const net::HttpHeaders& headers,
                                                   std::chrono::system_clock::time_point now);

/// How long to wait before the next attempt, `retries` of which went before (0 at first); none: not
/// worth it, as the server asks for more than two minutes. `random` is from 0 to 1.
///
/// Without a word of the server: full jitter up to 0.5 s, 1 s, 2 s, … 8 s. With one: that, and up
/// to a tenth more, so that a fleet does not return in step.
std::optional<std::chrono::milliseconds> next_wait(const Error& error, int retries, double random);

}  // namespace rwp::ai_openai
