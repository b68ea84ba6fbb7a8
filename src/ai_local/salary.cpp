#include "ai_local/salary.hpp"

#include "ai_local/money.hpp"
#include "ai_local/text.hpp"

#include <algorithm>
#include <array>
#include <cstddef>
#include <utility>
#include <vector>

namespace rwp::ai_local {
namespace {

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

constexpr auto kPayWords =
    std::to_array<std::string_view>({"salary", "pay", "wage", "rate", "remuneration", "earn", "ote",
                                     "earning", "compensation", "paid"});

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
