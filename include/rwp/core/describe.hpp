#pragma once

#include <rwp/core/error.hpp>
#include <rwp/core/json_text.hpp>
#include <rwp/core/json_view.hpp>
#include <rwp/core/json_writer.hpp>

#include <concepts>
#include <cstdint>
#include <limits>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <tuple>
#include <type_traits>
#include <utility>
#include <vector>

/// A C++ struct is described once; JSON both ways and its JSON Schema follow.
///
///     struct EnrichAd {
///       std::string title;
///       std::optional<double> salary;
///       static constexpr auto describe() {
///         return std::tuple{rwp::field("title", &EnrichAd::title, {.description = "headline"}),
///                           rwp::field("salary", &EnrichAd::salary)};
///       }
///     };
///
/// Members may be bool, integers, floating point, std::string, JsonText, enums with a DescribeEnum,
/// described structs, and std::optional, std::vector and std::map<std::string, …> of these.
/// A type of somebody else's is described by specialising `rwp::Describe`.
namespace rwp {

/// What a field's values must keep, told in the schema and checked on decode.
struct FieldRules {
  /// One sentence for people and models.
  std::string_view description{};
  /// Bounds of a number, inclusive.
  std::optional<double> minimum{};
  std::optional<double> maximum{};
  /// Most elements of an array; 0: no bound.
  std::size_t max_items = 0;
  /// May be absent from the input: the member then keeps its default. A std::optional always may.
  bool may_be_absent = false;
};

/// One member of a described struct; made by `field()`.
template <class Class, class Member>
struct Field {
  std::string_view name;
  Member Class::*member;
  FieldRules rules;
};

template <class Class, class Member>
constexpr Field<Class, Member> field(std::string_view name, Member Class::*member,
                                     FieldRules rules = FieldRules()) {
  return {name, member, rules};
}

/// How `T` is described; the default asks `T::describe()`.
template <class T>
struct Describe {
  static constexpr auto fields() requires requires { T::describe(); }
  { return T::describe(); }
};

/// How an enum stands in JSON. Specialise with `static constexpr std::array values` of
/// `std::pair<T, std::string_view>`.
template <class T>
struct DescribeEnum;

template <class T>
concept DescribedStruct = std::is_class_v<T> && requires {
  Describe<T>::fields();
};

template <class T>
concept DescribedEnum = std::is_enum_v<T> && requires {
  DescribeEnum<T>::values;
};

/// The enumerator's name in JSON; empty for a value outside the description.
template <DescribedEnum T>
constexpr std::string_view enum_name(T value) {
  for (const auto& [candidate, name] : DescribeEnum<T>::values) {
    if (candidate == value) return name;
  }
  return {};
}

/// The enumerator of that name in JSON; none for a name outside the description.
template <DescribedEnum T>
constexpr std::optional<T> enum_value(std::string_view name) {
  for (const auto& [candidate, candidate_name] : DescribeEnum<T>::values) {
    if (candidate_name == name) return candidate;
  }
  return std::nullopt;
}

namespace detail {

Error decode_mismatch(std::string_view path, std::string_view expected, JsonView found);
Error decode_missing(std::string_view path);
Error decode_out_of_range(std::string_view path, const FieldRules& rules);
Error decode_too_many(std::string_view path, std::size_t max_items);
Error decode_unknown_name(std::string_view path);
std::string join_path(std::string_view path, std::string_view name);
void write_rules(JsonWriter& out, const FieldRules& rules);

template <class T>
struct IsOptional : std::false_type {};
template <class T>
struct IsOptional<std::optional<T>> : std::true_type {};

template <class T>
struct IsNumber : std::bool_constant<std::is_arithmetic_v<T> && !std::same_as<T, bool>> {};
template <class T>
struct IsNumber<std::optional<T>> : IsNumber<T> {};

template <class T>
void encode_value(JsonWriter& out, const T& value);
template <class T>
Result<void> decode_value(JsonView in, std::string_view path, const FieldRules& rules, T& out);
template <class T>
void write_schema(JsonWriter& out, const FieldRules& rules, bool nullable);

template <class T>
struct Codec;

/// Writes `"type": name`, or `[name, "null"]`.
void write_type(JsonWriter& out, std::string_view name, bool nullable);

template <>
struct Codec<bool> {
  static void encode(JsonWriter& out, bool value) { out.value(value); }
  static Result<void> decode(JsonView in, std::string_view path, const FieldRules&, bool& out) {
    const auto flag = in.as_bool();
    if (!flag) return decode_mismatch(path, "a boolean", in);
    out = *flag;
    return {};
  }
  static void schema(JsonWriter& out, const FieldRules&, bool nullable) {
    write_type(out, "boolean", nullable);
  }
};

template <std::integral T>
struct Codec<T> {
  static void encode(JsonWriter& out, T value) {
    if constexpr (std::is_signed_v<T>) {
      out.value(static_cast<std::int64_t>(value));
    } else {
      out.value(static_cast<std::uint64_t>(value));
    }
  }
  static Result<void> decode(JsonView in, std::string_view path, const FieldRules& rules, T& out) {
    const auto number = as_integer<std::is_signed_v<T>>(in);
    if (!number) {
      // Integers that only the other signedness, or nobody, can hold.
      if (in.as_int64() || in.as_uint64() || in.kind() == JsonKind::integer) {
        return decode_out_of_range(path, rules);
      }
      return decode_mismatch(path, "an integer", in);
    }
    if (!std::in_range<T>(*number) ||
        (rules.minimum && static_cast<double>(*number) < *rules.minimum) ||
        (rules.maximum && static_cast<double>(*number) > *rules.maximum)) {
      return decode_out_of_range(path, rules);
    }
    out = static_cast<T>(*number);
    return {};
  }
  static void schema(JsonWriter& out, const FieldRules&, bool nullable) {
    write_type(out, "integer", nullable);
  }

