#pragma once

#include <rwp/server/message.hpp>
#include <rwp/server/problem.hpp>

#include <cstddef>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace rwp::server {

/// Where a segment of Request::path stands. A place and not a view, since requests are moved.
struct Segment {
  std::size_t begin = 0;
  std::size_t size = 0;

  std::string_view in(std::string_view path) const noexcept { return path.substr(begin, size); }
};

/// A problem of the server's own, `invalid_argument` with status 400.
Problem malformed(std::string detail, std::string field = std::string());

/// Fills in path and query from `request.target`, and says where the path's segments stand. A slash
/// that came escaped is a character of its segment. The absolute form is reduced to path and query,
/// and its authority becomes the Host.
///
/// Refused: bad escapes, what is no UTF-8 or a control character in the path, NUL in the query, the
/// segments "." and "..", a fragment, more than 256 query parameters.
std::optional<Problem> parse_target(Request& request, std::vector<Segment>& segments);

}  // namespace rwp::server
