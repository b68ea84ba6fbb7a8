#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

namespace rwp::server {

/// The header that a load balancer sends before the client's bytes: the PROXY protocol, versions 1
/// (text) and 2 (binary), by haproxy.org/download/1.8/doc/proxy-protocol.txt.
struct ProxyHeader {
  enum class State : std::uint8_t {
    more,       ///< Its end has not come.
    complete,   ///< It has `size` bytes.
    malformed,  ///< It is none.
  };
  State state = State::more;
  std::size_t size = 0;
  /// Whom the connection is for; empty: the balancer itself asks (a health check), or does not say.
  std::string source{};
};

/// No header has more bytes: what is longer is refused.
constexpr std::size_t kMaxProxyHeader = 4096;

/// Reads a header from the start of `bytes`.
ProxyHeader read_proxy_header(std::string_view bytes);

}  // namespace rwp::server
