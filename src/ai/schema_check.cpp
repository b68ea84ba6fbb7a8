#include "ai/schema_check.hpp"

#include <rwp/core/json_text.hpp>

#include <array>
#include <cctype>
#include <cstddef>
#include <map>
#include <regex>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace rwp::ai {
namespace {

using nlohmann::json;

/// Keywords whose value is one schema; the first four judge the same value as the schema around
/// them.
constexpr std::array<std::string_view, 9> kOneSchema = {
    "not",      "if",    "then",         "else", "additionalItems", "additionalProperties",
    "contains", "items", "propertyNames"};
constexpr std::size_t kOneSchemaInPlace = 4;
/// Keywords whose value is a list of schemas; all but "items" judge the same value.
constexpr std::array<std::string_view, 4> kSchemaList = {"allOf", "anyOf", "oneOf", "items"};
/// Keywords whose value is schemas by name; the first judges the same value.
constexpr std::array<std::string_view, 5> kSchemaMap = {
    "dependencies", "properties", "patternProperties", "definitions", "$defs"};

std::string unescape_percent(std::string_view text) {
  std::string plain;
  for (std::size_t i = 0; i < text.size(); ++i) {
    const bool escaped = text[i] == '%' && i + 2 < text.size() &&
                         std::isxdigit(static_cast<unsigned char>(text[i + 1])) != 0 &&
                         std::isxdigit(static_cast<unsigned char>(text[i + 2])) != 0;
    if (!escaped) {
      plain += text[i];
      continue;
    }
    plain += static_cast<char>(std::stoi(std::string(text.substr(i + 1, 2)), nullptr, 16));
    i += 2;
  }
  return plain;
}

std::string escape_token(std::string_view token) {
  std::string escaped;
  for (const char c : token) {
    if (c == '~') {
      escaped += "~0";
    } else if (c == '/') {
      escaped += "~1";
    } else {
      escaped += c;
    }
  }
  return escaped;
}

class SchemaWalk {
 public:
  explicit SchemaWalk(const json& root) : root_(root) {}

  Result<SchemaFacts> run() {
    if (auto walked = walk(root_, "", 0); !walked) return walked.error();
    for (const auto& [schema, edges] : same_value_edges_) {
      if (leads_to_itself(schema)) {
        return Error(Errc::invalid_argument,
                     "schema refers to itself without end at " + places_.at(schema));
      }
    }
    return facts_;
  }

 private:
  enum class Visit : std::uint8_t { open, done };

  Result<void> walk(const json& schema, const std::string& place, std::size_t depth) {
    if (depth > JsonText::kMaxDepth) {
      return Error(Errc::invalid_argument, "schema is nested deeper than " +
                                               std::to_string(JsonText::kMaxDepth) + " levels");
    }
    if (!schema.is_object()) return {};
    if (!places_.emplace(&schema, place.empty() ? "/" : place).second) return {};
    auto& edges = same_value_edges_[&schema];
    if (const auto found = schema.find("$ref"); found != schema.end() && found->is_string()) {
      return follow(found->get_ref<const std::string&>(), place, edges);
    }
    if (auto checked = check_patterns(schema, place); !checked) return checked;
    return walk_children(schema, place, depth, edges);
  }

  Result<void> walk_children(const json& schema, const std::string& place, std::size_t depth,
                             std::vector<const json*>& edges) {
    const auto visit = [&](const json& child, const std::string& where, bool same_value) {
      if (same_value) edges.push_back(&child);
      return walk(child, where, depth + 1);
    };
    for (std::size_t i = 0; i < kOneSchema.size(); ++i) {
      const auto found = schema.find(kOneSchema[i]);
      if (found == schema.end() || !found->is_object()) continue;
      const std::string where = place + "/" + std::string(kOneSchema[i]);
      if (auto walked = visit(*found, where, i < kOneSchemaInPlace); !walked) return walked;
    }
    for (const auto keyword : kSchemaList) {
      const auto found = schema.find(keyword);
      if (found == schema.end() || !found->is_array()) continue;
      for (std::size_t i = 0; i < found->size(); ++i) {
        const std::string where = place + "/" + std::string(keyword) + "/" + std::to_string(i);
        if (auto walked = visit((*found)[i], where, keyword != "items"); !walked) return walked;
      }
    }
    for (const auto keyword : kSchemaMap) {
      const auto found = schema.find(keyword);
      if (found == schema.end() || !found->is_object()) continue;
      for (const auto& [name, child] : found->items()) {
        const std::string where = place + "/" + std::string(keyword) + "/" + escape_token(name);
        if (auto walked = visit(child, where, keyword == "dependencies"); !walked) return walked;
      }
    }
    return {};
  }

  Result<void> follow(const std::string& reference, const std::string& place,
                      std::vector<const json*>& edges) {
    if (reference.empty() || reference[0] != '#' || (reference.size() > 1 && reference[1] != '/')) {
      return Error(Errc::unsupported,
                   "schema has a $ref that is not a JSON pointer within it, at " + place + "/$ref");
    }
    try {
      const json::json_pointer pointer(unescape_percent(std::string_view(reference).substr(1)));
      const json& target = root_.at(pointer);
      edges.push_back(&target);
      // What only a reference reaches has to be looked at too.
      return walk(target, pointer.to_string(), 0);
    } catch (const json::exception&) {
      return Error(Errc::invalid_argument, "schema has a $ref to nothing at " + place + "/$ref");
    }
  }

  Result<void> check_patterns(const json& schema, const std::string& place) {
    const auto check = [this](const std::string& pattern,
                              const std::string& where) -> Result<void> {
      facts_.has_patterns = true;
      try {
        const std::regex compiled(pattern, std::regex::ECMAScript);
      } catch (const std::regex_error&) {
        return Error(Errc::unsupported, "schema has a pattern that cannot be judged at " + where);
      }
      return {};
    };
    if (const auto found = schema.find("pattern"); found != schema.end() && found->is_string()) {
      auto checked = check(found->get_ref<const std::string&>(), place + "/pattern");
      if (!checked) return checked;
    }
    const auto found = schema.find("patternProperties");
    if (found == schema.end() || !found->is_object()) return {};
    for (const auto& [pattern, child] : found->items()) {
      if (auto checked = check(pattern, place + "/patternProperties"); !checked) return checked;
    }
    return {};
  }

  /// Depth first over the edges that consume nothing of the document; each schema once.
  bool leads_to_itself(const json* schema) {
    const auto [state, fresh] = visits_.emplace(schema, Visit::open);
    if (!fresh) return state->second == Visit::open;
    const auto edges = same_value_edges_.find(schema);
    if (edges != same_value_edges_.end()) {
      for (const json* next : edges->second) {
        if (leads_to_itself(next)) return true;
      }
    }
    visits_[schema] = Visit::done;
    return false;
  }

  const json& root_;
  SchemaFacts facts_;
  std::map<const json*, std::string> places_;
  std::map<const json*, std::vector<const json*>> same_value_edges_;
  std::map<const json*, Visit> visits_;
};

}  // namespace

Result<SchemaFacts> check_schema(const json& schema) {
  if (!schema.is_object() && !schema.is_boolean()) {
    return Error(Errc::invalid_argument, "schema is neither an object nor a boolean");
  }
  return SchemaWalk(schema).run();
}

}  // namespace rwp::ai
