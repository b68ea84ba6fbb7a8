#include "server/proxy_header.hpp"

#include <rwp/server/address_ranges.hpp>

#include <algorithm>
#include <arpa/inet.h>
#include <array>
#include <charconv>
#include <netinet/in.h>
#include <vector>

namespace rwp::server {
namespace {

constexpr std::string_view kSignature("\r\n\r\n\0\r\nQUIT\n", 12);
constexpr std::string_view kWord = "PROXY ";
/// "PROXY TCP6 " with the longest addresses and ports, and the line's end (section 2.1).
constexpr std::size_t kLongestLine = 107;
constexpr std::size_t kFixed = 16;

ProxyHeader malformed() {
  ProxyHeader header;
  header.state = ProxyHeader::State::malformed;
  return header;
}

bool is_port(std::string_view text) {
  std::uint16_t port = 0;
  const char* end = text.data() + text.size();
  const auto read = std::from_chars(text.data(), end, port);
  return !text.empty() && read.ec == std::errc() && read.ptr == end;
}

ProxyHeader read_line(std::string_view bytes) {
  const std::size_t end = bytes.substr(0, kLongestLine).find("\r\n");
  if (end == std::string_view::npos) {
    return bytes.size() < kLongestLine ? ProxyHeader() : malformed();
  }
  std::vector<std::string_view> words;
  const std::string_view line = bytes.substr(0, end);
  for (std::size_t begin = 0; begin <= line.size();) {
    const std::size_t space = std::min(line.find(' ', begin), line.size());
    words.push_back(line.substr(begin, space - begin));
    begin = space + 1;
  }
  ProxyHeader header;
  header.state = ProxyHeader::State::complete;
  header.size = end + 2;
  // Whatever follows this word is to be read over.
  if (words.size() > 1 && words[1] == "UNKNOWN") return header;
  if (words.size() != 6 || !is_port(words[4]) || !is_port(words[5])) return malformed();
  const int family = words[1] == "TCP4" ? AF_INET : AF_INET6;
  if (family == AF_INET6 && words[1] != "TCP6") return malformed();
  std::array<unsigned char, sizeof(in6_addr)> address{};
  const bool both = ::inet_pton(family, std::string(words[2]).c_str(), address.data()) == 1 &&
                    ::inet_pton(family, std::string(words[3]).c_str(), address.data()) == 1;
  if (!both) return malformed();
  header.source = plain_address(words[2]);
  return header;
}

ProxyHeader read_binary(std::string_view bytes) {
  if (bytes.size() < kFixed) return ProxyHeader();
  const auto byte = [&bytes](std::size_t i) { return static_cast<unsigned char>(bytes[i]); };
  const unsigned version = byte(12) >> 4U;
  const unsigned command = byte(12) & 0xFU;
  const std::size_t length = (std::size_t{byte(14)} << 8U) + byte(15);
  if (version != 2 || command > 1 || kFixed + length > kMaxProxyHeader) return malformed();
  if (bytes.size() < kFixed + length) return ProxyHeader();
  ProxyHeader header;
  header.state = ProxyHeader::State::complete;
  header.size = kFixed + length;
  if (command == 0) return header;  // LOCAL: the balancer itself.
  const unsigned family = byte(13) >> 4U;
  const bool v4 = family == 1;
  // Others (unspecified, Unix sockets) name no client that means something here.
  if (!v4 && family != 2) return header;
  // Both addresses and ports; what follows them (TLVs) is read over.
  if (length < (v4 ? std::size_t{12} : std::size_t{36})) return malformed();
  std::array<char, INET6_ADDRSTRLEN> text{};
  ::inet_ntop(v4 ? AF_INET : AF_INET6, bytes.data() + kFixed, text.data(), text.size());
  header.source = plain_address(text.data());
  return header;
}

}  // namespace

ProxyHeader read_proxy_header(std::string_view bytes) {
  const auto begins_as = [&bytes](std::string_view start) {
    const std::size_t size = std::min(bytes.size(), start.size());
    return bytes.substr(0, size) == start.substr(0, size);
  };
  if (begins_as(kSignature)) {
    return bytes.size() < kSignature.size() ? ProxyHeader() : read_binary(bytes);
  }
  if (begins_as(kWord)) return bytes.size() < kWord.size() ? ProxyHeader() : read_line(bytes);
  return malformed();
}

}  // namespace rwp::server
