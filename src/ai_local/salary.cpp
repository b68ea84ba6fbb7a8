#include "ai_local/salary.hpp"

#include "ai_local/text.hpp"

#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdlib>
#include <utility>
#include <vector>

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

struct PeriodWord {
  std::string_view word;
  std::string_view period;
};

constexpr auto kPeriods = std::to_array<PeriodWord>({PeriodWord{"per hour", "hour"},
                                                     PeriodWord{"an hour", "hour"},
                                                     PeriodWord{"/hour", "hour"},
                                                     PeriodWord{"/ hour", "hour"},
                                                     PeriodWord{"/hr", "hour"},
                                                     PeriodWord{"p/h", "hour"},
                                                     PeriodWord{"ph", "hour"},
                                                     PeriodWord{"hourly", "hour"},
                                                     PeriodWord{"/h", "hour"},
                                                     PeriodWord{"per hr", "hour"},
                                                     PeriodWord{"an hr", "hour"},
                                                     PeriodWord{"p.h", "hour"},
                                                     PeriodWord{"per day", "day"},
                                                     PeriodWord{"a day", "day"},
                                                     PeriodWord{"/day", "day"},
                                                     PeriodWord{"daily", "day"},
                                                     PeriodWord{"/d", "day"},
                                                     PeriodWord{"p/d", "day"},
                                                     PeriodWord{"pd", "day"},
                                                     PeriodWord{"per week", "week"},
                                                     PeriodWord{"a week", "week"},
                                                     PeriodWord{"/week", "week"},
                                                     PeriodWord{"weekly", "week"},
                                                     PeriodWord{"pw", "week"},
                                                     PeriodWord{"per month", "month"},
                                                     PeriodWord{"a month", "month"},
                                                     PeriodWord{"/month", "month"},
                                                     PeriodWord{"monthly", "month"},
                                                     PeriodWord{"pcm", "month"},
                                                     PeriodWord{"per annum", "year"},
                                                     PeriodWord{"per year", "year"},
                                                     PeriodWord{"a year", "year"},
                                                     PeriodWord{"/year", "year"},
                                                     PeriodWord{"/yr", "year"},
                                                     PeriodWord{"annually", "year"},
                                                     PeriodWord{"p.a", "year"},
                                                     PeriodWord{"pa", "year"},
                                                     PeriodWord{"yearly", "year"},
                                                     PeriodWord{"annual salary", "year"}});

/// Words that make the money beside them something else than pay.
constexpr auto kNotPay = std::to_array<std::string_view>(
    {"bonus",      "turnover",     "revenue",     "budget",     "million",    "billion",
     "funding",    "fund",         "voucher",     "discount",   "raised",     "referral",
     "investment", "worth",        "savings",     "allowance",  "relocation", "portfolio",
     "pension",    "contribution", "sponsorship", "supplement", "fee",        "grant"});

/// Words after which a number is a grade, not money.
constexpr auto kGrades = std::to_array<std::string_view>(
    {"band", "grade", "level", "point", "step", "scale", "spine", "tier", "class"});

/// What may be glued to a number that is money: "£30,615pa".
constexpr auto kGluedPeriods =
    std::to_array<std::string_view>({"pa", "p.a", "ph", "p/h", "pcm", "pd", "pw", "per"});

constexpr auto kPayWords =
    std::to_array<std::string_view>({"salary", "pay", "wage", "rate", "remuneration", "earn", "ote",
                                     "earning", "compensation", "paid"});

struct Amount {
  std::size_t begin = 0;
  std::size_t end = 0;
  double value = 0.0;
  std::string_view currency{};
  bool thousands = false;
  /// Written with a currency or a k.
  bool marked = false;
};

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

/// Whether two amounts are the ends of one range: "32,000 - 38,500", "32k to 38k", "between … and
/// …".
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

