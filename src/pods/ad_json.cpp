#include "pods/ad_fields.hpp"
#include <rwp/core/json_text.hpp>

#include <initializer_list>
#include <utility>

namespace rwp::pods {
namespace {

/// Text of a scalar; none for null, arrays and objects.
std::optional<std::string> scalar(JsonView value) {
  switch (value.kind()) {
    case JsonKind::string:
      return std::string(*value.as_string());
    case JsonKind::integer:
    case JsonKind::real:
      return value.text().str();
    default:
      return std::nullopt;
  }
}

/// The member at the end of the path; of an array, the first element.
std::optional<JsonView> at(JsonView value, std::initializer_list<std::string_view> path) {
  for (const auto name : path) {
    if (value.kind() == JsonKind::array && value.size() > 0) value = value.at(0);
    const auto member = value.find(name);
    if (!member) return std::nullopt;
    value = *member;
  }
  if (value.kind() == JsonKind::array && value.size() > 0) value = value.at(0);
  return value;
}

std::string text_at(JsonView value, std::initializer_list<std::string_view> path) {
  const auto found = at(value, path);
  return found ? scalar(*found).value_or("") : std::string();
}

bool is_job_posting(JsonView json) {
  const auto type = at(json, {"@type"});
  return type && type->as_string() == "JobPosting";
}

std::string place(JsonView json) {
  const auto address = at(json, {"jobLocation", "address"});
  if (!address) return {};
  if (const auto plain = scalar(*address)) return *plain;
  std::string text = text_at(*address, {"addressLocality"});
  const std::string region = text_at(*address, {"addressRegion"});
  if (!region.empty()) text += (text.empty() ? "" : ", ") + region;
  return text;
}

AdTexts from_job_posting(JsonView json) {
  AdTexts texts;
  texts["id"] = text_at(json, {"identifier", "value"});
  if (texts["id"].empty()) texts["id"] = text_at(json, {"identifier"});
  texts["title"] = text_of_html(text_at(json, {"title"}));
  texts["company"] = text_of_html(text_at(json, {"hiringOrganization", "name"}));
  if (texts["company"].empty()) texts["company"] = text_at(json, {"hiringOrganization"});
  texts["location"] = text_of_html(place(json));
  texts["postcode"] = text_at(json, {"jobLocation", "address", "postalCode"});
  texts["country"] = text_at(json, {"jobLocation", "address", "addressCountry"});
  texts["employment_type"] = text_at(json, {"employmentType"});
  texts["posted_at"] = text_at(json, {"datePosted"});
  texts["valid_through"] = text_at(json, {"validThrough"});
  texts["description"] = text_of_html(text_at(json, {"description"}));
  texts["salary_currency"] = text_at(json, {"baseSalary", "currency"});
  texts["salary_unit"] = text_at(json, {"baseSalary", "value", "unitText"});
  texts["salary_min"] = text_at(json, {"baseSalary", "value", "minValue"});
  texts["salary_max"] = text_at(json, {"baseSalary", "value", "maxValue"});
  // Often a sentence where the standard has a number.
  const auto value = at(json, {"baseSalary", "value", "value"});
  if (value && value->as_double()) {
    if (texts["salary_min"].empty()) texts["salary_min"] = value->text().str();
    if (texts["salary_max"].empty()) texts["salary_max"] = value->text().str();
  } else if (value) {
    texts["salary_text"] = text_of_html(scalar(*value).value_or(""));
  }
  return texts;
}

}  // namespace

Result<AdTexts> ad_texts_from_json(JsonView json) {
  if (json.kind() != JsonKind::object) {
    return Error(Errc::invalid_argument,
                 "must be a JSON object, found " + std::string(describe_kind(json.kind())));
  }
  if (is_job_posting(json)) return from_job_posting(json);
  AdTexts texts;
  std::optional<Error> wrong;
  json.each_member([&](std::string_view name, JsonView value) {
    const auto ours = ad_field_name(name);
    if (ours.empty() || value.is_null()) return true;
    auto text = scalar(value);
    if (!text) {
      wrong =
          Error(Errc::invalid_argument, std::string(name) + ": must be a text or a number, found " +
                                            std::string(describe_kind(value.kind())));
      return false;
    }
    // Our own name stands above another for the same field.
    if (ours == name || texts[std::string(ours)].empty()) texts[std::string(ours)] = *text;
    return true;
  });
  if (wrong) return *wrong;
  return texts;
}

}  // namespace rwp::pods
