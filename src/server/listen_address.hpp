#pragma once

#include <rwp/core/error.hpp>

#include <cstdint>
#include <string>
#include <string_view>

namespace rwp::server {

/// ServerOptions::listen, taken apart.
struct ListenAddress {
  /// Empty: all addresses.
  std::string host{};
  std::uint16_t port = 0;
};

/// `Errc::invalid_argument`: not "ADDRESS:PORT", "[ADDRESS]:PORT" or ":PORT".
Result<ListenAddress> parse_listen_address(std::string_view text);

}  // namespace rwp::server
