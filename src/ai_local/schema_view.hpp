#pragma once

#include <rwp/core/json_view.hpp>

#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace rwp::ai_local {

/// A schema together with what its `$ref` and `allOf` add: keywords are looked for in all of them.
/// Lifetime: as the document's. References are within the document and end (JsonSchema has
/// checked).
class SchemaView {
 public:
  SchemaView(JsonView root, JsonView schema);

  /// The first keyword of that name.
  std::optional<JsonView> find(std::string_view keyword) const;
  /// A keyword's number: the greatest (`most`) or the least of all.
  std::optional<double> number(std::string_view keyword, bool most) const;

  /// All properties, sorted by name, each once.
  std::vector<std::pair<std::string, JsonView>> properties() const;
  bool requires_property(std::string_view name) const;
  std::vector<std::string> required() const;

  /// Whether null is among the types or values. True without any type.
  bool allows(std::string_view type) const;
  bool has_type() const { return find("type").has_value(); }
  /// Whether the schema is `false`, which nothing satisfies.
  bool is_never() const noexcept { return never_; }

 private:
  void add(JsonView schema);

  JsonView root_;
  std::vector<JsonView> layers_;
  bool never_ = false;
};

}  // namespace rwp::ai_local
