#pragma once

#include <rwp/observability/log.hpp>

#include <chrono>
#include <cstddef>
#include <string>
#include <string_view>
#include <vector>

namespace rwp::observability {

/// Longest line, in bytes; what goes beyond is cut, and the line says so.
constexpr std::size_t kMaxLineBytes = 64 * 1024;

/// Appends one line with its end. No event, name or value can put another line break into it.
void append_log_line(std::string& out, LogFormat format, std::chrono::system_clock::time_point time,
                     LogLevel level, std::string_view event, const std::vector<LogField>& fields);

}  // namespace rwp::observability
