#pragma once

#include <rwp/core/error.hpp>
#include <rwp/net/http_message.hpp>

#include <chrono>
#include <optional>

namespace rwp::ai_openai {

/// How long the server asks to wait: `retry-after-ms` (some compatible servers), then Retry-After.
std::optional<std::chrono::milliseconds> told_wait(const net::HttpHeaders& headers,
                                                   std::chrono::system_clock::time_point now);

/// How long to wait before the next attempt after `attempts` have failed; none: not worth it, as
/// the server asks for more than two minutes. Full jitter up to 0.5 s, 1 s, 2 s, … 8 s, or what the
/// server told and up to a tenth more. `random` is from 0 to 1.
std::optional<std::chrono::milliseconds> wait_after(const Error& error, unsigned attempts,
                                                    double random);

}  // namespace rwp::ai_openai
