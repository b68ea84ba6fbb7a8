#include "server/listen_address.hpp"

#include <charconv>

namespace rwp::server {

Result<ListenAddress> parse_listen_address(std::string_view text) {
  const Error bad(Errc::invalid_argument,
                  "listen address \"" + std::string(text) +
                      "\" is not ADDRESS:PORT, [ADDRESS]:PORT or :PORT, such as 127.0.0.1:3000");
  const std::size_t colon = text.rfind(':');
  if (colon == std::string_view::npos) return bad;
  std::string_view host = text.substr(0, colon);
  const std::string_view digits = text.substr(colon + 1);
  if (host.starts_with('[')) {
    if (!host.ends_with(']') || host.size() < 3) return bad;
    host = host.substr(1, host.size() - 2);
  } else if (host.find(':') != std::string_view::npos) {
    return bad;
  }
  ListenAddress address;
  address.host = std::string(host);
  const char* end = digits.data() + digits.size();
  const auto [stop, problem] = std::from_chars(digits.data(), end, address.port);
  if (digits.empty() || problem != std::errc() || stop != end) return bad;
  return address;
}

}  // namespace rwp::server
