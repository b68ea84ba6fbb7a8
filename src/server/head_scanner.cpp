#include "server/head_scanner.hpp"

#include <algorithm>

namespace rwp::server {

void HeadScanner::reset() noexcept {
  seen_ = 0;
  next_line_ = 0;
}

HeadScanner::State HeadScanner::scan(std::string_view bytes) noexcept {
  const std::string_view bounded = bytes.substr(0, max_bytes_);
  // A method is letters; a client that speaks TLS to this port, or nonsense, shows at once.
  if (seen_ == 0 && !bounded.empty()) {
    const char first = bounded.front();
    if (!((first >= 'A' && first <= 'Z') || (first >= 'a' && first <= 'z'))) {
      return State::malformed;
    }
  }
  while (true) {
    const std::size_t end = bounded.find('\n', seen_);
    const std::string_view fresh =
        bounded.substr(seen_, std::min(end, bounded.size()) - std::min(seen_, bounded.size()));
    if (fresh.find('\0') != std::string_view::npos) return State::malformed;
    if (end == std::string_view::npos) break;
    if (end == 0 || bounded[end - 1] != '\r') return State::malformed;
    const std::string_view line = bounded.substr(next_line_, end - 1 - next_line_);
    // The first line may be no field, later ones no continuation (RFC 9112, section 5.2).
    if (!line.empty() && (line.front() == ' ' || line.front() == '\t')) return State::malformed;
    const bool first_line = next_line_ == 0;
    seen_ = end + 1;
    next_line_ = seen_;
    if (line.empty()) return first_line ? State::malformed : State::complete;
  }
  seen_ = bounded.size();
  if (bytes.size() < max_bytes_) return State::more;
  return next_line_ == 0 ? State::line_too_long : State::too_long;
}

}  // namespace rwp::server
