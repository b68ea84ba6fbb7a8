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

/// One line without its end. No event, name or value can put a line break into it.
std::string format_log_line(LogFormat format, std::chrono::system_clock::time_point time,
                            LogLevel level, std::string_view event,
                            const std::vector<LogField>& fields);

}  // namespace rwp::observability