 private:
  template <bool is_signed>
  static auto as_integer(JsonView in) {
    if constexpr (is_signed) {
      return in.as_int64();
    } else {
      return in.as_uint64();
    }
  }
};

template <std::floating_point T>
struct Codec<T> {
  static void encode(JsonWriter& out, T value) { out.value(static_cast<double>(value)); }
  static Result<void> decode(JsonView in, std::string_view path, const FieldRules& rules, T& out) {
    const auto number = in.as_double();
    if (!number) return decode_mismatch(path, "a number", in);
    // Beyond what a float holds, too.
    if ((rules.minimum && *number < *rules.minimum) ||
        (rules.maximum && *number > *rules.maximum) ||
        *number < static_cast<double>(std::numeric_limits<T>::lowest()) ||
        *number > static_cast<double>(std::numeric_limits<T>::max())) {
      return decode_out_of_range(path, rules);
    }
    out = static_cast<T>(*number);
    return {};
  }
  static void schema(JsonWriter& out, const FieldRules&, bool nullable) {
    write_type(out, "number", nullable);
  }
};

template <>
struct Codec<std::string> {
  static void encode(JsonWriter& out, const std::string& value) { out.value(value); }
  static Result<void> decode(JsonView in, std::string_view path, const FieldRules&,
                             std::string& out) {
    const auto text = in.as_string();
    if (!text) return decode_mismatch(path, "a string", in);
    out = std::string(*text);
    return {};
  }
  static void schema(JsonWriter& out, const FieldRules&, bool nullable) {
    write_type(out, "string", nullable);
  }
};

template <>
struct Codec<JsonText> {
  static void encode(JsonWriter& out, const JsonText& value) { out.value(value); }
  static Result<void> decode(JsonView in, std::string_view, const FieldRules&, JsonText& out) {
    out = in.text();
    return {};
  }
  static void schema(JsonWriter&, const FieldRules&, bool) {}  // Anything.
};

template <DescribedEnum T>
struct Codec<T> {
  static void encode(JsonWriter& out, T value) { out.value(enum_name(value)); }
  static Result<void> decode(JsonView in, std::string_view path, const FieldRules&, T& out) {
    const auto text = in.as_string();
    if (!text) return decode_mismatch(path, "a string", in);
    const auto value = enum_value<T>(*text);
    if (!value) return decode_unknown_name(path);
    out = *value;
    return {};
  }
  static void schema(JsonWriter& out, const FieldRules&, bool nullable) {
    write_type(out, "string", nullable);
    out.key("enum").begin_array();
    for (const auto& [value, name] : DescribeEnum<T>::values) out.value(name);
    if (nullable) out.null();
    out.end_array();
  }
};

template <class T>
struct Codec<std::optional<T>> {
  static void encode(JsonWriter& out, const std::optional<T>& value) {
    if (value) {
      encode_value(out, *value);
    } else {
      out.null();
    }
  }
  static Result<void> decode(JsonView in, std::string_view path, const FieldRules& rules,
                             std::optional<T>& out) {
    out.reset();
    if (in.is_null()) return {};
    return decode_value(in, path, rules, out.emplace());
  }
  static void schema(JsonWriter& out, const FieldRules& rules, bool) {
    Codec<T>::schema(out, rules, true);
  }
};

template <class T>
struct Codec<std::vector<T>> {
  static void encode(JsonWriter& out, const std::vector<T>& value) {
    out.begin_array();
    for (const auto& element : value) encode_value<T>(out, element);
    out.end_array();
  }
  static Result<void> decode(JsonView in, std::string_view path, const FieldRules& rules,
                             std::vector<T>& out) {
    if (in.kind() != JsonKind::array) return decode_mismatch(path, "an array", in);
    if (rules.max_items > 0 && in.size() > rules.max_items) {
      return decode_too_many(path, rules.max_items);
    }
    out.clear();
    out.reserve(in.size());
    FieldRules element_rules = rules;
    element_rules.max_items = 0;
    for (std::size_t i = 0; i < in.size(); ++i) {
      T element{};
      auto decoded = decode_value(in.at(i), std::string(path) + "[" + std::to_string(i) + "]",
                                  element_rules, element);
      if (!decoded) return decoded;
      out.push_back(std::move(element));
    }
    return {};
  }
  static void schema(JsonWriter& out, const FieldRules& rules, bool nullable) {
    write_type(out, "array", nullable);
    FieldRules element_rules = rules;
    element_rules.max_items = 0;
    element_rules.description = {};
    out.key("items");
    write_schema<T>(out, element_rules, false);
  }
};

template <class T>
struct Codec<std::map<std::string, T>> {
  static void encode(JsonWriter& out, const std::map<std::string, T>& value) {
    out.begin_object();
    for (const auto& [name, element] : value) {
      out.key(name);
      encode_value(out, element);
    }
    out.end_object();
  }
  static Result<void> decode(JsonView in, std::string_view path, const FieldRules& rules,
                             std::map<std::string, T>& out) {
    if (in.kind() != JsonKind::object) return decode_mismatch(path, "an object", in);
    out.clear();
    Result<void> outcome;
    in.each_member([&](std::string_view name, JsonView member) {
      outcome = decode_value(member, join_path(path, name), rules, out[std::string(name)]);
      return outcome.has_value();
    });
    return outcome;
  }
  static void schema(JsonWriter& out, const FieldRules& rules, bool nullable) {
    write_type(out, "object", nullable);
    FieldRules element_rules = rules;
    element_rules.description = {};
    out.key("additionalProperties");
    write_schema<T>(out, element_rules, false);
  }
};

template <DescribedStruct T>
struct Codec<T> {
  static void encode(JsonWriter& out, const T& value) {
    out.begin_object();
    std::apply(
        [&](const auto&... fields) {
          ((out.key(fields.name), encode_value(out, value.*(fields.member))), ...);
        },
        Describe<T>::fields());
    out.end_object();
  }

