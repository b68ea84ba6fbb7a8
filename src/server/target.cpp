#include "server/target.hpp"

#include <rwp/core/utf8.hpp>

#include <algorithm>
#include <utility>

namespace rwp::server {
namespace {

constexpr std::size_t kMaxQueryParameters = 256;

int hex_digit(char c) noexcept {
  if (c >= '0' && c <= '9') return c - '0';
  if (c >= 'a' && c <= 'f') return c - 'a' + 10;
  if (c >= 'A' && c <= 'F') return c - 'A' + 10;
  return -1;
}

/// Appends `text` with its escapes resolved; false: one is malformed.
bool append_unescaped(std::string& out, std::string_view text, bool plus_is_space) {
  for (std::size_t i = 0; i < text.size(); ++i) {
    if (text[i] == '%') {
      if (i + 2 >= text.size()) return false;
      const int high = hex_digit(text[i + 1]);
      const int low = hex_digit(text[i + 2]);
      if (high < 0 || low < 0) return false;
      out += static_cast<char>(high * 16 + low);
      i += 2;
    } else {
      out += plus_is_space && text[i] == '+' ? ' ' : text[i];
    }
  }
  return true;
}

bool is_control(char c) noexcept { return static_cast<unsigned char>(c) < 0x20 || c == 0x7F; }

std::optional<Problem> parse_path(std::string_view raw, std::string& path,
                                  std::vector<Segment>& segments) {
  path.clear();
  path.reserve(raw.size());
  segments.clear();
  segments.reserve(4);
  // `raw` begins with a slash.
  for (std::size_t at = 0; at < raw.size();) {
    const std::size_t end = std::min(raw.find('/', at + 1), raw.size());
    path += '/';
    const std::size_t begin = path.size();
    if (!append_unescaped(path, raw.substr(at + 1, end - at - 1), false)) {
      return malformed("an escape in the path is not % and two hexadecimal digits", "path");
    }
    const std::string_view segment = std::string_view(path).substr(begin);
    if (segment == "." || segment == "..") {
      return malformed("the path must not have the segments . and ..", "path");
    }
    segments.push_back(Segment{begin, segment.size()});
    at = end;
  }
  if (std::any_of(path.begin(), path.end(), is_control)) {
    return malformed("the path must not have control characters", "path");
  }
  if (!is_valid_utf8(path)) return malformed("the path must be valid UTF-8", "path");
  return std::nullopt;
}

std::optional<Problem> parse_query(std::string_view raw,
                                   std::vector<std::pair<std::string, std::string>>& query) {
  query.clear();
  for (std::size_t at = 0; at < raw.size();) {
    const std::size_t end = std::min(raw.find('&', at), raw.size());
    const std::string_view item = raw.substr(at, end - at);
    at = end + 1;
    if (item.empty()) continue;
    if (query.size() == kMaxQueryParameters) {
      return malformed("the query must not have more than 256 parameters", "query");
    }
    auto& [name, value] = query.emplace_back();
    const std::size_t equals = std::min(item.find('='), item.size());
    const bool whole =
        append_unescaped(name, item.substr(0, equals), true) &&
        append_unescaped(value, item.substr(std::min(equals + 1, item.size())), true);
    if (!whole) {
      return malformed("an escape in the query is not % and two hexadecimal digits", "query");
    }
    if (!is_valid_utf8(name) || !is_valid_utf8(value)) {
      return malformed("the query must be valid UTF-8", "query");
    }
    if (name.find('\0') != std::string::npos || value.find('\0') != std::string::npos) {
      return malformed("the query must not have NUL characters", "query");
    }
  }
  return std::nullopt;
}

/// The length of "http://" or "https://" at the start; 0: neither.
std::size_t scheme_length(std::string_view target) noexcept {
  for (const std::string_view scheme : {"http://", "https://"}) {
    if (net::equal_without_case(target.substr(0, scheme.size()), scheme)) return scheme.size();
  }
  return 0;
}

}  // namespace

Problem malformed(std::string detail, std::string field) {
  Problem problem;
  problem.status = 400;
  problem.code = "invalid_argument";
  problem.detail = std::move(detail);
  problem.field = std::move(field);
  return problem;
}

std::optional<Problem> parse_target(Request& request, std::vector<Segment>& segments) {
  if (const std::size_t scheme = scheme_length(request.target); scheme > 0) {
    const std::size_t end =
        std::min(request.target.find_first_of("/?", scheme), request.target.size());
    const std::string authority = request.target.substr(scheme, end - scheme);
    if (authority.empty() || authority.find('@') != std::string::npos) {
      return malformed("the target's host must be a host and at most a port", "target");
    }
    request.headers.set("Host", authority);
    request.target.erase(0, end);
    if (request.target.empty() || request.target.front() == '?') request.target.insert(0, "/");
  }
  if (request.target == "*" && request.method == "OPTIONS") {
    request.path = "*";
    segments.clear();
    return std::nullopt;
  }
  if (request.target.empty() || request.target.front() != '/') {
    return malformed("the target must be a path that begins with a slash", "target");
  }
  if (request.target.find('#') != std::string::npos) {
    return malformed("the target must not have a fragment", "target");
  }
  const std::string_view target = request.target;
  const std::size_t mark = std::min(target.find('?'), target.size());
  if (auto problem = parse_path(target.substr(0, mark), request.path, segments)) return problem;
  return parse_query(target.substr(std::min(mark + 1, target.size())), request.query);
}

}  // namespace rwp::server
