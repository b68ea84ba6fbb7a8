#include "recruitment/cv_evidence.hpp"

#include "recruitment/plain_text.hpp"

#include <algorithm>
#include <cstddef>

namespace rwp::recruitment {
namespace {

bool is_digit(char c) noexcept { return c >= '0' && c <= '9'; }

std::string without_spaces(std::string text) {
  text.erase(std::remove(text.begin(), text.end(), ' '), text.end());
  return text;
}

std::string only_digits(std::string_view text) {
  std::string digits;
  for (const char c : text) {
    if (is_digit(c)) digits += c;
  }
  return digits;
}

}  // namespace

CvEvidence::CvEvidence(std::string_view text)
    : text_(comparable(text)), unspaced_(without_spaces(text_)), digits_(only_digits(text_)) {}

bool CvEvidence::has(std::string_view words) const {
  const std::string wanted = comparable(words);
  return !wanted.empty() && text_.find(wanted) != std::string::npos;
}

bool CvEvidence::has_each_word(std::string_view words) const {
  const std::string wanted = comparable(words);
  for (std::size_t at = 0; at < wanted.size();) {
    const auto end = std::min(wanted.find(' ', at), wanted.size());
    if (text_.find(wanted.substr(at, end - at)) == std::string::npos) return false;
    at = end + 1;
  }
  return !wanted.empty();
}

bool CvEvidence::has_unspaced(std::string_view words) const {
  const std::string wanted = without_spaces(comparable(words));
  return !wanted.empty() && unspaced_.find(wanted) != std::string::npos;
}

bool CvEvidence::has_digits(std::string_view number) const {
  const std::string wanted = only_digits(number);
  return !wanted.empty() && digits_.find(wanted) != std::string::npos;
}

bool CvEvidence::has_year(std::string_view date) const {
  if (date.size() < 4) return false;
  return text_.find(date.substr(0, 4)) != std::string::npos ||
         text_.find(date.substr(2, 2)) != std::string::npos;
}

}  // namespace rwp::recruitment
