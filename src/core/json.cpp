#include "core/json_check.hpp"
#include "core/json_tree.hpp"
#include <rwp/core/json.hpp>

#include <algorithm>
#include <memory>
#include <utility>

namespace rwp {
namespace {

using nlohmann::json;

/// Accepts a document while it counts the nesting; keeps nothing.
class DepthChecker final : public json::json_sax_t {
 public:
  explicit DepthChecker(std::size_t max_depth) : max_depth_(max_depth) {}

  bool null() override { return true; }
  bool boolean(bool) override { return true; }
  bool number_integer(number_integer_t) override { return true; }
  bool number_unsigned(number_unsigned_t) override { return true; }
  bool number_float(number_float_t, const string_t&) override { return true; }
  bool string(string_t&) override { return true; }
  bool binary(binary_t&) override { return true; }
  bool key(string_t&) override { return true; }
  bool start_object(std::size_t) override { return enter(); }
  bool start_array(std::size_t) override { return enter(); }
  bool end_object() override { return leave(); }
  bool end_array() override { return leave(); }
  bool parse_error(std::size_t position, const std::string&,
                   const nlohmann::detail::exception&) override {
    error_position_ = position;
    return false;
  }

  bool too_deep() const { return too_deep_; }
  std::size_t error_position() const { return error_position_; }

 private:
  bool enter() {
    too_deep_ = ++depth_ > max_depth_;
    return !too_deep_;
  }
  bool leave() {
    --depth_;
    return true;
  }

  const std::size_t max_depth_;
  std::size_t depth_ = 0;
  std::size_t error_position_ = 0;
  bool too_deep_ = false;
};

template <class T>
T* room_for(std::pmr::memory_resource& arena, std::size_t count) {
  return static_cast<T*>(arena.allocate(count * sizeof(T), alignof(T)));
}

std::string_view kept(const std::string& text, std::pmr::memory_resource& arena) {
  char* copy = room_for<char>(arena, text.size() + 1);
  std::copy(text.begin(), text.end(), copy);
  return {copy, text.size()};
}

// NOLINTNEXTLINE(misc-no-recursion): as deep as the document, whose depth is bounded.
JsonNode node_from(const json& tree, std::pmr::memory_resource& arena) {
  JsonNode node;
  if (const auto* flag = tree.get_ptr<const json::boolean_t*>()) {
    node.value = *flag;
  } else if (const auto* natural = tree.get_ptr<const json::number_unsigned_t*>()) {
    node.value = std::uint64_t{*natural};
  } else if (const auto* whole = tree.get_ptr<const json::number_integer_t*>()) {
    node.value = std::int64_t{*whole};
  } else if (const auto* real = tree.get_ptr<const json::number_float_t*>()) {
    node.value = *real;
  } else if (const auto* text = tree.get_ptr<const json::string_t*>()) {
    node.value = kept(*text, arena);
  } else if (tree.is_array()) {
    auto* items = room_for<JsonNode>(arena, tree.size() + 1);
    std::size_t count = 0;
    for (const auto& item : tree) std::construct_at(items + count++, node_from(item, arena));
    node.value = JsonItems{items, count};
  } else if (tree.is_object()) {
    auto* members = room_for<JsonMember>(arena, tree.size() + 1);
    std::size_t count = 0;
    for (const auto& [name, member] : tree.items()) {
      std::construct_at(members + count++, JsonMember{kept(name, arena), node_from(member, arena)});
    }
    node.value = JsonMembers{members, count};
  }
  return node;
}

}  // namespace

Result<JsonText> JsonText::parse(std::string text, std::size_t max_depth) {
  if (is_surely_json(text, max_depth)) return trusted(std::move(text));
  // The parser takes a zero byte for the end and skips a byte order mark; neither is JSON.
  if (const auto zero = text.find('\0'); zero != std::string::npos) {
    return Error(Errc::invalid_argument, "not valid JSON at byte " + std::to_string(zero + 1));
  }
  if (text.starts_with("\xEF\xBB\xBF")) {
    return Error(Errc::invalid_argument, "JSON starts with a byte order mark");
  }
  DepthChecker checker(max_depth);
  if (!json::sax_parse(text, &checker)) {
    if (checker.too_deep()) {
      return Error(Errc::invalid_argument,
                   "JSON is nested deeper than " + std::to_string(max_depth) + " levels");
    }
    return Error(Errc::invalid_argument,
                 "not valid JSON at byte " + std::to_string(checker.error_position()));
  }
  return trusted(std::move(text));
}

JsonText JsonText::trusted(std::string text) {
  JsonText checked;
  checked.text_ = std::move(text);
  return checked;
}

std::string JsonText::release() {
  std::string text = std::move(text_);
  text_ = "null";
  return text;
}

JsonNode read_odd_json(const JsonText& text, std::pmr::memory_resource& arena) {
  return node_from(to_json(text), arena);
}

std::string json_real_text(double number) { return json(number).dump(); }

}  // namespace rwp