  static Result<void> decode(JsonView in, std::string_view path, const FieldRules&, T& out) {
    if (in.kind() != JsonKind::object) return decode_mismatch(path, "an object", in);
    Result<void> outcome;
    std::apply(
        [&](const auto&... fields) {
          (void)((outcome = decode_field(in, path, fields, out), outcome.has_value()) && ...);
        },
        Describe<T>::fields());
    return outcome;
  }

  static void schema(JsonWriter& out, const FieldRules&, bool nullable) {
    write_type(out, "object", nullable);
    std::apply(
        [&](const auto&... fields) {
          out.key("properties").begin_object();
          (write_property(out, fields), ...);
          out.end_object();
          out.key("required").begin_array();
          (out.value(fields.name), ...);
          out.end_array();
        },
        Describe<T>::fields());
    out.member("additionalProperties", false);
  }

 private:
  template <class Member>
  static Result<void> decode_field(JsonView in, std::string_view path,
                                   const Field<T, Member>& field, T& out) {
    const auto found = in.find(field.name);
    if (!found) {
      if (IsOptional<Member>::value || field.rules.may_be_absent) return {};
      return decode_missing(join_path(path, field.name));
    }
    return decode_value(*found, join_path(path, field.name), field.rules, out.*(field.member));
  }

  template <class Member>
  static void write_property(JsonWriter& out, const Field<T, Member>& field) {
    out.key(field.name);
    write_schema<Member>(out, field.rules, false);
  }
};

template <class T>
void encode_value(JsonWriter& out, const T& value) {
  Codec<T>::encode(out, value);
}

template <class T>
Result<void> decode_value(JsonView in, std::string_view path, const FieldRules& rules, T& out) {
  return Codec<T>::decode(in, path, rules, out);
}

template <class T>
void write_schema(JsonWriter& out, const FieldRules& rules, bool nullable) {
  out.begin_object();
  Codec<T>::schema(out, rules, nullable);
  FieldRules own = rules;
  if constexpr (!IsNumber<T>::value) {
    // They are said of the elements.
    own.minimum.reset();
    own.maximum.reset();
  }
  write_rules(out, own);
  out.end_object();
}

}  // namespace detail

/// The value as JSON, members in the order of the description.
template <class T>
JsonText encode(const T& value) {
  JsonWriter out;
  detail::encode_value(out, value);
  return out.finish();
}

/// Reads a `T`. Unknown members are ignored, so that older readers take newer documents.
/// `Errc::invalid_argument` names the member's path and the rule it breaks.
template <class T>
Result<T> decode(JsonView view) {
  T value{};
  auto decoded = detail::decode_value(view, "", FieldRules(), value);
  if (!decoded) return decoded.error();
  return value;
}

template <class T>
Result<T> decode(const JsonText& text) {
  const JsonDocument document(text);
  return decode<T>(document.root());
}

/// The JSON Schema of `T`, in the strict form that OpenAI's structured output takes: every property
/// required, optional ones nullable, no additional ones.
template <class T>
JsonText json_schema() {
  JsonWriter out;
  detail::write_schema<T>(out, FieldRules(), false);
  return out.finish();
}

}  // namespace rwp
