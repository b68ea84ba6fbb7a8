#include "core/json_check.hpp"
#include <rwp/core/json.hpp>
#include <rwp/core/json_view.hpp>

#include <cmath>
#include <limits>
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

const json& node_of(const void* node) { return *static_cast<const json*>(node); }

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
  switch (node_of(node_).type()) {
    case json::value_t::boolean:
      return JsonKind::boolean;
    case json::value_t::number_integer:
    case json::value_t::number_unsigned:
      return JsonKind::integer;
    case json::value_t::number_float:
      return JsonKind::real;
    case json::value_t::string:
      return JsonKind::string;
    case json::value_t::array:
      return JsonKind::array;
    case json::value_t::object:
      return JsonKind::object;
    default:
      return JsonKind::null;
  }
}

std::optional<bool> JsonView::as_bool() const noexcept {
  const auto* flag = node_of(node_).get_ptr<const json::boolean_t*>();
  return flag == nullptr ? std::nullopt : std::optional<bool>(*flag);
}

std::optional<std::int64_t> JsonView::as_int64() const noexcept {
  const json& node = node_of(node_);
  if (const auto* number = node.get_ptr<const json::number_unsigned_t*>()) {
    if (*number > static_cast<std::uint64_t>(std::numeric_limits<std::int64_t>::max())) {
      return std::nullopt;
    }
    return static_cast<std::int64_t>(*number);
  }
  if (const auto* number = node.get_ptr<const json::number_integer_t*>()) return *number;
  if (const auto* number = node.get_ptr<const json::number_float_t*>()) {
    constexpr double kLimit = 9007199254740992.0;  // 2^53: beyond, a double is no exact integer.
    if (std::trunc(*number) == *number && std::abs(*number) <= kLimit) {
      return static_cast<std::int64_t>(*number);
    }
  }
  return std::nullopt;
}

std::optional<std::uint64_t> JsonView::as_uint64() const noexcept {
  if (const auto* number = node_of(node_).get_ptr<const json::number_unsigned_t*>()) return *number;
  const auto number = as_int64();
  return number && *number >= 0 ? std::optional(static_cast<std::uint64_t>(*number)) : std::nullopt;
}

std::optional<double> JsonView::as_double() const noexcept {
  const json& node = node_of(node_);
  return node.is_number() ? std::optional<double>(node.get<double>()) : std::nullopt;
}

std::optional<std::string_view> JsonView::as_string() const noexcept {
  const auto* text = node_of(node_).get_ptr<const json::string_t*>();
  return text == nullptr ? std::nullopt : std::optional<std::string_view>(*text);
}

std::size_t JsonView::size() const noexcept {
  const json& node = node_of(node_);
  return node.is_structured() ? node.size() : 0;
}

JsonView JsonView::at(std::size_t index) const { return JsonView(&node_of(node_).at(index)); }

std::optional<JsonView> JsonView::find(std::string_view name) const {
  const json& node = node_of(node_);
  if (!node.is_object()) return std::nullopt;
  const auto found = node.find(name);
  if (found == node.end()) return std::nullopt;
  return JsonView(&*found);
}

void JsonView::each_member(
    const std::function<bool(std::string_view name, JsonView value)>& visit) const {
  const json& node = node_of(node_);
  if (!node.is_object()) return;
  for (const auto& [name, member] : node.items()) {
    if (!visit(name, JsonView(&member))) return;
  }
}

JsonText JsonView::text() const { return to_json_text(node_of(node_)); }

struct JsonDocument::Tree {
  json root{};
};

JsonDocument::JsonDocument(const JsonText& text)
    : tree_(std::make_unique<const Tree>(Tree{to_json(text)})) {}
JsonDocument::~JsonDocument() = default;
JsonDocument::JsonDocument(JsonDocument&&) noexcept = default;
JsonDocument& JsonDocument::operator=(JsonDocument&&) noexcept = default;

JsonView JsonDocument::root() const noexcept { return JsonView(&tree_->root); }

}  // namespace rwp
