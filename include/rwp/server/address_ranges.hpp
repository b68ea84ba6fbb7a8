#pragma once

#include <rwp/core/error.hpp>

#include <array>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace rwp::server {

/// Ranges of IP addresses, such as those of a load balancer.
///
/// Threads: a value; safe to share while nobody changes it.
class AddressRanges {
 public:
  /// "10.0.0.0/8, 2400:cb00::/32, 127.0.0.1": addresses, or ranges as CIDR writes them (RFC 4632),
  /// with commas between; at most 1,000. Empty text: none. `Errc::invalid_argument` names the one
  /// that is no range, or whose address has bits behind its length, which is most often a slip.
  static Result<AddressRanges> parse(std::string_view text);

  /// Whether a numeric address lies in one of them; an IPv4 address that is written as IPv6
  /// ("::ffff:10.0.0.1") is that IPv4 address. False for what is no address.
  bool contains(std::string_view address) const noexcept;
  bool empty() const noexcept { return ranges_.empty(); }
  /// As parse() takes it.
  std::string to_string() const;

 private:
  struct Range {
    /// IPv4 as ::ffff:a.b.c.d.
    std::array<std::uint8_t, 16> address{};
    /// Of 128 bits.
    unsigned length = 128;
    std::string text{};
  };
  std::vector<Range> ranges_;
};

/// The address as it is usually written, without brackets, port or zone, and IPv4 as IPv4; empty
/// for what is none. Takes "203.0.113.7", "203.0.113.7:4711", "2001:db8::1", "[2001:db8::1]:4711".
std::string plain_address(std::string_view text);

}  // namespace rwp::server
