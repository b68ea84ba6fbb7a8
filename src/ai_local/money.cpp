#include "ai_local/money.hpp"

#include "ai_local/text.hpp"

#include <algorithm>
#include <array>
#include <cstdlib>
#include <string>

namespace rwp::ai_local {
namespace {

struct Currency {
  std::string_view sign;
  std::string_view code;
};

/// Longer signs first: "A$" before "$". Letters are compared in upper case with word limits.
constexpr auto kCurrencies = std::to_array<Currency>(
    {Currency{"AU$", "AUD"},          Currency{"A$", "AUD"},  Currency{"NZ$", "NZD"},
     Currency{"CA$", "CAD"},          Currency{"C$", "CAD"},  Currency{"US$", "USD"},
     Currency{"S$", "SGD"},           Currency{"HK$", "HKD"}, Currency{"\xC2\xA3", "GBP"},
     Currency{"\xE2\x82\xAC", "EUR"}, Currency{"$", "USD"},   Currency{"\xC2\xA5", "JPY"},
     Currency{"\xE2\x82\xB9", "INR"}, Currency{"GBP", "GBP"}, Currency{"EUR", "EUR"},
     Currency{"USD", "USD"},          Currency{"AUD", "AUD"}, Currency{"NZD", "NZD"},
     Currency{"CAD", "CAD"},          Currency{"CHF", "CHF"}, Currency{"SGD", "SGD"},
     Currency{"SEK", "SEK"},          Currency{"NOK", "NOK"}, Currency{"DKK", "DKK"},
     Currency{"PLN", "PLN"},          Currency{"INR", "INR"}});

/// What may be glued to a number that is money: "£30,615pa".
constexpr auto kGluedPeriods =
    std::to_array<std::string_view>({"pa", "p.a", "ph", "p/h", "pcm", "pd", "pw", "per"});

/// The currency that ends right before `at`, spaces aside.
std::string_view currency_before(std::string_view text, std::size_t at, std::size_t* begin) {
  while (at > 0 && text[at - 1] == ' ') --at;
  for (const auto& [sign, code] : kCurrencies) {
    if (at < sign.size() || text.substr(at - sign.size(), sign.size()) != sign) continue;
    const auto start = at - sign.size();
    if (is_upper(sign[0]) && start > 0 && is_word(text[start - 1])) continue;
    *begin = start;
    // "CAD $155,000": the code says which dollar.
    if (sign == "$") {
      std::size_t code_begin = start;
      const auto stated =
          start > 0 ? currency_before(text, start, &code_begin) : std::string_view();
      if (!stated.empty() && stated != code) {
        *begin = code_begin;
        return stated;
      }
    }
    return code;
  }
  return {};
}

std::string_view currency_after(std::string_view text, std::size_t at, std::size_t* end) {
  while (at < text.size() && text[at] == ' ') ++at;
  for (const auto& [sign, code] : kCurrencies) {
    // A sign before the next number belongs to that: "$40 $50".
    const auto stop = at + sign.size();
    if (text.substr(at, sign.size()) != sign || (stop < text.size() && is_word(text[stop])))
      continue;
    *end = stop;
    return code;
  }
  return {};
}

/// Reads "32,000", "32.000" (thousands), "12.50", "120 000", "45"; `end` is set behind it.
double read_number(std::string_view text, std::size_t at, std::size_t* end) {
  std::string digits;
  std::size_t i = at;
  while (i < text.size()) {
    const auto three_digits = [&](std::size_t from) {
      return from + 2 < text.size() && is_digit(text[from]) && is_digit(text[from + 1]) &&
             is_digit(text[from + 2]) && (from + 3 >= text.size() || !is_digit(text[from + 3]));
    };
    if (is_digit(text[i])) {
      digits += text[i++];
    } else if ((text[i] == ',' || text[i] == '.' || text[i] == ' ' || text[i] == '\'') &&
               digits.size() <= 6 && three_digits(i + 1) && digits.find('.') == std::string::npos &&
               (text[i] != ' ' || digits.size() <= 3)) {
      ++i;
    } else if ((text[i] == '.' || text[i] == ',') && i + 1 < text.size() && is_digit(text[i + 1]) &&
               digits.find('.') == std::string::npos) {
      digits += '.';
      ++i;
    } else {
      break;
    }
  }
  *end = i;
  return std::strtod(digits.c_str(), nullptr);
}

/// What makes a number no money whatever stands before it: %, more digits, a date, a telephone
/// number.
bool is_other_number(std::string_view text, const Amount& amount) {
  const char next = amount.end < text.size() ? text[amount.end] : ' ';
  const std::string glued = fold(text.substr(amount.end, 4));
  for (const auto period : kGluedPeriods) {
    if (!glued.starts_with(period)) continue;
    if (glued.size() == period.size() || !is_word(glued[period.size()])) return false;
  }
  if (next == '%' || next == ':' || (is_word(next) && static_cast<unsigned char>(next) < 0x80))
    return true;
  const char before = amount.begin > 0 ? text[amount.begin - 1] : ' ';
  if (amount.currency.empty() &&
      (is_word(before) || before == '+' || before == '/' || before == '.')) {
    return true;
  }
  const auto rest = text.substr(amount.end, 10);
  return rest.starts_with(" million") || rest.starts_with(" billion") ||
         rest.starts_with(" percent") || rest.starts_with(" per cent") || rest.starts_with("m ") ||
         rest.starts_with(" %");
}

}  // namespace

std::vector<Amount> find_amounts(std::string_view text) {
  std::vector<Amount> amounts;
  for (std::size_t at = 0; at < text.size();) {
    if (!is_digit(text[at])) {
      ++at;
      continue;
    }
    Amount amount;
    amount.begin = at;
    amount.value = read_number(text, at, &amount.end);
    amount.currency = currency_before(text, at, &amount.begin);
    if (amount.end < text.size() && (text[amount.end] == 'k' || text[amount.end] == 'K') &&
        (amount.end + 1 >= text.size() || !is_word(text[amount.end + 1]))) {
      amount.thousands = true;
      amount.value *= 1'000.0;
      ++amount.end;
    }
    if (amount.currency.empty()) amount.currency = currency_after(text, amount.end, &amount.end);
    amount.marked = !amount.currency.empty() || amount.thousands;
    at = std::max(amount.end, at + 1);
    if (!is_other_number(text, amount)) amounts.push_back(amount);
  }
  return amounts;
}

bool is_range(std::string_view text, const Amount& from, const Amount& to) {
  // "Band 7 - £38,890": the ends of a range are of one size.
  constexpr double kWidest = 12.0;
  const bool in_thousands = to.thousands && !from.thousands && from.value < 1'000.0;
  if (!in_thousands && from.value * kWidest < to.value) return false;
  auto gap = std::string(trim(text.substr(from.end, to.begin - from.end)));
  // "£45,000 per annum - £50,000" and "£31,365 pa to £37,890": the period may stand at each end.
  gap = fold(gap);
  for (const std::string_view period :
       {"per annum", "p.a.", "pa", "per hour", "an hour", "/hour"}) {
    if (gap.starts_with(period))
      gap = std::string(trim(std::string_view(gap).substr(period.size())));
  }
  return gap == "-" || gap == "to" || gap == "and" || gap == "--" || gap == "up to" ||
         gap == "rising to" || gap == "/" || gap == "- up to" || gap == "through" || gap == "until";
}

}  // namespace rwp::ai_local
