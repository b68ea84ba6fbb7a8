#pragma once

#include <rwp/core/error.hpp>
#include <rwp/core/json_text.hpp>

#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

namespace rwp {

enum class JsonKind : std::uint8_t { null, boolean, integer, real, string, array, object };

/// "an object", "a string", … for messages.
std::string_view describe_kind(JsonKind kind) noexcept;

/// Looks at one value of a parsed document, without json.hpp in the reader's file.
///
/// Lifetime: valid while its JsonDocument lives. Threads: safe to share.
class JsonView {
 public:
  JsonKind kind() const noexcept;
  bool is_null() const noexcept { return kind() == JsonKind::null; }

  std::optional<bool> as_bool() const noexcept;
  /// Also a real number without a fraction ("3.0"). None: other kinds, or out of range.
  std::optional<std::int64_t> as_int64() const noexcept;
  /// As as_int64(), for the numbers from 0 to 2^64 - 1.
  std::optional<std::uint64_t> as_uint64() const noexcept;
  std::optional<double> as_double() const noexcept;
  std::optional<std::string_view> as_string() const noexcept;

  /// Number of elements or members; 0 for other kinds.
  std::size_t size() const noexcept;
  /// The element at `index` of an array; null where there is none, and of other kinds.
  JsonView at(std::size_t index) const;
  /// The member of that name; none when absent or when this is no object.
  std::optional<JsonView> find(std::string_view name) const;
  /// Calls `visit` for each member of an object, sorted by name, until it answers false.
  void each_member(const std::function<bool(std::string_view name, JsonView value)>& visit) const;

  /// This value as a document of its own.
  JsonText text() const;

 private:
  friend class JsonDocument;
  explicit JsonView(const void* node) noexcept : node_(node) {}
  const void* node_;
};

/// Owns a parsed document. Threads: safe to share.
class JsonDocument {
 public:
  explicit JsonDocument(const JsonText& text);
  ~JsonDocument();
  JsonDocument(JsonDocument&&) noexcept;
  JsonDocument& operator=(JsonDocument&&) noexcept;
  JsonDocument(const JsonDocument&) = delete;
  JsonDocument& operator=(const JsonDocument&) = delete;

  JsonView root() const noexcept;

 private:
  struct Tree;
  std::unique_ptr<const Tree> tree_;
};

}  // namespace rwp
