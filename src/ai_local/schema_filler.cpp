#include "ai_local/schema_filler.hpp"

#include "ai_local/facts.hpp"
#include "ai_local/schema_view.hpp"
#include "ai_local/text.hpp"
#include <rwp/core/json_writer.hpp>
#include <rwp/core/utf8.hpp>

#include <algorithm>
#include <array>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <limits>
#include <optional>
#include <string>
#include <utility>

namespace rwp::ai_local {
namespace {

/// A schema may ask for itself within itself; what is deeper than this has no end.
constexpr std::size_t kDeepest = 32;
/// Elements of an array without maxItems.
constexpr std::size_t kMostItems = 100;
/// Values in one answer, a long text counting as several: arrays within arrays multiply.
constexpr std::size_t kMostValues = 5'000;
constexpr std::size_t kValueBytes = 256;

/// Letters and digits alone, so that "Full-time", "full_time" and "FULL TIME" are one.
std::string bare(std::string_view text) {
  std::string letters;
  for (const char c : fold(text)) {
    if (is_word(c)) letters += c;
  }
  return letters;
}

JsonText text_of(std::string_view string) {
  JsonWriter out;
  out.value(string);
  return out.finish();
}

Error no_value(const std::string& place, std::string_view why) {
  return {Errc::unsupported, "rwp-local has no value for " + (place.empty() ? "the root" : place) +
                                 ": " + std::string(why)};
}

class Filler {
 public:
  Filler(JsonView root, Analysis& analysis) : root_(root), analysis_(analysis) {}

  /// A value for `schema`, out of `fact` if there is one.
  Result<JsonText> fill(JsonView schema, const Fact* fact, const std::string& place,
                        std::size_t depth) {
    if (depth > kDeepest) return no_value(place, "the schema asks for itself without end");
    if (++values_ > kMostValues) return no_value(place, "the schema asks for too many values");
    const SchemaView view(root_, schema);
    if (view.is_never()) return no_value(place, "the schema accepts nothing");
    if (const auto constant = view.find("const")) return constant->text();
    if (const auto values = view.find("enum")) return fill_enum(*values, fact, place);
    for (const std::string_view keyword : {"anyOf", "oneOf"}) {
      const auto options = view.find(keyword);
      if (options && options->size() > 0) return fill_one_of(*options, fact, place, depth);
    }
    return fill_typed(view, fact, place, depth);
  }

 private:
  static Result<JsonText> fill_enum(JsonView values, const Fact* fact, const std::string& place) {
    if (values.size() == 0) return no_value(place, "the enum is empty");
    std::optional<JsonText> null;
    std::optional<JsonText> unknown;
    const std::string wanted = fact != nullptr && fact->text ? bare(*fact->text) : std::string();
    std::optional<JsonText> similar;
    for (std::size_t i = 0; i < values.size(); ++i) {
      const auto value = values.at(i);
      if (value.is_null()) null = value.text();
      if (const auto number = value.as_double();
          number && fact != nullptr && fact->number == number) {
        return value.text();
      }
      const auto text = value.as_string();
      if (!text) continue;
      const std::string name = bare(*text);
      if (!wanted.empty() && name == wanted) return value.text();
      const bool alike = wanted.size() > 2 && name.size() > 2 &&
                         (name.starts_with(wanted) || wanted.starts_with(name));
      if (alike && !similar) similar = value.text();
      for (const std::string_view nothing :
           {"", "unknown", "notstated", "unspecified", "none", "other"}) {
        if (!unknown && name == nothing) unknown = value.text();
      }
    }
    for (const auto& choice : {similar, null, unknown}) {
      if (choice) return *choice;
    }
    return values.at(0).text();
  }

  /// The first alternative that takes the fact; without one null, then whatever can be filled.
  Result<JsonText> fill_one_of(JsonView options, const Fact* fact, const std::string& place,
                               std::size_t depth) {
    const auto is_null_option = [&](std::size_t i) {
      const SchemaView option(root_, options.at(i));
      return option.has_type() && option.allows("null") && !option.find("properties") &&
             !option.allows("string") && !option.allows("object") && !option.allows("array") &&
             !option.allows("number") && !option.allows("integer") && !option.allows("boolean");
    };
    std::vector<std::size_t> order;
    for (const bool null_first : {fact == nullptr, fact != nullptr}) {
      for (std::size_t i = 0; i < options.size(); ++i) {
        if (is_null_option(i) == null_first) order.push_back(i);
      }
    }
    if (fact != nullptr) {
      std::stable_sort(order.begin(), order.end(), [&](std::size_t left, std::size_t right) {
        return takes(SchemaView(root_, options.at(left)), *fact) >
               takes(SchemaView(root_, options.at(right)), *fact);
      });
    }
    Error last;
    for (const auto index : order) {
      auto filled = fill(options.at(index), fact, place, depth + 1);
      if (filled) return filled;
      last = filled.error();
    }
    return last;
  }

