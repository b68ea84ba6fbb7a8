#include "pods/openai_fields.hpp"

#include <rwp/core/json_writer.hpp>

#include <algorithm>
#include <utility>

namespace rwp::pods {
namespace {

/// Of a name that the client made up, so much is told back.
constexpr std::size_t kMostNameBytes = 64;

std::string shown(std::string_view name) { return std::string(name.substr(0, kMostNameBytes)); }

std::string plain(double number) {
  JsonWriter out;
  return out.value(number).finish().release();
}

}  // namespace

void RequestFault::refuse(std::string param, std::string message, std::string code) {
  OpenAiError error;
  error.param = std::move(param);
  error.message = std::move(message);
  error.code = std::move(code);
  set(std::move(error));
}

RequestFields::RequestFields(JsonView object, std::string path, RequestFault& fault)
    : object_(object), path_(std::move(path)), fault_(fault) {}

std::string RequestFields::path_of(std::string_view name) const {
  return path_.empty() ? shown(name) : path_ + "." + shown(name);
}

void RequestFields::missing(std::string_view name) {
  const auto path = path_of(name);
  fault_.refuse(path, "Missing required parameter: '" + path + "'.", "missing_required_parameter");
}

void RequestFields::invalid(std::string_view name, std::string rule) {
  const auto path = path_of(name);
  fault_.refuse(path, "Invalid '" + path + "': " + std::move(rule) + ".", "invalid_value");
}

void RequestFields::wrong_type(std::string_view name, std::string_view expected, JsonView value) {
  const auto path = path_of(name);
  fault_.refuse(path,
                "Invalid type for '" + path + "': expected " + std::string(expected) +
                    ", but got " + std::string(describe_kind(value.kind())) + " instead.",
                "invalid_type");
}

std::optional<JsonView> RequestFields::any(std::string_view name) {
  if (known_.empty()) known_.reserve(24);
  known_.push_back(name);
  auto member = object_.find(name);
  if (member && member->is_null()) return std::nullopt;
  return member;
}

std::optional<std::string_view> RequestFields::text(std::string_view name) {
  const auto value = any(name);
  if (!value) return std::nullopt;
  const auto text = value->as_string();
  if (!text) wrong_type(name, "a string", *value);
  return text;
}

std::optional<std::string_view> RequestFields::text(std::string_view name, std::size_t most_bytes) {
  const auto value = text(name);
  if (value && value->size() > most_bytes) {
    invalid(name, "longer than " + std::to_string(most_bytes) + " bytes");
    return std::nullopt;
  }
  return value;
}

std::optional<std::string_view> RequestFields::choice(
    std::string_view name, std::initializer_list<std::string_view> choices) {
  const auto value = text(name);
  if (!value || std::find(choices.begin(), choices.end(), *value) != choices.end()) return value;
  std::string rule = "supported here: ";
  for (const auto choice : choices) {
    rule += (choice == *choices.begin() ? "'" : ", '") + std::string(choice) + "'";
  }
  const auto path = path_of(name);
  fault_.refuse(path, "Unsupported value for '" + path + "'; " + rule + ".", "unsupported_value");
  return std::nullopt;
}

std::optional<bool> RequestFields::flag(std::string_view name) {
  const auto value = any(name);
  if (!value) return std::nullopt;
  const auto flag = value->as_bool();
  if (!flag) wrong_type(name, "a boolean", *value);
  return flag;
}

std::optional<double> RequestFields::number(std::string_view name, double least, double most) {
  const auto value = any(name);
  if (!value) return std::nullopt;
  const auto number = value->as_double();
  if (!number) {
    wrong_type(name, "a number", *value);
  } else if (!(*number >= least && *number <= most)) {
    invalid(name, "expected a value from " + plain(least) + " to " + plain(most));
    return std::nullopt;
  }
  return number;
}

std::optional<std::int64_t> RequestFields::integer(std::string_view name, std::int64_t least,
                                                   std::int64_t most) {
  const auto value = any(name);
  if (!value) return std::nullopt;
  const bool is_number = value->as_double().has_value();
  const auto number = value->as_int64();
  if (!is_number) {
    wrong_type(name, "an integer", *value);
  } else if (!number || *number < least || *number > most) {
    invalid(name,
            "expected an integer from " + std::to_string(least) + " to " + std::to_string(most));
    return std::nullopt;
  }
  return number;
}

std::optional<JsonView> RequestFields::object(std::string_view name) {
  const auto value = any(name);
  if (value && value->kind() != JsonKind::object) {
    wrong_type(name, "an object", *value);
    return std::nullopt;
  }
  return value;
}

std::optional<JsonView> RequestFields::array(std::string_view name) {
  const auto value = any(name);
  if (value && value->kind() != JsonKind::array) {
    wrong_type(name, "an array", *value);
    return std::nullopt;
  }
  return value;
}

void RequestFields::unsupported(std::string_view name) {
  if (!any(name)) return;
  const auto path = path_of(name);
  fault_.refuse(path, "Unsupported parameter: '" + path + "' is not supported with this model.",
                "unsupported_parameter");
}

void RequestFields::close() {
  object_.each_member([this](std::string_view name, JsonView) {
    if (std::find(known_.begin(), known_.end(), name) != known_.end()) return true;
    const auto path = path_of(name);
    fault_.refuse(path, "Unrecognized request argument supplied: " + path, "unknown_parameter");
    return false;
  });
}

}  // namespace rwp::pods
