#include "ai_local/schema_view.hpp"

#include <algorithm>
#include <cstddef>
#include <cstdlib>
#include <map>

namespace rwp::ai_local {
namespace {

/// One step of a JSON pointer with its escapes (~0, ~1, %xx) resolved.
std::string unescape(std::string_view token) {
  std::string plain;
  for (std::size_t i = 0; i < token.size(); ++i) {
    if (token[i] == '~' && i + 1 < token.size()) {
      plain += token[++i] == '1' ? '/' : '~';
    } else if (token[i] == '%' && i + 2 < token.size()) {
      plain +=
          static_cast<char>(std::strtol(std::string(token.substr(i + 1, 2)).c_str(), nullptr, 16));
      i += 2;
    } else {
      plain += token[i];
    }
  }
  return plain;
}

std::optional<JsonView> resolve(JsonView root, std::string_view reference) {
  std::optional<JsonView> node = root;
  reference.remove_prefix(std::min<std::size_t>(reference.size(), 1));  // "#"
  while (node && !reference.empty()) {
    reference.remove_prefix(1);  // "/"
    const auto end = std::min(reference.find('/'), reference.size());
    const std::string step = unescape(reference.substr(0, end));
    reference.remove_prefix(end);
    if (node->kind() == JsonKind::array) {
      const auto index = static_cast<std::size_t>(std::strtoul(step.c_str(), nullptr, 10));
      node = index < node->size() ? std::optional<JsonView>(node->at(index)) : std::nullopt;
    } else {
      node = node->find(step);
    }
  }
  return node;
}

}  // namespace

SchemaView::SchemaView(JsonView root, JsonView schema) : root_(root) { add(schema); }

void SchemaView::add(JsonView schema) {
  never_ = never_ || schema.as_bool() == false;
  if (schema.kind() != JsonKind::object) return;
  layers_.push_back(schema);
  if (const auto reference = schema.find("$ref")) {
    const auto target = resolve(root_, reference->as_string().value_or("#"));
    if (target) add(*target);
  }
  if (const auto all = schema.find("allOf"); all && all->kind() == JsonKind::array) {
    for (std::size_t i = 0; i < all->size(); ++i) add(all->at(i));
  }
}

std::optional<JsonView> SchemaView::find(std::string_view keyword) const {
  for (const auto& layer : layers_) {
    if (auto found = layer.find(keyword)) return found;
  }
  return std::nullopt;
}

std::optional<double> SchemaView::number(std::string_view keyword, bool most) const {
  std::optional<double> result;
  for (const auto& layer : layers_) {
    const auto found = layer.find(keyword);
    const auto value = found ? found->as_double() : std::nullopt;
    if (value && (!result || (most ? *value > *result : *value < *result))) result = value;
  }
  return result;
}

std::vector<std::pair<std::string, JsonView>> SchemaView::properties() const {
  std::map<std::string, JsonView> sorted;
  for (const auto& layer : layers_) {
    const auto found = layer.find("properties");
    if (!found) continue;
    found->each_member([&sorted](std::string_view name, JsonView schema) {
      sorted.emplace(std::string(name), schema);
      return true;
    });
  }
  return {sorted.begin(), sorted.end()};
}

std::vector<std::string> SchemaView::required() const {
  std::vector<std::string> names;
  for (const auto& layer : layers_) {
    const auto found = layer.find("required");
    if (!found || found->kind() != JsonKind::array) continue;
    for (std::size_t i = 0; i < found->size(); ++i) {
      if (const auto name = found->at(i).as_string()) names.emplace_back(*name);
    }
  }
  return names;
}

bool SchemaView::requires_property(std::string_view name) const {
  const auto names = required();
  return std::find(names.begin(), names.end(), name) != names.end();
}

bool SchemaView::allows(std::string_view type) const {
  const auto found = find("type");
  if (!found) return true;
  if (const auto one = found->as_string()) return *one == type;
  for (std::size_t i = 0; i < found->size(); ++i) {
    if (found->at(i).as_string() == type) return true;
  }
  return false;
}

}  // namespace rwp::ai_local
