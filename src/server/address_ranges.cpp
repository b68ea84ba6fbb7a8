#include <rwp/server/address_ranges.hpp>

#include <algorithm>
#include <arpa/inet.h>
#include <charconv>
#include <cstring>
#include <netinet/in.h>
#include <optional>
#include <utility>

namespace rwp::server {
namespace {

constexpr std::size_t kMostRanges = 1'000;
constexpr std::size_t kLongestAddress = 45;
constexpr unsigned kOfMapped = 96;
constexpr std::array<std::uint8_t, 12> kMapped = {0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xFF, 0xFF};

struct Address {
  std::array<std::uint8_t, 16> bytes{};
  bool is_v4 = false;
};

std::optional<Address> read_address(std::string_view text) noexcept {
  if (text.empty() || text.size() > kLongestAddress) return std::nullopt;
  std::array<char, kLongestAddress + 1> terminated{};
  std::copy(text.begin(), text.end(), terminated.begin());
  if (std::strlen(terminated.data()) != text.size()) return std::nullopt;
  Address address;
  if (::inet_pton(AF_INET, terminated.data(), address.bytes.data() + kMapped.size()) == 1) {
    std::copy(kMapped.begin(), kMapped.end(), address.bytes.begin());
    address.is_v4 = true;
    return address;
  }
  if (::inet_pton(AF_INET6, terminated.data(), address.bytes.data()) == 1) return address;
  return std::nullopt;
}

bool same_bits(const std::array<std::uint8_t, 16>& left, const std::array<std::uint8_t, 16>& right,
               unsigned length) noexcept {
  const std::size_t whole = length / 8;
  if (!std::equal(left.begin(), left.begin() + static_cast<std::ptrdiff_t>(whole), right.begin())) {
    return false;
  }
  const unsigned rest = length % 8;
  return rest == 0 || ((left[whole] ^ right[whole]) >> (8U - rest)) == 0;
}

bool has_bits_behind(const std::array<std::uint8_t, 16>& address, unsigned length) noexcept {
  for (unsigned bit = length; bit < 128; ++bit) {
    if ((address[bit / 8] & (0x80U >> (bit % 8))) != 0) return true;
  }
  return false;
}

std::string_view trimmed(std::string_view text) noexcept {
  while (!text.empty() && (text.front() == ' ' || text.front() == '\t')) text.remove_prefix(1);
  while (!text.empty() && (text.back() == ' ' || text.back() == '\t')) text.remove_suffix(1);
  return text;
}

Error no_range(std::string_view text, std::string rule) {
  return {Errc::invalid_argument, "\"" + std::string(text.substr(0, 64)) + "\" " + std::move(rule)};
}

}  // namespace

Result<AddressRanges> AddressRanges::parse(std::string_view text) {
  AddressRanges made;
  if (trimmed(text).empty()) return made;
  for (std::size_t begin = 0; begin <= text.size();) {
    const std::size_t end = std::min(text.find(',', begin), text.size());
    const std::string_view one = trimmed(text.substr(begin, end - begin));
    begin = end + 1;
    const std::size_t slash = std::min(one.find('/'), one.size());
    const auto address = read_address(one.substr(0, slash));
    if (!address) return no_range(one, "is no address or range, such as 10.0.0.0/8");
    const unsigned most = address->is_v4 ? 32 : 128;
    unsigned length = most;
    if (slash < one.size()) {
      const std::string_view digits = one.substr(slash + 1);
      const char* stop = digits.data() + digits.size();
      const auto read = std::from_chars(digits.data(), stop, length);
      if (digits.empty() || read.ec != std::errc() || read.ptr != stop || length > most) {
        return no_range(one, "has no length from 0 to " + std::to_string(most) + " behind its /");
      }
    }
    if (address->is_v4) length += kOfMapped;
    if (has_bits_behind(address->bytes, length)) {
      return no_range(one, "has bits of its address behind its length");
    }
    if (made.ranges_.size() == kMostRanges) {
      return Error(Errc::invalid_argument, "there must be at most 1000 ranges");
    }
    made.ranges_.push_back({.address = address->bytes, .length = length, .text = std::string(one)});
  }
  return made;
}

bool AddressRanges::contains(std::string_view address) const noexcept {
  const auto read = read_address(address);
  return read && std::any_of(ranges_.begin(), ranges_.end(), [&read](const Range& range) {
           return same_bits(range.address, read->bytes, range.length);
         });
}

std::string AddressRanges::to_string() const {
  std::string text;
  for (const auto& range : ranges_) text += (text.empty() ? "" : ", ") + range.text;
  return text;
}

std::string plain_address(std::string_view text) {
  text = trimmed(text);
  if (text.starts_with('[')) {
    const std::size_t close = text.find(']');
    if (close == std::string_view::npos) return {};
    const std::string_view port = text.substr(close + 1);
    if (!port.empty() && port.front() != ':') return {};
    text = text.substr(1, close - 1);
  } else if (std::count(text.begin(), text.end(), ':') == 1) {
    text = text.substr(0, text.find(':'));
  }
  const auto address = read_address(text);
  if (!address) return {};
  std::array<char, INET6_ADDRSTRLEN> written{};
  const bool v4 =
      address->is_v4 || std::equal(kMapped.begin(), kMapped.end(), address->bytes.begin());
  const auto* bytes = address->bytes.data() + (v4 ? kMapped.size() : 0);
  ::inet_ntop(v4 ? AF_INET : AF_INET6, bytes, written.data(), written.size());
  return written.data();
}

}  // namespace rwp::server
