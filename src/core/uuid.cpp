#include <rwp/core/uuid.hpp>

#include <algorithm>
#include <cassert>
#include <cstring>
#include <random>

namespace rwp {
namespace {

constexpr std::string_view kHex = "0123456789abcdef";
constexpr std::uint32_t kCounterLimit = 1U << 12U;

int hex_digit(char c) noexcept {
  if (c >= '0' && c <= '9') return c - '0';
  if (c >= 'a' && c <= 'f') return c - 'a' + 10;
  if (c >= 'A' && c <= 'F') return c - 'A' + 10;
  return -1;
}

bool is_dash_position(std::size_t i) noexcept { return i == 8 || i == 13 || i == 18 || i == 23; }

/// The state of one thread's generator; threads share nothing, their random bits differ.
struct Generator {
  std::mt19937_64 random{[] {
    std::random_device device;
    std::seed_seq seed{device(), device(), device(), device(), device(), device()};
    return std::mt19937_64(seed);
  }()};
  std::uint64_t last_ms = 0;
  std::uint32_t counter = 0;
};

Uuid build(std::uint64_t ms, std::uint32_t counter, std::uint64_t random) {
  Uuid id;
  for (std::size_t i = 0; i < 6; ++i) {
    id.bytes[i] = static_cast<std::uint8_t>(ms >> (40U - 8U * i));
  }
  id.bytes[6] = static_cast<std::uint8_t>(0x70U | (counter >> 8U));
  id.bytes[7] = static_cast<std::uint8_t>(counter);
  for (std::size_t i = 0; i < 8; ++i) {
    id.bytes[8 + i] = static_cast<std::uint8_t>(random >> (56U - 8U * i));
  }
  id.bytes[8] = static_cast<std::uint8_t>((id.bytes[8] & 0x3FU) | 0x80U);
  return id;
}

}  // namespace

Uuid Uuid::make_v7() { return make_v7(std::chrono::system_clock::now()); }

Uuid Uuid::make_v7(std::chrono::system_clock::time_point time) {
  thread_local Generator generator;
  const auto since = std::chrono::duration_cast<std::chrono::milliseconds>(time.time_since_epoch());
  auto ms = static_cast<std::uint64_t>(std::max<std::int64_t>(since.count(), 0));
  // A clock that stands still, or steps back a little, is bridged by the counter and then by
  // running ahead; one that stepped back by more than a second is believed.
  if (ms > generator.last_ms || ms + 1000 < generator.last_ms) {
    generator.last_ms = ms;
    generator.counter = static_cast<std::uint32_t>(generator.random() % (kCounterLimit / 2));
  } else if (++generator.counter == kCounterLimit) {
    ++generator.last_ms;
    generator.counter = 0;
  }
  return build(generator.last_ms, generator.counter, generator.random());
}

Result<Uuid> Uuid::parse(std::string_view text) {
  const Error bad(Errc::invalid_argument, "not a UUID (36 characters, 8-4-4-4-12 hex digits)");
  if (text.size() != 36) return bad;
  Uuid id;
  std::size_t nibble = 0;
  for (std::size_t i = 0; i < text.size(); ++i) {
    if (is_dash_position(i)) {
      if (text[i] != '-') return bad;
      continue;
    }
    const int digit = hex_digit(text[i]);
    if (digit < 0) return bad;
    auto& byte = id.bytes[nibble / 2];
    byte = static_cast<std::uint8_t>((byte << 4U) | digit);
    ++nibble;
  }
  return id;
}

bool Uuid::is_nil() const noexcept {
  return std::all_of(bytes.begin(), bytes.end(), [](std::uint8_t b) { return b == 0; });
}

std::chrono::system_clock::time_point Uuid::time() const noexcept {
  assert(version() == 7);
  std::uint64_t ms = 0;
  for (std::size_t i = 0; i < 6; ++i) ms = (ms << 8U) | bytes[i];
  return std::chrono::system_clock::time_point(
      std::chrono::milliseconds(static_cast<std::int64_t>(ms)));
}

std::string Uuid::to_string() const {
  std::string text(36, '-');
  std::size_t out = 0;
  for (const std::uint8_t byte : bytes) {
    if (is_dash_position(out)) ++out;
    text[out++] = kHex[byte >> 4U];
    text[out++] = kHex[byte & 0xFU];
  }
  return text;
}

}  // namespace rwp

std::size_t std::hash<rwp::Uuid>::operator()(const rwp::Uuid& id) const noexcept {
  std::uint64_t high = 0;
  std::uint64_t low = 0;
  std::memcpy(&high, id.bytes.data(), sizeof high);
  std::memcpy(&low, id.bytes.data() + sizeof high, sizeof low);
  return static_cast<std::size_t>(low ^ (high * 0x9E3779B97F4A7C15ULL));
}
