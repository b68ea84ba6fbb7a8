#pragma once

#include <rwp/core/error.hpp>

#include <chrono>
#include <string>
#include <string_view>

namespace rwp::pods {

/// "2026-01-31T12:00:00.250Z": RFC 3339, UTC, milliseconds.
std::string to_rfc3339(std::chrono::system_clock::time_point time);

/// Reads "2026-01-31T12:00:00Z", with up to nine digits of a second and any offset; years 1970 to
/// 2200. `Errc::invalid_argument` names the form.
Result<std::chrono::system_clock::time_point> parse_rfc3339(std::string_view text);

}  // namespace rwp::pods