std::string_view find_period(std::string_view folded, std::size_t begin, std::size_t end) {
  constexpr std::size_t kReach = 36;
  const auto after = folded.substr(end, kReach);
  std::size_t best = std::string_view::npos;
  std::string_view period;
  for (const auto& [word, name] : kPeriods) {
    const auto at = find_word(after, word);
    if (at < best) {
      best = at;
      period = name;
    }
  }
  if (!period.empty()) return period;
  const auto start = begin > kReach ? begin - kReach : 0;
  const auto before = folded.substr(start, begin - start);
  for (const std::string_view word :
       {"hourly", "daily", "weekly", "monthly", "annual", "day rate"}) {
    if (!has_word(before, word)) continue;
    if (word == "annual") return "year";
    return word == "daily" || word == "day rate" ? "day"
           : word == "hourly"                    ? "hour"
           : word == "weekly"                    ? "week"
                                                 : "month";
  }
  return {};
}

/// `money`: surely money, and all there is.
std::string_view period_by_size(double value, bool money) {
  if (value >= (money ? 5'000.0 : 12'000.0)) return "year";
  if (value >= 5.0 && value < 120.0) return "hour";
  return {};
}

bool plausible(double value, std::string_view period) {
  if (period == "hour") return value >= 2.0 && value <= 2'000.0;
  if (period == "day") return value >= 20.0 && value <= 10'000.0;
  if (period == "week") return value >= 50.0 && value <= 50'000.0;
  if (period == "month") return value >= 200.0 && value <= 500'000.0;
  if (period == "year") return value >= 3'000.0 && value <= 20'000'000.0;
  return false;
}

bool has_any(std::string_view folded, const auto& words) {
  return std::any_of(words.begin(), words.end(), [&](auto word) { return has_word(folded, word); });
}

/// One statement of pay and how much speaks for it.
struct Candidate {
  Salary salary{};
  int score = 0;
};

struct DollarHint {
  std::string_view word;
  std::string_view code;
};

/// What tells whose dollars are meant where only "$" stands.
constexpr auto kDollarHints = std::to_array<DollarHint>(
    {{"plus super", "AUD"}, {"+ super", "AUD"},      {"superannuation", "AUD"},
     {"australia", "AUD"},  {"sydney", "AUD"},       {"melbourne", "AUD"},
     {"brisbane", "AUD"},   {"adelaide", "AUD"},     {"nsw", "AUD"},
     {"qld", "AUD"},        {"new zealand", "NZD"},  {"kiwisaver", "NZD"},
     {"auckland", "NZD"},   {"wellington", "NZD"},   {"canada", "CAD"},
     {"toronto", "CAD"},    {"vancouver", "CAD"},    {"rrsp", "CAD"},
     {"ontario", "CAD"},    {"singapore", "SGD"},    {"perth", "AUD"},
     {"hobart", "AUD"},     {"canberra", "AUD"},     {"darwin", "AUD"},
     {"pilbara", "AUD"},    {"queensland", "AUD"},   {"victoria", "AUD"},
     {"tasmania", "AUD"},   {"christchurch", "NZD"}, {"queenstown", "NZD"},
     {"waikato", "NZD"},    {"dunedin", "NZD"},      {"ottawa", "CAD"},
     {"montreal", "CAD"},   {"montréal", "CAD"},     {"québec", "CAD"},
     {"quebec", "CAD"},     {"calgary", "CAD"},      {"edmonton", "CAD"},
     {"winnipeg", "CAD"},   {"alberta", "CAD"},      {"british columbia", "CAD"},
     {"hong kong", "HKD"}});

/// The end of what speaks of this amount itself: "£40,000 plus a bonus" is no bonus.
std::size_t end_of_statement(std::string_view after) {
  auto end = after.size();
  for (const std::string_view divider : {"\n", "+", "plus", "incl", "inc ", "inc.", "and", ",", "(",
                                         ";", ". ", "with", "per annum", "pa "}) {
    end = std::min(end, after.find(divider));
  }
  return end;
}

class SalaryReader {
 public:
  SalaryReader(std::string_view text, bool is_pay, std::string_view context)
      : text_(text),
        folded_(fold(text)),
        context_(fold(context)),
        amounts_(find_amounts(text)),
        is_pay_(is_pay) {}

  std::optional<Salary> read() {
    std::optional<Candidate> best;
    for (std::size_t i = 0; i < amounts_.size(); ++i) {
      const bool range = i + 1 < amounts_.size() && is_range(text_, amounts_[i], amounts_[i + 1]);
      auto candidate = read_at(i, range);
      if (range) ++i;
      if (candidate && (!best || candidate->score > best->score)) best = std::move(candidate);
    }
    return best ? std::optional<Salary>(std::move(best->salary)) : std::nullopt;
  }

