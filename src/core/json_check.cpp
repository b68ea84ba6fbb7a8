#include "core/json_check.hpp"

#include <rwp/core/utf8.hpp>

#include <algorithm>
#include <bit>
#include <cstdint>
#include <cstring>

namespace rwp {
namespace {

bool is_digit(char c) noexcept { return c >= '0' && c <= '9'; }

bool is_hex_digit(char c) noexcept {
  return is_digit(c) || (c >= 'a' && c <= 'f') || (c >= 'A' && c <= 'F');
}

/// Not zero when one of the eight bytes does not stand for itself within a string: a quote, a
/// backslash, a control character, or a part of a longer character. The lowest bit that is set is
/// in the first such.
std::uint64_t special_bits(std::uint64_t bytes) noexcept {
  constexpr std::uint64_t kOnes = 0x0101010101010101;
  constexpr std::uint64_t kHighs = 0x8080808080808080;
  const std::uint64_t quotes = bytes ^ (kOnes * '"');
  const std::uint64_t slashes = bytes ^ (kOnes * '\\');
  // A byte that is zero, or below the bound, borrows from its high bit.
  const std::uint64_t low = (bytes - kOnes * 0x20) | (quotes - kOnes) | (slashes - kOnes);
  return (low | bytes) & kHighs;
}

class Checker {
 public:
  Checker(std::string_view text, std::size_t max_depth) noexcept
      : text_(text), max_depth_(std::min<std::size_t>(max_depth, 64)) {}

  bool run() noexcept {
    do {
      if (!value()) return false;
      // Out of all levels that end here.
      skip_space();
      while (depth_ > 0 && peek() == (in_object() ? '}' : ']')) {
        leave();
        skip_space();
      }
    } while (depth_ > 0 && next());
    return depth_ == 0 && at_ == text_.size();
  }

 private:
  /// NUL at the end: no document has one.
  char peek() const noexcept { return at_ < text_.size() ? text_[at_] : '\0'; }
  bool take(char c) noexcept {
    if (peek() != c) return false;
    ++at_;
    return true;
  }
  void skip_space() noexcept {
    while (peek() == ' ' || peek() == '\n' || peek() == '\t' || peek() == '\r') ++at_;
  }

  bool in_object() const noexcept { return (kinds_ & 1U) != 0; }
  bool enter(bool object) noexcept {
    if (depth_ == max_depth_) return false;
    ++depth_;
    ++at_;
    kinds_ = kinds_ << 1U | static_cast<std::uint64_t>(object);
    return true;
  }
  void leave() noexcept {
    --depth_;
    ++at_;
    kinds_ >>= 1U;
  }

  /// To the next value of the level.
  bool next() noexcept {
    if (!take(',')) return false;
    return !in_object() || name();
  }
  bool name() noexcept {
    skip_space();
    if (peek() != '"' || !string()) return false;
    skip_space();
    return take(':');
  }

  /// A scalar, an empty container, or the beginnings of containers down to one of these.
  bool value() noexcept {
    while (true) {
      skip_space();
      switch (peek()) {
        case '{':
          if (!enter(true)) return false;
          skip_space();
          if (peek() == '}') {
            leave();
            return true;
          }
          if (!name()) return false;
          break;
        case '[':
          if (!enter(false)) return false;
          skip_space();
          if (peek() == ']') {
            leave();
            return true;
          }
          break;
        case '"':
          return string();
        case 't':
          return word("true");
        case 'f':
          return word("false");
        case 'n':
          return word("null");
        default:
          return number();
      }
    }
  }

  bool word(std::string_view whole) noexcept {
    if (text_.substr(at_, whole.size()) != whole) return false;
    at_ += whole.size();
    return true;
  }

  std::size_t digits() noexcept {
    const std::size_t begin = at_;
    while (is_digit(peek())) ++at_;
    return at_ - begin;
  }

  bool number() noexcept {
    (void)take('-');
    const bool zero = peek() == '0';
    const std::size_t whole = digits();
    if (whole == 0 || whole > 200 || (zero && whole > 1)) return false;
    if (take('.') && digits() == 0) return false;
    if (peek() != 'e' && peek() != 'E') return true;
    ++at_;
    if (!take('-')) (void)take('+');
    const std::size_t exponent = digits();
    return exponent == 1 || exponent == 2;
  }

  bool string() noexcept {
    ++at_;
    while (true) {
      at_ += plain_run(text_.substr(at_));
      const char c = peek();
      const auto code = static_cast<unsigned char>(c);
      if (c == '"') {
        ++at_;
        return true;
      }
      if (code < 0x20) return false;
      if (c == '\\') {
        if (!escape()) return false;
      } else if (code < 0x80) {
        ++at_;
      } else {
        const std::size_t length = utf8_sequence_length(text_.substr(at_));
        if (length == 0) return false;
        at_ += length;
      }
    }
  }

  bool escape() noexcept {
    ++at_;
    if (peek() != 'u') {
      const bool known =
          peek() != '\0' && std::string_view("\"\\/bfnrt").find(peek()) != std::string_view::npos;
      ++at_;
      return known;
    }
    const std::string_view code = text_.substr(at_ + 1, 4);
    at_ += 5;
    const bool half = code.size() > 1 && (code[0] == 'd' || code[0] == 'D') && code[1] >= '8';
    return code.size() == 4 && !half && std::all_of(code.begin(), code.end(), is_hex_digit);
  }

  const std::string_view text_;
  const std::size_t max_depth_;
  std::size_t at_ = 0;
  std::size_t depth_ = 0;
  /// The lowest bit: whether the innermost level is an object.
  std::uint64_t kinds_ = 0;
};

}  // namespace

std::size_t plain_run(std::string_view text) noexcept {
  std::size_t at = 0;
  std::uint64_t bytes = 0;
  while (text.size() - at >= sizeof(bytes)) {
    std::memcpy(&bytes, text.data() + at, sizeof(bytes));
    const std::uint64_t special = special_bits(bytes);
    if (special != 0) {
      if constexpr (std::endian::native == std::endian::little) {
        at += static_cast<std::size_t>(std::countr_zero(special)) / 8;
      }
      break;
    }
    at += sizeof(bytes);
  }
  return at;
}

bool is_surely_json(std::string_view text, std::size_t max_depth) noexcept {
  return Checker(text, max_depth).run();
}

}  // namespace rwp
