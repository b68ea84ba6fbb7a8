#include "jobadder/api_error.hpp"

#include <rwp/core/json_text.hpp>
#include <rwp/core/json_view.hpp>
#include <rwp/net/retry.hpp>
#include <rwp/net/status.hpp>

#include <algorithm>
#include <cstddef>
#include <string_view>
#include <utility>

namespace rwp::jobadder {
namespace {

constexpr std::size_t kMostFields = 10;
constexpr std::size_t kLongestWord = 200;
constexpr std::size_t kLongestField = 64;

/// Names of fields: letters, digits and what joins them; anything else could be somebody's data.
std::string field_name(std::string_view text) {
  std::string name(text.substr(0, kLongestField));
  const bool plain = std::all_of(name.begin(), name.end(), [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '.' ||
           c == '[' || c == ']' || c == '_';
  });
  return plain ? name : "?";
}

/// The code and the fields of each error. Its sentences may quote what was sent, so they stay out.
std::string told_errors(const std::string& body) {
  auto json = JsonText::parse(body);
  if (!json) return {};
  const JsonDocument document(*json);
  const auto errors = document.root().find("errors");
  if (!errors || errors->kind() != JsonKind::array) return {};
  std::string told;
  for (std::size_t i = 0; i < std::min(errors->size(), kMostFields); ++i) {
    const JsonView error = errors->at(i);
    const auto code = error.find("code");
    std::string one = code ? field_name(code->as_string().value_or("")) : std::string();
    const auto fields = error.find("fields");
    for (std::size_t j = 0; fields && j < std::min(fields->size(), kMostFields); ++j) {
      one += (one.empty() ? ""
              : j == 0    ? ": "
                          : ", ") +
             field_name(fields->at(j).as_string().value_or(""));
    }
    if (!one.empty()) told += (told.empty() ? "" : "; ") + one;
  }
  return told;
}

/// It answers 409 to what is there already.
Errc code_of(int status) {
  return status == 409 ? Errc::already_exists : net::errc_of_status(status);
}

}  // namespace

Error error_of(const net::HttpResponse& response, const std::string& what) {
  std::string text = what + ": JobAdder answered " + std::to_string(response.status);
  const std::string told = told_errors(response.body).substr(0, kLongestWord);
  if (!told.empty()) text += " (" + told + ")";
  if (response.status == 403) text += "; the sign-in lacks a scope, or its user a permission";
  Error error(code_of(response.status), text);
  if (response.status == 429) return error.with_retry_after(told_wait(response));
  return error;
}

std::chrono::milliseconds told_wait(const net::HttpResponse& response) {
  using std::chrono::milliseconds;
  const auto told = net::retry_after(response.headers, std::chrono::system_clock::now());
  // Told in whole seconds; "0" must not have the next one go at once, and again.
  return std::max(told.value_or(milliseconds(2'000)), milliseconds(1'000));
}

}  // namespace rwp::jobadder
