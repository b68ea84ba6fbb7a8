#include <rwp/core/uuid.hpp>

#include <algorithm>
#include <atomic>
#include <cassert>
#include <cstring>
#include <pthread.h>
#include <random>

namespace rwp {
namespace {

constexpr std::string_view kHex = "0123456789abcdef";
constexpr std::uint64_t kCounterLimit = 1ULL << 12U;

int hex_digit(char c) noexcept {
  if (c >= '0' && c <= '9') return c - '0';
  if (c >= 'a' && c <= 'f') return c - 'a' + 10;
  if (c >= 'A' && c <= 'F') return c - 'A' + 10;
  return -1;
}

bool is_dash_position(std::size_t i) noexcept { return i == 8 || i == 13 || i == 18 || i == 23; }

/// Raised in the child of a fork, whose copies of the generators must not repeat the parent's bits.
std::atomic<unsigned> fork_count{0};

/// Random bits; one generator a thread, so that threads share nothing.
std::uint64_t random_bits() {
  static const int kWatching = pthread_atfork(nullptr, nullptr, [] { ++fork_count; });
  static_cast<void>(kWatching);
  const auto seeded = [] {
    std::random_device device;
    std::seed_seq seed{device(), device(), device(), device(), device(), device()};
    return std::mt19937_64(seed);
  };
  thread_local std::mt19937_64 generator = seeded();
  thread_local unsigned seeded_at = fork_count;
  if (seeded_at != fork_count) {
    generator = seeded();
    seeded_at = fork_count;
  }
  return generator();
}

/// Milliseconds and counter of the identifier made last, as one number: the order of a process.
using LastMade = std::atomic<std::uint64_t>;

/// The step after `last` at the time `ms`.
std::uint64_t next_step(std::uint64_t last, std::uint64_t ms, std::uint64_t random) {
  const std::uint64_t last_ms = last / kCounterLimit;
  // A clock that stands still, or steps back a little, is bridged by the counter, which carries
  // into the milliseconds; one that stepped back by more than a second is believed.
  if (ms > last_ms || ms + 1000 < last_ms) return ms * kCounterLimit + random % (kCounterLimit / 2);
  return last + 1;
}

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

Uuid make_after(LastMade& last, std::chrono::system_clock::time_point time) {
  const auto since = std::chrono::duration_cast<std::chrono::milliseconds>(time.time_since_epoch());
  const auto ms = static_cast<std::uint64_t>(std::max<std::int64_t>(since.count(), 0));
  const std::uint64_t random = random_bits();
  std::uint64_t before = last.load(std::memory_order_relaxed);
  std::uint64_t step = 0;
  do {
    step = next_step(before, ms, random);
  } while (!last.compare_exchange_weak(before, step, std::memory_order_relaxed));
  return build(step / kCounterLimit, static_cast<std::uint32_t>(step % kCounterLimit),
               random_bits());
}

}  // namespace

Uuid Uuid::make_v7() {
  static LastMade last{0};
  return make_after(last, std::chrono::system_clock::now());
}

Uuid Uuid::make_v7(std::chrono::system_clock::time_point time) {
  // Apart from the wall clock's, which a test's clock may be far away from.
  static LastMade last{0};
  return make_after(last, time);
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
  using TimePoint = std::chrono::system_clock::time_point;
  // 48 bits reach further than the clock, and an id may come from a stranger.
  constexpr auto kLatest =
      std::chrono::duration_cast<std::chrono::milliseconds>(TimePoint::max().time_since_epoch());
  const std::chrono::milliseconds since(static_cast<std::int64_t>(ms));
  return since > kLatest ? TimePoint::max() : TimePoint(since);
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
