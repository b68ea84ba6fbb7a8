#include "pods/ad_statistics.hpp"

#include <algorithm>
#include <cmath>
#include <cstdio>

namespace rwp::pods {
namespace {

// Bounds on what a hostile input can make this keep.
constexpr std::size_t kMostNames = 50'000;
constexpr std::size_t kMostExamples = 3;

template <std::size_t size, class Enum>
void count_optional(std::array<std::size_t, size>& counts, const std::optional<Enum>& value) {
  ++counts[value ? static_cast<std::size_t>(*value) : size - 1];
}

std::string lower(std::string_view text) {
  std::string folded(text);
  for (char& c : folded) c = c >= 'A' && c <= 'Z' ? static_cast<char>(c + 32) : c;
  return folded;
}

std::vector<Tally> most_frequent(std::vector<Tally> tallies, std::size_t most) {
  std::sort(tallies.begin(), tallies.end(), [](const Tally& a, const Tally& b) {
    return a.count != b.count ? a.count > b.count : a.name < b.name;
  });
  if (tallies.size() > most) tallies.resize(most);
  return tallies;
}

std::vector<Tally> tallies_of(const std::map<std::string, std::size_t>& counts, std::size_t most) {
  std::vector<Tally> tallies;
  for (const auto& [name, count] : counts) tallies.push_back({name, std::string(), count, 0});
  return most_frequent(std::move(tallies), most);
}

double middle(const recruitment::Salary& salary) {
  const double min = salary.min ? *salary.min : *salary.max;
  const double max = salary.max ? *salary.max : min;
  return (min + max) / 2;
}

/// "Short (48 words)" and "Short (52 words)" are one reason: a remark in brackets with figures
/// goes.
std::string without_figures(std::string_view text) {
  std::string general(text);
  auto open = general.find('(');
  while (open != std::string::npos) {
    const auto close = general.find(')', open);
    if (close == std::string::npos) break;
    const auto figure = general.find_first_of("0123456789", open);
    if (figure < close) {
      const std::size_t from = open > 0 && general[open - 1] == ' ' ? open - 1 : open;
      general.erase(from, close + 1 - from);
      open = general.find('(', from);
    } else {
      open = general.find('(', close);
    }
  }
  return general;
}

}  // namespace

std::string grouped(double number, int decimals) {
  std::array<char, 64> digits{};
  std::snprintf(digits.data(), digits.size(), "%.*f", decimals, number);
  std::string text = digits.data();
  auto point = text.find('.');
  if (point == std::string::npos) point = text.size();
  const std::size_t first = text.front() == '-' ? 1 : 0;
  for (std::size_t at = point; at > first + 3; at -= 3) text.insert(at - 3, ",");
  return text;
}

std::string money_text(double sum, const std::string& currency) {
  const int decimals = sum < 1'000 && std::abs(sum - std::round(sum)) > 0.001 ? 2 : 0;
  const std::string number = grouped(sum, decimals);
  if (currency == "GBP") return "£" + number;
  if (currency == "EUR") return "€" + number;
  if (currency == "USD") return "$" + number;
  return currency.empty() ? number : number + " " + currency;
}

std::string pay_text(const recruitment::EnrichedAd& ad) {
  if (!ad.salary || (!ad.salary->min && !ad.salary->max)) return {};
  const auto& salary = *ad.salary;
  std::string text;
  if (salary.min && salary.max && *salary.min < *salary.max) {
    text =
        money_text(*salary.min, salary.currency) + " – " + money_text(*salary.max, salary.currency);
  } else if (salary.min && !salary.max) {
    text = "from " + money_text(*salary.min, salary.currency);
  } else if (!salary.min) {
    text = "up to " + money_text(*salary.max, salary.currency);
  } else {
    text = money_text(*salary.min, salary.currency);
  }
  if (salary.period) {
    const auto period = enum_name(*salary.period);
    text += (period == "hour" ? " an " : " a ") + std::string(period);
  }
  return text;
}

std::optional<double> yearly_pay(const recruitment::EnrichedAd& ad) {
  if (!ad.salary || (!ad.salary->min && !ad.salary->max) || !ad.salary->period) {
    return std::nullopt;
  }
  switch (*ad.salary->period) {
    case recruitment::PayPeriod::hour:
      return middle(*ad.salary) * 1'950;
    case recruitment::PayPeriod::day:
      return middle(*ad.salary) * 230;
    case recruitment::PayPeriod::week:
      return middle(*ad.salary) * 52;
    case recruitment::PayPeriod::month:
      return middle(*ad.salary) * 12;
    case recruitment::PayPeriod::year:
      return middle(*ad.salary);
  }
  return std::nullopt;
}

void AdStatistics::add(const recruitment::AdRecord& record) {
  const auto& ad = record.enriched;
  ++count_;
  for (const auto& skill : ad.skills) {
    if (skills_.size() >= kMostNames && skills_.find(skill.name) == skills_.end()) continue;
    auto& entry = skills_[skill.name];
    if (entry.category.empty()) entry.category = skill.category;
    ++entry.count;
  }
  count_optional(seniority_, ad.seniority);
  count_optional(employment_, ad.employment_type);
  count_optional(work_place_, ad.remote);
  ++quality_[static_cast<std::size_t>(std::clamp(ad.quality_score / 10, 0, 9))];
  quality_sum_ += ad.quality_score;
  if (!ad.salary) ++without_pay_;
  if (const auto pay = yearly_pay(ad)) pays_[ad.salary->currency].push_back(*pay);
  if (!ad.off_putting_wording.empty()) ++with_wording_;
  for (const auto& wording : ad.off_putting_wording) {
    const std::string key = lower(wording.phrase);
    if (wordings_.size() >= kMostNames && wordings_.find(key) == wordings_.end()) continue;
    auto& entry = wordings_[key];
    if (entry.count++ == 0) {
      entry.phrase = wording.phrase;
      entry.reason = wording.reason;
    }
    if (entry.examples.size() < kMostExamples) entry.examples.push_back(record.ad.title);
  }
  for (const auto& reason : ad.quality_reasons) {
    const std::string general = without_figures(reason);
    if (reasons_.size() < kMostNames || reasons_.find(general) != reasons_.end()) {
      auto& entry = reasons_[general];
      ++entry.count;
      entry.score_sum += ad.quality_score;
    }
  }
  ++models_[ad.provenance.model];
}

std::vector<Tally> AdStatistics::top_skills(std::size_t most) const {
  std::vector<Tally> tallies;
  tallies.reserve(skills_.size());
  for (const auto& [name, entry] : skills_)
    tallies.push_back({name, entry.category, entry.count, 0});
  return most_frequent(std::move(tallies), most);
}

double AdStatistics::mean_quality() const {
  return count_ == 0 ? 0 : quality_sum_ / static_cast<double>(count_);
}

std::string AdStatistics::main_currency() const {
  std::string currency;
  std::size_t most = 0;
  for (const auto& [name, pays] : pays_) {
    if (pays.size() <= most) continue;
    most = pays.size();
    currency = name;
  }
  return currency;
}

std::vector<double> AdStatistics::yearly_pays() const {
  const auto found = pays_.find(main_currency());
  if (found == pays_.end()) return {};
  auto pays = found->second;
  std::sort(pays.begin(), pays.end());
  return pays;
}

std::optional<double> AdStatistics::median_pay() const {
  const auto pays = yearly_pays();
  if (pays.empty()) return std::nullopt;
  const std::size_t middle_at = pays.size() / 2;
  return pays.size() % 2 == 1 ? pays[middle_at] : (pays[middle_at - 1] + pays[middle_at]) / 2;
}

std::vector<WordingTally> AdStatistics::wordings(std::size_t most) const {
  std::vector<WordingTally> all;
  for (const auto& [key, entry] : wordings_) all.push_back(entry);
  std::sort(all.begin(), all.end(), [](const WordingTally& a, const WordingTally& b) {
    return a.count != b.count ? a.count > b.count : a.phrase < b.phrase;
  });
  if (all.size() > most) all.resize(most);
  return all;
}

std::vector<Tally> AdStatistics::quality_reasons(std::size_t most) const {
  std::vector<Tally> tallies;
  for (const auto& [name, entry] : reasons_) {
    const double mean = entry.score_sum / static_cast<double>(entry.count);
    tallies.push_back({name, std::string(), entry.count, mean});
  }
  return most_frequent(std::move(tallies), most);
}

std::vector<Tally> AdStatistics::models() const { return tallies_of(models_, models_.size()); }

}  // namespace rwp::pods
