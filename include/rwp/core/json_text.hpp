#pragma once

#include <rwp/core/error.hpp>

#include <cstddef>
#include <string>
#include <string_view>

namespace rwp {

/// A JSON document (RFC 8259) as text that has been checked: valid UTF-8, valid syntax, bounded
/// nesting. Keeps the bytes as they were given, so that hashes and signatures stay true.
///
/// The default is `null`. Threads: a value.
class JsonText {
 public:
  /// Deepest nesting of arrays and objects that is taken from outside.
  static constexpr std::size_t kMaxDepth = 64;

  JsonText() = default;

  /// Checks `text`. `Errc::invalid_argument`: not one JSON document, bad UTF-8, or nested deeper
  /// than `max_depth`; the message says where.
  static Result<JsonText> parse(std::string text, std::size_t max_depth = kMaxDepth);

  /// Takes text that was checked before, such as this library's own output or what a store kept.
  static JsonText trusted(std::string text);

  const std::string& str() const noexcept { return text_; }
  std::string_view view() const noexcept { return text_; }
  std::size_t size() const noexcept { return text_.size(); }
  bool is_null() const noexcept { return text_ == "null"; }

  /// The text itself, moved out; the object is `null` afterwards.
  std::string release();

  /// Byte for byte, not by meaning.
  friend bool operator==(const JsonText&, const JsonText&) = default;

 private:
  std::string text_ = "null";
};

}  // namespace rwp