 private:
  std::optional<Candidate> read_at(std::size_t i, bool range) {
    Amount low = amounts_[i];
    Amount high = range ? amounts_[i + 1] : low;
    if (high.thousands && !low.thousands && low.value < 1'000.0) low.value *= 1'000.0;  // "55-65k"
    if (low.currency.empty()) low.currency = high.currency;
    const auto start = low.begin > 48 ? low.begin - 48 : 0;
    const auto line = std::string_view(folded_).substr(0, low.begin).rfind('\n');
    const auto from = line == std::string_view::npos ? start : std::max(start, line + 1);
    const auto before = std::string_view(folded_).substr(from, low.begin - from);
    const auto after = std::string_view(folded_).substr(high.end, 24);
    const bool about_pay = is_pay_ || has_any(before, kPayWords);
    if (!low.marked && !high.marked && !about_pay) return std::nullopt;
    if (high.value < low.value || has_any(after.substr(0, end_of_statement(after)), kNotPay)) {
      return std::nullopt;
    }
    if (!low.marked && follows_grade(before)) return std::nullopt;
    if (!about_pay && has_any(before, kNotPay)) return std::nullopt;
    // An addition to pay named before.
    if (i > 0 && (before.ends_with("+ ") || before.ends_with("plus "))) return std::nullopt;

    Candidate candidate;
    std::string_view period = find_period(folded_, low.begin, high.end);
    const bool stated = !period.empty();
    if (!stated) period = period_by_size(high.value, is_pay_ && low.marked);
    if (!plausible(low.value, period) || !plausible(high.value, period)) return std::nullopt;
    // A bare amount such as "£250" says nothing without a period or a word for pay.
    if (!stated && !about_pay && !range && high.value < 12'000.0) return std::nullopt;
    if (!low.marked && !high.marked && !stated && is_year(low) && is_year(high))
      return std::nullopt;
    candidate.score =
        (about_pay ? 2 : 0) + (stated ? 2 : 0) + (range ? 2 : 0) + (low.currency.empty() ? 0 : 1);
    fill(candidate.salary, low, high, range, before);
    candidate.salary.period = std::string(period);
    return candidate;
  }

  static bool follows_grade(std::string_view before) {
    const auto words = trim(before);
    return std::any_of(kGrades.begin(), kGrades.end(),
                       [&](std::string_view grade) { return words.ends_with(grade); });
  }

  /// The context may say whose dollars are meant.
  std::string currency_of(const Amount& amount) const {
    if (amount.currency != "USD" || text_[amount.begin] != '$') return std::string(amount.currency);
    for (const auto& [word, code] : kDollarHints) {
      if (has_word(context_, word) || has_word(folded_, word)) return std::string(code);
    }
    return "USD";
  }

  static bool is_year(const Amount& amount) {
    return amount.value >= 1'900 && amount.value <= 2'100;
  }

  void fill(Salary& salary, const Amount& low, const Amount& high, bool range,
            std::string_view before) const {
    salary.currency = currency_of(low);
    const auto words = trim(before);
    const auto ends_with = [&](std::string_view end) { return words.ends_with(end); };
    if (range) {
      salary.minimum = low.value;
      salary.maximum = high.value;
    } else if (ends_with("up to") || ends_with("maximum") || ends_with("max") ||
               ends_with("to earn up to")) {
      salary.maximum = high.value;
    } else if (ends_with("from") || ends_with("starting at") || ends_with("minimum") ||
               ends_with("min") || ends_with("at least") || ends_with("over") ||
               ends_with("starting from")) {
      salary.minimum = low.value;
    } else {
      salary.minimum = low.value;
      salary.maximum = low.value;
    }
  }

  const std::string_view text_;
  const std::string folded_;
  const std::string context_;
  const std::vector<Amount> amounts_;
  const bool is_pay_;
};

}  // namespace

std::optional<Salary> find_salary(std::string_view text, bool is_pay, std::string_view context) {
  return SalaryReader(text, is_pay, context).read();
}

}  // namespace rwp::ai_local
