#pragma once

#include <rwp/ai/rate_allowance.hpp>
#include <rwp/net/http_message.hpp>

#include <chrono>
#include <optional>
#include <string_view>

namespace rwp::ai_openai {

/// What x-ratelimit-{limit,remaining,reset}-{requests,tokens} say; members that are absent,
/// negative, or no numbers are left out.
ai::RateReport read_rate_headers(const net::HttpHeaders& headers);

/// "1s", "6m0s", "20ms", "1h2m3.5s"; a number alone is seconds.
std::optional<std::chrono::milliseconds> read_reset(std::string_view text);

}  // namespace rwp::ai_openai