  /// How well a schema suits a fact; 0: not at all.
  static int takes(const SchemaView& view, const Fact& fact) {
    if (!fact.members.empty() && view.allows("object") &&
        (view.has_type() || view.find("properties")))
      return 4;
    if (fact.list && view.allows("array") && (view.has_type() || view.find("items"))) return 3;
    if (fact.number && (view.allows("number") || view.allows("integer"))) return 2;
    if (fact.text && (view.allows("string") || view.find("enum"))) return 1;
    return 0;
  }

  /// The fact in the first type that takes it; none: no type does.
  std::optional<Result<JsonText>> fill_fact(const SchemaView& view, const Fact& fact,
                                            const std::string& place, std::size_t depth) {
    const auto may_be = [&](std::string_view type) { return view.allows(type); };
    if (!fact.members.empty() && may_be("object") && (view.has_type() || view.find("properties"))) {
      return fill_object(view, &fact, place, depth);
    }
    if (fact.list && may_be("array")) return fill_array(view, &fact, place, depth);
    if (fact.number && (may_be("number") || may_be("integer")))
      return fill_number(view, *fact.number, place);
    if (fact.text && may_be("string")) return fill_string(view, *fact.text, place);
    if (fact.flag && may_be("boolean")) return JsonText::trusted(*fact.flag ? "true" : "false");
    if (fact.number && may_be("string")) return fill_string(view, plain(*fact.number), place);
    if (fact.list && may_be("string")) return fill_string(view, joined(*fact.list), place);
    if (fact.list && may_be("integer"))
      return fill_number(view, static_cast<double>(fact.list->size()), place);
    if (fact.text && may_be("array")) return fill_array(view, &fact, place, depth);
    return std::nullopt;
  }

  Result<JsonText> fill_typed(const SchemaView& view, const Fact* fact, const std::string& place,
                              std::size_t depth) {
    const bool typed = view.has_type();
    const auto may_be = [&](std::string_view type) { return view.allows(type); };
    if (fact != nullptr) {
      if (auto filled = fill_fact(view, *fact, place, depth)) return std::move(*filled);
    }
    if (!typed && (view.find("properties") || view.find("required")))
      return fill_object(view, fact, place, depth);
    if (!typed && view.find("items")) return fill_array(view, fact, place, depth);
    if (may_be("null")) return JsonText();
    if (may_be("object")) return fill_object(view, fact, place, depth);
    if (may_be("array")) return fill_array(view, nullptr, place, depth);
    if (may_be("string")) return fill_string(view, "", place);
    if (may_be("boolean")) return JsonText::trusted("false");
    if (may_be("integer") || may_be("number")) return fill_number(view, 0.0, place);
    return no_value(place, "its type is not known");
  }

  static std::string below(const std::string& place, const std::string& name) {
    std::string path = place;
    return path.append("/").append(name);
  }

  Result<JsonText> fill_object(const SchemaView& view, const Fact* fact, const std::string& place,
                               std::size_t depth) {
    JsonWriter out;
    out.begin_object();
    const auto properties = view.properties();
    for (const auto& [name, schema] : properties) {
      const auto own = fact_for(name, fact);
      const Fact* part = own ? &*own : nullptr;
      const bool required = view.requires_property(name);
      if (part == nullptr && !required) continue;
      auto filled = fill(schema, part, below(place, name), depth + 1);
      if (!filled && !required) continue;
      if (!filled) return filled.error();
      out.member(name, *filled);
    }
    for (const auto& name : view.required()) {
      const bool described =
          std::any_of(properties.begin(), properties.end(),
                      [&](const auto& property) { return property.first == name; });
      if (described) continue;
      const auto others = view.find("additionalProperties");
      if (others && others->as_bool() == false)
        return no_value(below(place, name), "it is required and forbidden");
      const auto own = fact_for(name, fact);
      auto filled = others && others->kind() == JsonKind::object
                        ? fill(*others, own ? &*own : nullptr, below(place, name), depth + 1)
                        : Result<JsonText>(own && own->text ? text_of(*own->text) : JsonText());
      if (!filled) return filled.error();
      out.member(name, *filled);
    }
    out.end_object();
    return out.finish();
  }

  /// What is known under a property's name: of the thing around it, or else of the whole text.
  std::optional<Fact> fact_for(const std::string& name, const Fact* around) {
    const std::string snake = to_snake_case(name);
    if (around != nullptr && !around->members.empty()) {
      const Fact* member = around->member(snake);
      return member == nullptr ? std::nullopt : std::optional<Fact>(*member);
    }
    return find_fact(analysis_, snake);
  }

