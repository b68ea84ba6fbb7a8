#include "pods/openai_schema.hpp"

#include <rwp/ai/json_schema.hpp>

#include <algorithm>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace rwp::pods {
namespace {

constexpr std::size_t kMostParts = 2'000;

/// Follows the members and references of a schema as if it were written out.
class SchemaCost {
 public:
  explicit SchemaCost(JsonView root) : root_(root) {}

  Result<void> check() { return visit(root_); }

 private:
  // Every object counts as a schema, wherever it stands, as a reference may lead to any.
  Result<void> visit(JsonView value) {
    if (value.kind() != JsonKind::object && value.kind() != JsonKind::array) return {};
    if (++parts_ > kMostParts) {
      return Error(Errc::unsupported, "the schema has more than " + std::to_string(kMostParts) +
                                          " parts with its references written out");
    }
    if (value.kind() == JsonKind::array) {
      for (std::size_t i = 0; i < value.size(); ++i) {
        if (auto visited = visit(value.at(i)); !visited) return visited;
      }
      return {};
    }
    if (value.find("patternProperties")) return pattern("patternProperties");
    if (const auto found = value.find("pattern"); found && found->kind() == JsonKind::string) {
      return pattern("pattern");
    }
    if (const auto reference = value.find("$ref"); reference && reference->as_string()) {
      if (auto followed = follow(std::string(*reference->as_string())); !followed) return followed;
    }
    Result<void> visited;
    value.each_member([&](std::string_view name, JsonView member) {
      // What is defined counts where it is referred to.
      if (name == "$defs" || name == "definitions") return true;
      visited = visit(member);
      return visited.has_value();
    });
    return visited;
  }

  static Error pattern(std::string_view keyword) {
    return {Errc::unsupported,
            "the schema uses '" + std::string(keyword) + "', which is not supported"};
  }

  Result<void> follow(std::string reference) {
    if (std::find(following_.begin(), following_.end(), reference) != following_.end()) {
      return Error(Errc::unsupported, "the schema refers to itself, which is not supported");
    }
    const auto target = find(reference);
    if (!target) {
      return Error(Errc::invalid_argument,
                   "the schema has a '$ref' that is no plain JSON pointer to a part of it");
    }
    following_.push_back(std::move(reference));
    auto visited = visit(*target);
    following_.pop_back();
    return visited;
  }

  /// Only pointers without escapes, so that no two spellings name one place.
  std::optional<JsonView> find(std::string_view reference) const {
    if (!reference.starts_with("#") || reference.find_first_of("~%") != std::string_view::npos) {
      return std::nullopt;
    }
    std::optional<JsonView> at = root_;
    reference.remove_prefix(1);
    while (!reference.empty() && at) {
      if (reference.front() != '/') return std::nullopt;
      reference.remove_prefix(1);
      const auto end = std::min(reference.find('/'), reference.size());
      at = step(*at, reference.substr(0, end));
      reference.remove_prefix(end);
    }
    return at;
  }

  static std::optional<JsonView> step(JsonView at, std::string_view token) {
    if (at.kind() == JsonKind::object) return at.find(token);
    if (at.kind() != JsonKind::array || token.empty() || token.size() > 4) return std::nullopt;
    std::size_t index = 0;
    for (const char c : token) {
      if (c < '0' || c > '9') return std::nullopt;
      index = index * 10 + static_cast<std::size_t>(c - '0');
    }
    if (index >= at.size()) return std::nullopt;
    return at.at(index);
  }

  const JsonView root_;
  std::size_t parts_ = 0;
  std::vector<std::string> following_;
};

}  // namespace

Result<void> check_client_schema(JsonView schema) {
  if (auto cheap = SchemaCost(schema).check(); !cheap) return cheap;
  auto compiled = ai::JsonSchema::compile(schema.text());
  if (!compiled) return compiled.error();
  return {};
}

}  // namespace rwp::pods
