#pragma once

#include <rwp/core/error.hpp>

#include <array>
#include <chrono>
#include <compare>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <string>
#include <string_view>

namespace rwp {

/// A 16-byte identifier. Version 7 (RFC 9562) sorts by the time it was made.
///
/// Threads: a value; `make_v7()` may be called from any thread.
struct Uuid {
  std::array<std::uint8_t, 16> bytes{};

  /// A new version 7 identifier: milliseconds since 1970, then a counter that keeps those of one
  /// process in the order they were made, then 62 random bits.
  static Uuid make_v7();

  /// As above, for a time that the caller names (tests, settable clocks).
  static Uuid make_v7(std::chrono::system_clock::time_point time);

  /// Reads the 36-character form, in either case. `Errc::invalid_argument`: anything else.
  static Result<Uuid> parse(std::string_view text);

  bool is_nil() const noexcept;
  /// The version digit: 7 for those made here, 0 for nil.
  int version() const noexcept { return bytes[6] >> 4U; }
  /// When a version 7 identifier was made, to the millisecond. Asserts version 7.
  std::chrono::system_clock::time_point time() const noexcept;

  /// Lower case, 8-4-4-4-12.
  std::string to_string() const;

  // clang-tidy 14 takes the zero of a defaulted comparison for a pointer.
  friend auto operator<=>(const Uuid&, const Uuid&) = default;  // NOLINT(modernize-use-nullptr)
};

}  // namespace rwp

template <>
struct std::hash<rwp::Uuid> {
  std::size_t operator()(const rwp::Uuid& id) const noexcept;
};
