#include "pods/ad_fields.hpp"

#include <rwp/core/sha256.hpp>
#include <rwp/core/utf8.hpp>

#include <algorithm>
#include <array>
#include <charconv>
#include <cmath>
#include <utility>

namespace rwp::pods {
namespace {

struct FieldName {
  std::string_view foreign;
  std::string_view ours;
};

constexpr std::array<FieldName, 40> kNames{{
    {"id", "id"},
    {"ad_id", "id"},
    {"job_id", "id"},
    {"reference", "id"},
    {"title", "title"},
    {"job_title", "title"},
    {"position", "title"},
    {"company", "company"},
    {"employer", "company"},
    {"company_name", "company"},
    {"organisation", "company"},
    {"location", "location"},
    {"city", "location"},
    {"postcode", "postcode"},
    {"postal_code", "postcode"},
    {"zip", "postcode"},
    {"country", "country"},
    {"lat", "lat"},
    {"latitude", "lat"},
    {"lon", "lon"},
    {"lng", "lon"},
    {"longitude", "lon"},
    {"employment_type", "employment_type"},
    {"job_type", "employment_type"},
    {"contract_type", "employment_type"},
    {"salary_text", "salary_text"},
    {"salary", "salary_text"},
    {"salary_min", "salary_min"},
    {"salary_max", "salary_max"},
    {"salary_currency", "salary_currency"},
    {"currency", "salary_currency"},
    {"salary_unit", "salary_unit"},
    {"salary_period", "salary_unit"},
    {"posted_at", "posted_at"},
    {"date_posted", "posted_at"},
    {"valid_through", "valid_through"},
    {"closing_date", "valid_through"},
    {"description", "description"},
    {"job_description", "description"},
    {"text", "description"},
}};

Error bad(std::string message) { return {Errc::invalid_argument, std::move(message)}; }

bool is_space(char c) { return c == ' ' || c == '\n' || c == '\t' || c == '\r'; }

std::string_view trim(std::string_view text) {
  while (!text.empty() && is_space(text.front())) text.remove_prefix(1);
  while (!text.empty() && is_space(text.back())) text.remove_suffix(1);
  return text;
}

/// "£34,000.50" and "34 000" are numbers too; "30k" and "30-35" are not.
Result<std::optional<double>> number(const AdTexts& texts, std::string_view name, double least,
                                     double most) {
  const auto found = texts.find(name);
  if (found == texts.end() || trim(found->second).empty()) return std::optional<double>();
  std::string digits;
  for (const char c : trim(found->second)) {
    const bool kept = (c >= '0' && c <= '9') || c == '.' || c == '-' || c == '+' || c == 'e' ||
                      c == 'E' ||
                      (static_cast<unsigned char>(c) < 0x80U && c != ',' && c != ' ' && c != '$');
    if (kept) digits += c;
  }
  double value = 0;
  const auto* end = digits.data() + digits.size();
  const auto read = std::from_chars(digits.data(), end, value);
  if (digits.empty() || read.ec != std::errc() || read.ptr != end || !std::isfinite(value)) {
    return bad(std::string(name) + ": must be a number");
  }
  if (value < least || value > most) return bad(std::string(name) + ": out of range");
  return std::optional<double>(value);
}

bool has_control(std::string_view text) {
  return std::any_of(text.begin(), text.end(),
                     [](char c) { return static_cast<unsigned char>(c) < ' ' || c == '\x7f'; });
}

}  // namespace

std::string_view ad_field_name(std::string_view foreign) {
  std::string name;
  for (const char c : trim(foreign)) {
    name += c == ' ' || c == '-' ? '_' : c >= 'A' && c <= 'Z' ? static_cast<char>(c + 32) : c;
  }
  const auto found = std::find_if(kNames.begin(), kNames.end(),
                                  [&](const FieldName& known) { return known.foreign == name; });
  return found == kNames.end() ? std::string_view() : found->ours;
}

Result<recruitment::JobAd> ad_from_texts(AdTexts texts) {
  for (const auto& [name, text] : texts) {
    if (!is_valid_utf8(text)) return bad(name + ": is not UTF-8 text");
    if (text.find('\0') != std::string::npos) return bad(name + ": holds a NUL character");
  }
  const auto take = [&texts](std::string_view name) {
    const auto found = texts.find(name);
    if (found == texts.end()) return std::string();
    // What was copied from a page often carries its escapes along.
    return std::string(trim(resolve_entities(found->second)));
  };
  recruitment::JobAd ad;
  ad.title = take("title");
  ad.description = take("description");
  if (ad.title.empty()) return bad("title: is missing or empty");
  if (ad.description.empty()) return bad("description: is missing or empty");
  if (const auto id = texts.find("id"); id != texts.end()) ad.id = trim(id->second);
  ad.company = take("company");
  if (ad.id.empty()) {
    const auto digest = sha256(ad.title + '\0' + ad.company + '\0' + ad.description);
    ad.id = "ad-" + to_hex(digest).substr(0, 16);
  }
  if (ad.id.size() > 256 || has_control(ad.id)) {
    return bad("id: must be 1 to 256 bytes without control characters");
  }
  ad.location = take("location");
  ad.postcode = take("postcode");
  ad.country = take("country");
  ad.employment_type = take("employment_type");
  ad.salary_text = take("salary_text");
  ad.salary_currency = take("salary_currency");
  ad.salary_unit = take("salary_unit");
  ad.posted_at = take("posted_at");
  ad.valid_through = take("valid_through");
  const auto set = [&texts](std::optional<double>& to, std::string_view name, double least,
                            double most) -> Result<void> {
    auto value = number(texts, name, least, most);
    if (!value) return value.error();
    to = *value;
    return {};
  };
  constexpr double kMostPay = 1e12;
  for (const auto& done : {set(ad.lat, "lat", -90, 90), set(ad.lon, "lon", -180, 180),
                           set(ad.salary_min, "salary_min", 0, kMostPay),
                           set(ad.salary_max, "salary_max", 0, kMostPay)}) {
    if (!done) return done.error();
  }
  return ad;
}

}  // namespace rwp::pods
