#pragma once

#include <cstddef>
#include <initializer_list>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace rwp::net {

/// Header fields in the order they stand in; names compare without case (RFC 9110, section 5.1).
///
/// A value, cheap for the few dozen fields of one message. Threads: a value.
class HttpHeaders {
 public:
  using Field = std::pair<std::string, std::string>;

  HttpHeaders() = default;
  HttpHeaders(std::initializer_list<Field> fields) : fields_(fields) {}

  /// One more field, also when the name is there.
  void add(std::string name, std::string value);
  /// The one field of this name: replaces the first, removes the others.
  void set(std::string name, std::string value);
  void remove(std::string_view name);
  /// The first value under `name`; the view lives until the headers change.
  std::optional<std::string_view> find(std::string_view name) const noexcept;
  bool contains(std::string_view name) const noexcept { return find(name).has_value(); }

  /// Makes room, so that so many fields are added without a move of those before.
  void reserve(std::size_t count) { fields_.reserve(count); }
  std::size_t size() const noexcept { return fields_.size(); }
  bool empty() const noexcept { return fields_.empty(); }
  auto begin() const noexcept { return fields_.begin(); }
  auto end() const noexcept { return fields_.end(); }

  friend bool operator==(const HttpHeaders&, const HttpHeaders&) = default;

 private:
  std::vector<Field> fields_;
};

/// Whether the two are equal but for the case of ASCII letters.
bool equal_without_case(std::string_view left, std::string_view right) noexcept;

/// Whether a header's name (a token) and value (no control characters but tab) may be sent; what
/// breaks this could smuggle a field or a message of its own.
bool valid_header(std::string_view name, std::string_view value) noexcept;

}  // namespace rwp::net