  Result<JsonText> fill_array(const SchemaView& view, const Fact* fact, const std::string& place,
                              std::size_t depth) {
    std::vector<JsonText> items;
    const auto schema = view.find("items");
    const std::size_t most = bound(view.number("maxItems", false), kMostItems);
    const std::size_t least = bound(view.number("minItems", true), 0);
    const auto unique = view.find("uniqueItems");
    const auto add = [&](Result<JsonText> filled) {
      if (!filled) return false;
      const bool twice = unique && unique->as_bool() == true &&
                         std::find(items.begin(), items.end(), *filled) != items.end();
      if (!twice) items.push_back(std::move(*filled));
      return !twice;
    };
    const auto fill_item = [&](const Fact* item) -> Result<JsonText> {
      const std::string where = place + "/" + std::to_string(items.size());
      if (schema && schema->kind() == JsonKind::array) {
        if (items.size() >= schema->size()) return no_value(where, "the tuple has no such item");
        return fill(schema->at(items.size()), item, where, depth + 1);
      }
      if (schema) return fill(*schema, item, where, depth + 1);
      return item != nullptr && item->text ? text_of(*item->text) : JsonText();
    };
    if (fact != nullptr && fact->list) {
      for (const auto& item : *fact->list) {
        if (items.size() >= most) break;
        add(fill_item(&item));
      }
    } else if (fact != nullptr && most > 0) {
      add(fill_item(fact));
    }
    while (items.size() < least) {
      if (items.size() > kMostItems) return no_value(place, "minItems is too high");
      auto filled = fill_item(nullptr);
      if (!filled) return filled.error();
      if (!add(std::move(filled))) return no_value(place, "it has too few different items");
    }
    JsonWriter out;
    out.begin_array();
    for (const auto& item : items) out.value(item);
    out.end_array();
    return out.finish();
  }

  static std::size_t bound(std::optional<double> number, std::size_t fallback) {
    if (!number || !(*number >= 0.0)) return fallback;
    return *number > 1e6 ? std::size_t{1'000'000} : static_cast<std::size_t>(*number);
  }

  Result<JsonText> fill_string(const SchemaView& view, std::string_view text,
                               const std::string& place) {
    constexpr std::size_t kLongestPadding = 10'000;
    const std::size_t least = bound(view.number("minLength", true), 0);
    const std::size_t most = bound(view.number("maxLength", false), std::string::npos);
    if (least > most || least > kLongestPadding)
      return no_value(place, "its minLength cannot be kept");
    values_ += least / kValueBytes;
    std::string value = most == std::string::npos ? std::string(text) : shorten(text, most);
    if (count_code_points(value) < least) {
      if (value.empty()) value = least <= 10 && most >= 10 ? "not stated" : std::string();
      value.append(least - std::min(least, count_code_points(value)), '.');
    }
    return text_of(value);
  }

  static Result<JsonText> fill_number(const SchemaView& view, double wanted,
                                      const std::string& place) {
    const bool whole = !view.allows("number");
    const auto step = view.number("multipleOf", true).value_or(whole ? 1.0 : 0.0);
    auto least = view.number("minimum", true).value_or(std::numeric_limits<double>::lowest());
    auto most = view.number("maximum", false).value_or(std::numeric_limits<double>::max());
    if (const auto above = view.number("exclusiveMinimum", true))
      least = std::max(least, next_above(*above, step));
    if (const auto below = view.number("exclusiveMaximum", false))
      most = std::min(most, -next_above(-*below, step));
    if (step > 0.0) {
      if (least > std::numeric_limits<double>::lowest()) least = std::ceil(least / step) * step;
      if (most < std::numeric_limits<double>::max()) most = std::floor(most / step) * step;
      wanted = std::round(wanted / step) * step;
    }
    if (least > most) return no_value(place, "no number is within its bounds");
    const double value = std::clamp(wanted, least, most);
    JsonWriter out;
    constexpr double kExact = 9e15;
    if (std::trunc(value) == value && std::abs(value) < kExact) {
      out.value(static_cast<std::int64_t>(value));
    } else {
      out.value(value);
    }
    return out.finish();
  }

  static double next_above(double bound, double step) {
    if (step > 0.0) return (std::floor(bound / step) + 1.0) * step;
    return bound + std::max(1e-6, std::abs(bound) * 1e-9);
  }

  static std::string plain(double number) {
    JsonWriter out;
    if (std::trunc(number) == number && std::abs(number) < 9e15) {
      out.value(static_cast<std::int64_t>(number));
    } else {
      out.value(number);
    }
    return out.finish().release();
  }

  static std::string joined(const std::vector<Fact>& list) {
    std::string text;
    for (const auto& item : list) {
      if (item.text) text += (text.empty() ? "" : ", ") + *item.text;
    }
    return text;
  }

  const JsonView root_;
  Analysis& analysis_;
  std::size_t values_ = 0;
};

}  // namespace

Result<JsonText> fill_schema(JsonView schema, Analysis& analysis) {
  return Filler(schema, analysis).fill(schema, nullptr, "", 0);
}

}  // namespace rwp::ai_local
