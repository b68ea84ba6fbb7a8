#include "server/client_address.hpp"

#include <algorithm>
#include <optional>

namespace rwp::server {
namespace {

/// No honest chain is longer; whoever adds more pays for no work here.
constexpr int kMostHops = 32;

/// The one value of a header that must stand once.
std::optional<std::string_view> only(const net::HttpHeaders& headers, std::string_view name) {
  std::optional<std::string_view> value;
  for (const auto& [field, text] : headers) {
    if (!net::equal_without_case(field, name)) continue;
    if (value) return std::nullopt;
    value = text;
  }
  return value;
}

/// The entries of all `X-Forwarded-For` fields, from the last to the first.
class ForwardedFor {
 public:
  explicit ForwardedFor(const net::HttpHeaders& headers) : headers_(headers), at_(headers.end()) {}

  std::optional<std::string_view> next() {
    while (!rest_) {
      if (at_ == headers_.begin()) return std::nullopt;
      --at_;
      if (net::equal_without_case(at_->first, "X-Forwarded-For")) rest_ = at_->second;
    }
    const std::size_t comma = rest_->rfind(',');
    const bool last = comma == std::string_view::npos;
    const std::string_view entry = last ? *rest_ : rest_->substr(comma + 1);
    rest_ = last ? std::nullopt : std::optional(rest_->substr(0, comma));
    return entry;
  }

 private:
  const net::HttpHeaders& headers_;
  decltype(headers_.begin()) at_;
  std::optional<std::string_view> rest_;
};

}  // namespace

std::string client_address(std::string_view peer, const net::HttpHeaders& headers,
                           const TrustedHops& trusted) {
  std::string hop(peer);
  ForwardedFor forwarded(headers);
  for (int i = 0; i < kMostHops; ++i) {
    const bool is_cdn = trusted.cdn.contains(hop);
    if (!is_cdn && !trusted.proxies.contains(hop)) break;
    if (const auto told = is_cdn ? only(headers, "CF-Connecting-IP") : std::nullopt) {
      std::string client = plain_address(*told);
      if (!client.empty()) return client;
    }
    const auto before = forwarded.next();
    std::string address = before ? plain_address(*before) : std::string();
    if (address.empty()) break;
    hop = std::move(address);
  }
  return hop;
}

}  // namespace rwp::server
