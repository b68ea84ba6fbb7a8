#pragma once

#include <cstddef>
#include <string>
#include <vector>

namespace rwp::benchmarks {

/// PUTs `body` to each URL by libcurl's multi interface, `parallel` at a time, with handles and
/// connections used again: the least that a client on libcurl does. Whether all were answered 200.
bool put_by_curl(const std::vector<std::string>& urls, const std::string& body,
                 std::size_t parallel);

}  // namespace rwp::benchmarks
