#include "net/http_url.hpp"

#include <rwp/net/http_message.hpp>

#include <algorithm>
#include <charconv>
#include <cstddef>

namespace rwp::net {
namespace {

constexpr std::size_t kMaxUrlBytes = std::size_t{32} << 10U;

bool is_host_character(char c) {
  const bool letter = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
  return letter || (c >= '0' && c <= '9') || c == '-' || c == '.' || c == '_';
}

bool is_address_character(char c) {
  return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'f') || (c >= 'A' && c <= 'F') || c == ':' ||
         c == '.';
}

bool is_port(std::string_view text) {
  unsigned port = 0;
  const char* end = text.data() + text.size();
  const auto [stopped, problem] = std::from_chars(text.data(), end, port);
  return problem == std::errc() && stopped == end && port >= 1 && port <= 65'535;
}

/// Whether it is `host`, `host:port`, `[v6]` or `[v6]:port`.
bool is_authority(std::string_view text) {
  std::string_view host = text;
  std::string_view rest;
  bool well_formed = false;
  if (text.starts_with('[')) {
    const std::size_t end = text.find(']');
    if (end == std::string_view::npos) return false;
    host = text.substr(1, end - 1);
    rest = text.substr(end + 1);
    well_formed = std::all_of(host.begin(), host.end(), is_address_character);
  } else {
    const std::size_t colon = text.find(':');
    host = text.substr(0, colon);
    rest = colon == std::string_view::npos ? std::string_view() : text.substr(colon);
    well_formed = std::all_of(host.begin(), host.end(), is_host_character);
  }
  if (host.empty() || !well_formed) return false;
  return rest.empty() || (rest.front() == ':' && is_port(rest.substr(1)));
}

}  // namespace

std::optional<HttpUrlParts> split_http_url(std::string_view url) noexcept {
  const std::size_t mark = url.find("://");
  if (mark == std::string_view::npos) return std::nullopt;
  HttpUrlParts parts;
  parts.scheme = url.substr(0, mark);
  const std::string_view rest = url.substr(mark + 3);
  parts.authority = rest.substr(0, rest.find_first_of("/?#\\"));
  const std::string_view behind = rest.substr(parts.authority.size());
  parts.path = behind.substr(0, behind.find_first_of("?#"));
  return parts;
}

std::optional<std::string> http_url_fault(std::string_view url) {
  if (url.size() > kMaxUrlBytes) return "the URL is longer than 32 KiB";
  const bool printable =
      std::all_of(url.begin(), url.end(), [](char c) { return c > ' ' && c < '\x7F'; });
  if (!printable) return "the URL has a space, control character or byte beyond ASCII";
  const auto parts = split_http_url(url);
  if (!parts ||
      !(equal_without_case(parts->scheme, "http") || equal_without_case(parts->scheme, "https"))) {
    return "the URL starts with neither http:// nor https://";
  }
  if (parts->authority.find('@') != std::string_view::npos) return "the URL has credentials in it";
  if (!is_authority(parts->authority)) return "the URL names no host, or no valid one";
  if (parts->path.starts_with('\\')) return "the URL has a backslash after its host";
  return std::nullopt;
}

bool is_https(std::string_view url) noexcept {
  const auto parts = split_http_url(url);
  return parts && equal_without_case(parts->scheme, "https");
}

}  // namespace rwp::net
