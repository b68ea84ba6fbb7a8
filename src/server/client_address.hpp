#pragma once

#include <rwp/net/http_message.hpp>
#include <rwp/server/address_ranges.hpp>

#include <string>
#include <string_view>

namespace rwp::server {

/// Whose word about a request's origin is taken.
struct TrustedHops {
  /// Who adds the address that it was asked from to `X-Forwarded-For`, as its last.
  AddressRanges proxies{};
  /// The same, and who names the client in `CF-Connecting-IP`, which it lets nobody else set.
  AddressRanges cdn{};

  bool empty() const noexcept { return proxies.empty() && cdn.empty(); }
};

/// Who sent the request: `peer`, unless that is trusted; then whom it names, as long as that one is
/// trusted in turn. What stands further to the left in `X-Forwarded-For` is the client's own claim,
/// and so is a `CF-Connecting-IP` that did not pass the CDN.
std::string client_address(std::string_view peer, const net::HttpHeaders& headers,
                           const TrustedHops& trusted);

}  // namespace rwp::server
