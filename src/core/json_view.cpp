#include "core/json_check.hpp"
#include "core/json_tree.hpp"
#include <rwp/core/json_view.hpp>

#include <algorithm>
#include <array>
#include <cmath>
#include <limits>
#include <utility>

namespace rwp {
namespace {

/// Members that are compared one by one; of more, the place is looked up.
constexpr std::size_t kFewMembers = 12;

const JsonNode& node_of(const void* node) { return *static_cast<const JsonNode*>(node); }

/// One byte of a string.
void append_character(std::string& out, char c) {
  constexpr std::string_view kEscaped = "\"\\\b\f\n\r\t";
  constexpr std::string_view kNames = "\"\\bfnrt";
  constexpr std::string_view kHex = "0123456789abcdef";
  if (const auto place = kEscaped.find(c); place != std::string_view::npos) {
    out += '\\';
    out += kNames[place];
  } else if (static_cast<unsigned char>(c) >= 0x20) {
    out += c;
  } else {
    out += "\\u00";
    out += kHex[static_cast<unsigned char>(c) >> 4U];
    out += kHex[static_cast<unsigned char>(c) & 0xFU];
  }
}

/// As nlohmann's dump() writes it, which digests are made of.
void append_string(std::string& out, std::string_view text) {
  out += '"';
  while (!text.empty()) {
    const std::size_t plain = plain_run(text);
    out += text.substr(0, plain);
    text.remove_prefix(plain);
    if (text.empty()) break;
    append_character(out, text.front());
    text.remove_prefix(1);
  }
  out += '"';
}

/// About the bytes that append() writes.
// NOLINTNEXTLINE(misc-no-recursion): as deep as the document, whose depth is bounded.
std::size_t size_of(const JsonNode& node) {
  if (const auto* text = std::get_if<std::string_view>(&node.value)) return text->size() + 4;
  std::size_t size = 8;
  if (const auto* items = std::get_if<JsonItems>(&node.value)) {
    for (std::size_t i = 0; i < items->count; ++i) size += size_of(items->first[i]);
  } else if (const auto* members = std::get_if<JsonMembers>(&node.value)) {
    for (std::size_t i = 0; i < members->count; ++i) {
      size += members->first[i].name.size() + 4 + size_of(members->first[i].value);
    }
  }
  return size;
}

// NOLINTNEXTLINE(misc-no-recursion): as deep as the document, whose depth is bounded.
void append(std::string& out, const JsonNode& node) {
  if (const auto* flag = std::get_if<bool>(&node.value)) {
    out += *flag ? "true" : "false";
  } else if (const auto* negative = std::get_if<std::int64_t>(&node.value)) {
    out += std::to_string(*negative);
  } else if (const auto* natural = std::get_if<std::uint64_t>(&node.value)) {
    out += std::to_string(*natural);
  } else if (const auto* real = std::get_if<double>(&node.value)) {
    out += json_real_text(*real);
  } else if (const auto* text = std::get_if<std::string_view>(&node.value)) {
    append_string(out, *text);
  } else if (const auto* items = std::get_if<JsonItems>(&node.value)) {
    out += '[';
    for (std::size_t i = 0; i < items->count; ++i) {
      if (i > 0) out += ',';
      append(out, items->first[i]);
    }
    out += ']';
  } else if (const auto* members = std::get_if<JsonMembers>(&node.value)) {
    out += '{';
    for (std::size_t i = 0; i < members->count; ++i) {
      if (i > 0) out += ',';
      append_string(out, members->first[i].name);
      out += ':';
      append(out, members->first[i].value);
    }
    out += '}';
  } else {
    out += "null";
  }
}

}  // namespace

std::string_view describe_kind(JsonKind kind) noexcept {
  switch (kind) {
    case JsonKind::null:
      return "null";
    case JsonKind::boolean:
      return "a boolean";
    case JsonKind::integer:
      return "an integer";
    case JsonKind::real:
      return "a number";
    case JsonKind::string:
      return "a string";
    case JsonKind::array:
      return "an array";
    case JsonKind::object:
      return "an object";
  }
  return "a value";
}

JsonKind JsonView::kind() const noexcept {
  // In the order of JsonNode's alternatives.
  constexpr std::array kKinds = {JsonKind::null,    JsonKind::boolean, JsonKind::integer,
                                 JsonKind::integer, JsonKind::real,    JsonKind::string,
                                 JsonKind::array,   JsonKind::object};
  return kKinds[node_of(node_).value.index()];
}

std::optional<bool> JsonView::as_bool() const noexcept {
  const auto* flag = std::get_if<bool>(&node_of(node_).value);
  return flag == nullptr ? std::nullopt : std::optional<bool>(*flag);
}

std::optional<std::int64_t> JsonView::as_int64() const noexcept {
  const JsonNode& node = node_of(node_);
  if (const auto* number = std::get_if<std::uint64_t>(&node.value)) {
    if (*number > static_cast<std::uint64_t>(std::numeric_limits<std::int64_t>::max())) {
      return std::nullopt;
    }
    return static_cast<std::int64_t>(*number);
  }
  if (const auto* number = std::get_if<std::int64_t>(&node.value)) return *number;
  if (const auto* number = std::get_if<double>(&node.value)) {
    constexpr double kLimit = 9007199254740992.0;  // 2^53: beyond, a double is no exact integer.
    if (std::trunc(*number) == *number && std::abs(*number) <= kLimit) {
      return static_cast<std::int64_t>(*number);
    }
  }
  return std::nullopt;
}

std::optional<std::uint64_t> JsonView::as_uint64() const noexcept {
  if (const auto* number = std::get_if<std::uint64_t>(&node_of(node_).value)) return *number;
  const auto number = as_int64();
  return number && *number >= 0 ? std::optional(static_cast<std::uint64_t>(*number)) : std::nullopt;
}

std::optional<double> JsonView::as_double() const noexcept {
  const JsonNode& node = node_of(node_);
  if (const auto* number = std::get_if<double>(&node.value)) return *number;
  if (const auto* number = std::get_if<std::uint64_t>(&node.value)) {
    return static_cast<double>(*number);
  }
  if (const auto* number = std::get_if<std::int64_t>(&node.value)) {
    return static_cast<double>(*number);
  }
  return std::nullopt;
}

std::optional<std::string_view> JsonView::as_string() const noexcept {
  const auto* text = std::get_if<std::string_view>(&node_of(node_).value);
  return text == nullptr ? std::nullopt : std::optional<std::string_view>(*text);
}

std::size_t JsonView::size() const noexcept {
  const JsonNode& node = node_of(node_);
  if (const auto* items = std::get_if<JsonItems>(&node.value)) return items->count;
  const auto* members = std::get_if<JsonMembers>(&node.value);
  return members == nullptr ? 0 : members->count;
}

JsonView JsonView::at(std::size_t index) const {
  static const JsonNode null;
  const auto* items = std::get_if<JsonItems>(&node_of(node_).value);
  // Who counts the members of an object, where an answer should have a list, must not fall.
  if (items == nullptr || index >= items->count) return JsonView(&null);
  return JsonView(items->first + index);
}

std::optional<JsonView> JsonView::find(std::string_view name) const {
  const auto* members = std::get_if<JsonMembers>(&node_of(node_).value);
  if (members == nullptr) return std::nullopt;
  const JsonMember* end = members->first + members->count;
  const JsonMember* found = members->first;
  if (members->count <= kFewMembers) {
    while (found != end && found->name != name) ++found;
  } else {
    found = std::lower_bound(
        found, end, name,
        [](const JsonMember& member, std::string_view sought) { return member.name < sought; });
  }
  if (found == end || found->name != name) return std::nullopt;
  return JsonView(&found->value);
}

void JsonView::each_member(
    const std::function<bool(std::string_view name, JsonView value)>& visit) const {
  const auto* members = std::get_if<JsonMembers>(&node_of(node_).value);
  if (members == nullptr) return;
  for (std::size_t i = 0; i < members->count; ++i) {
    if (!visit(members->first[i].name, JsonView(&members->first[i].value))) return;
  }
}

JsonText JsonView::text() const {
  std::string text;
  text.reserve(size_of(node_of(node_)));
  append(text, node_of(node_));
  return JsonText::trusted(std::move(text));
}

struct JsonDocument::Tree {
  explicit Tree(const JsonText& text) : tree(text) {}
  JsonTree tree;
};

JsonDocument::JsonDocument(const JsonText& text) : tree_(std::make_unique<const Tree>(text)) {}
JsonDocument::~JsonDocument() = default;
JsonDocument::JsonDocument(JsonDocument&&) noexcept = default;
JsonDocument& JsonDocument::operator=(JsonDocument&&) noexcept = default;

JsonView JsonDocument::root() const noexcept { return JsonView(&tree_->tree.root()); }

}  // namespace rwp
