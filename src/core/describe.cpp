#include <rwp/core/describe.hpp>

namespace rwp::detail {
namespace {

std::string named(std::string_view path) {
  return path.empty() ? std::string("the document") : "\"" + std::string(path) + "\"";
}

std::string number_text(double number) {
  JsonWriter out;
  out.value(number);
  return out.finish().release();
}

}  // namespace

Error decode_mismatch(std::string_view path, std::string_view expected, JsonView found) {
  return Error(Errc::invalid_argument, named(path) + " must be " + std::string(expected) + ", is " +
                                           std::string(describe_kind(found.kind())));
}

Error decode_missing(std::string_view path) {
  return Error(Errc::invalid_argument, named(path) + " is missing");
}

Error decode_out_of_range(std::string_view path, const FieldRules& rules) {
  std::string rule = " is out of range";
  if (rules.minimum) rule += ", at least " + number_text(*rules.minimum);
  if (rules.maximum) rule += ", at most " + number_text(*rules.maximum);
  return Error(Errc::invalid_argument, named(path) + rule);
}

Error decode_too_many(std::string_view path, std::size_t max_items) {
  return Error(Errc::invalid_argument,
               named(path) + " has more than " + std::to_string(max_items) + " elements");
}

Error decode_unknown_name(std::string_view path) {
  return Error(Errc::invalid_argument, named(path) + " is none of the allowed names");
}

std::string join_path(std::string_view path, std::string_view name) {
  std::string joined(path);
  if (!joined.empty()) joined += '.';
  joined += name;
  return joined;
}

void write_type(JsonWriter& out, std::string_view name, bool nullable) {
  out.key("type");
  if (!nullable) {
    out.value(name);
    return;
  }
  out.begin_array().value(name).value("null").end_array();
}

void write_rules(JsonWriter& out, const FieldRules& rules) {
  if (!rules.description.empty()) out.member("description", rules.description);
  if (rules.minimum) out.member("minimum", *rules.minimum);
  if (rules.maximum) out.member("maximum", *rules.maximum);
  if (rules.max_items > 0) {
    out.member("maxItems", static_cast<std::uint64_t>(rules.max_items));
  }
}

}  // namespace rwp::detail
