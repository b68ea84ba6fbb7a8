#pragma once

#include <rwp/core/error.hpp>
#include <rwp/core/json_text.hpp>
#include <rwp/core/json_view.hpp>

#include <cstddef>
#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <string_view>

namespace rwp::pods {

/// One value of a JSON document as its bytes: members are looked at without a tree, and a part
/// (a job's payload) is passed on as it came.
///
/// Lifetime: valid while the text lives.
class JsonSlice {
 public:
  /// The whole document; its syntax has been checked by JsonText.
  explicit JsonSlice(const JsonText& document) : JsonSlice(document.view()) {}

  /// `integer` for numbers without a fraction or exponent.
  JsonKind kind() const noexcept;
  std::string_view bytes() const noexcept { return text_; }

  std::optional<bool> as_bool() const noexcept;
  std::optional<std::int64_t> as_int64() const noexcept;
  /// Escapes resolved.
  std::optional<std::string> as_string() const;

  /// Calls `visit` for each member of an object, in their order, until it answers an error.
  Result<void> each_member(
      const std::function<Result<void>(const std::string& name, JsonSlice value)>& visit) const;
  /// Calls `visit` for each element of an array, until it answers an error.
  Result<void> each_element(const std::function<Result<void>(JsonSlice value)>& visit) const;

 private:
  explicit JsonSlice(std::string_view text);
  std::string_view text_;
};

/// Past the string of a JSON text that begins at `at`, which is its quote; the text's end when it
/// has none.
std::size_t string_end(std::string_view text, std::size_t at) noexcept;

/// As much of a name that a client made up as is told back: at most 64 bytes, in whole characters.
std::string shown_name(std::string_view name);

/// The path, such as "jobs[3].kind", of the first member whose name its object has already; none
/// when all names are unique. What readers make of such an object differs, so it is not taken.
/// Long names are cut, as by shown_name().
std::optional<std::string> duplicate_name(const JsonText& document);

}  // namespace rwp::pods
