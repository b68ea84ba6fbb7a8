#include <rwp/ai_openai/strict_schema.hpp>

#include <algorithm>
#include <array>
#include <cstddef>
#include <set>
#include <string>
#include <string_view>

namespace rwp::ai_openai {
namespace {

constexpr std::size_t kMostProperties = 5'000;
constexpr std::size_t kMostLevels = 10;

constexpr std::array<std::string_view, 22> kTaken = {"type",
                                                     "properties",
                                                     "required",
                                                     "additionalProperties",
                                                     "items",
                                                     "enum",
                                                     "const",
                                                     "anyOf",
                                                     "$ref",
                                                     "$defs",
                                                     "definitions",
                                                     "description",
                                                     "title",
                                                     "minimum",
                                                     "maximum",
                                                     "exclusiveMinimum",
                                                     "exclusiveMaximum",
                                                     "pattern",
                                                     "format",
                                                     "multipleOf",
                                                     "minItems",
                                                     "maxItems"};

bool names_type(JsonView type, std::string_view wanted) {
  if (type.kind() != JsonKind::array) return type.as_string() == wanted;
  for (std::size_t i = 0; i < type.size(); ++i) {
    if (type.at(i).as_string() == wanted) return true;
  }
  return false;
}

class Walk {
 public:
  bool fits(JsonView schema, std::size_t level) {
    if (schema.kind() != JsonKind::object || level > kMostLevels) return false;
    if (!only_taken_keywords(schema)) return false;
    const auto type = schema.find("type");
    const bool says_what = type || schema.find("anyOf") || schema.find("enum") ||
                           schema.find("const") || schema.find("$ref");
    if (!says_what) return false;
    if (type && names_type(*type, "object") && !closed_object(schema, level)) return false;
    if (type && names_type(*type, "array")) {
      const auto items = schema.find("items");
      if (!items || !fits(*items, level + 1)) return false;
    }
    const auto any_of = schema.find("anyOf");
    if (any_of && !all_fit(*any_of, level)) return false;
    for (const std::string_view definitions : {"$defs", "definitions"}) {
      const auto found = schema.find(definitions);
      if (found && !members_fit(*found, 1)) return false;
    }
    return true;
  }

 private:
  static bool only_taken_keywords(JsonView schema) {
    bool all = true;
    schema.each_member([&all](std::string_view name, JsonView) {
      all = std::find(kTaken.begin(), kTaken.end(), name) != kTaken.end();
      return all;
    });
    return all;
  }

  bool closed_object(JsonView schema, std::size_t level) {
    const auto additional = schema.find("additionalProperties");
    if (!additional || additional->as_bool() != false) return false;
    const auto properties = schema.find("properties");
    const auto required = schema.find("required");
    const std::size_t count = properties ? properties->size() : 0;
    properties_ += count;
    if (properties_ > kMostProperties) return false;
    if (count == 0) return true;
    if (!required || required->kind() != JsonKind::array) return false;
    std::set<std::string_view> names;
    for (std::size_t i = 0; i < required->size(); ++i) {
      if (const auto name = required->at(i).as_string()) names.insert(*name);
    }
    bool all = properties->kind() == JsonKind::object;
    properties->each_member([&](std::string_view name, JsonView) {
      all = names.contains(name);
      return all;
    });
    return all && members_fit(*properties, level + 1);
  }

  bool members_fit(JsonView schemas, std::size_t level) {
    bool all = schemas.kind() == JsonKind::object;
    schemas.each_member([&](std::string_view, JsonView schema) {
      all = fits(schema, level);
      return all;
    });
    return all;
  }

  bool all_fit(JsonView schemas, std::size_t level) {
    if (schemas.kind() != JsonKind::array || schemas.size() == 0) return false;
    for (std::size_t i = 0; i < schemas.size(); ++i) {
      if (!fits(schemas.at(i), level)) return false;
    }
    return true;
  }

  std::size_t properties_ = 0;
};

}  // namespace

bool fits_strict_mode(JsonView schema) {
  const auto type = schema.find("type");
  if (!type || type->as_string() != "object" || schema.find("anyOf")) return false;
  return Walk().fits(schema, 1);
}

}  // namespace rwp::ai_openai
