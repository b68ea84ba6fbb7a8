#pragma once

#include <rwp/core/error.hpp>

#include <cstdint>
#include <string>
#include <string_view>

namespace rwp::pods {

/// Where a server listens: "127.0.0.1:3000", "[::1]:3000", ":3000".
struct ListenAddress {
  /// Without brackets; empty: all addresses.
  std::string host{};
  std::uint16_t port = 0;

  /// Whether only this machine can reach it.
  bool is_loopback() const noexcept;
  /// "127.0.0.1:3000" with another port.
  std::string with_port(std::uint16_t other) const;
};

/// `Errc::invalid_argument`: no numeric address or none, a colon, and a port.
Result<ListenAddress> parse_listen_address(std::string_view text);

}  // namespace rwp::pods
