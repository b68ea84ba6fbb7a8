#include "pods/listen_address.hpp"

#include <arpa/inet.h>
#include <array>
#include <charconv>
#include <netinet/in.h>

namespace rwp::pods {
namespace {

Error broken() {
  return {Errc::invalid_argument,
          "must be an address and a port, such as 127.0.0.1:3000, [::1]:3000 or :3000"};
}

bool is_numeric(int family, const std::string& host) {
  std::array<unsigned char, sizeof(in6_addr)> bytes{};
  return ::inet_pton(family, host.c_str(), bytes.data()) == 1;
}

}  // namespace

Result<ListenAddress> parse_listen_address(std::string_view text) {
  const auto colon = text.rfind(':');
  if (colon == std::string_view::npos || text.size() > 64) return broken();
  ListenAddress address;
  std::string_view host = text.substr(0, colon);
  const bool bracketed = host.size() > 2 && host.front() == '[' && host.back() == ']';
  if (bracketed) host = host.substr(1, host.size() - 2);
  address.host = std::string(host);
  if (address.host.find('\0') != std::string::npos) return broken();
  if (!host.empty() && !is_numeric(bracketed ? AF_INET6 : AF_INET, address.host)) return broken();
  const std::string_view port = text.substr(colon + 1);
  const auto* end = port.data() + port.size();
  const auto read = std::from_chars(port.data(), end, address.port);
  if (port.empty() || read.ec != std::errc() || read.ptr != end) return broken();
  return address;
}

bool ListenAddress::is_loopback() const noexcept {
  return host.starts_with("127.") || host == "::1";
}

std::string ListenAddress::with_port(std::uint16_t other) const {
  const bool bracketed = host.find(':') != std::string::npos;
  return (bracketed ? "[" + host + "]" : host) + ":" + std::to_string(other);
}

}  // namespace rwp::pods
