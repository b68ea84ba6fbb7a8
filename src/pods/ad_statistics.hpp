#pragma once

#include <rwp/recruitment/enriched_ad.hpp>

#include <array>
#include <cstddef>
#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace rwp::pods {

/// A name and how often it came up.
struct Tally {
  std::string name{};
  std::string category{};
  std::size_t count = 0;
  /// Mean quality score of the adverts it came up in; 0 where that makes no sense.
  double mean_score = 0;
};

/// Off-putting wording over all adverts.
struct WordingTally {
  std::string phrase{};
  std::string reason{};
  std::size_t count = 0;
  /// Titles of some adverts that have it.
  std::vector<std::string> examples{};
};

/// Pay as a year's full-time pay, so that posts can be compared: an hour counts 1,950 times, a day
/// 230, a week 52, a month 12. None: without pay or period.
std::optional<double> yearly_pay(const recruitment::EnrichedAd& ad);

/// "£31,400 – £37,900 a year"; empty without pay.
std::string pay_text(const recruitment::EnrichedAd& ad);
/// "£31,400" or "31,400 SEK".
std::string money_text(double sum, const std::string& currency);
/// "31,400".
std::string grouped(double number, int decimals = 0);

/// What many adverts say together; takes them one by one.
class AdStatistics {
 public:
  void add(const recruitment::AdRecord& record);

  std::size_t count() const noexcept { return count_; }
  std::vector<Tally> top_skills(std::size_t most) const;
  std::size_t distinct_skills() const noexcept { return skills_.size(); }
  /// By enum value; the last is "not stated".
  const std::array<std::size_t, 10>& seniority() const noexcept { return seniority_; }
  const std::array<std::size_t, 8>& employment() const noexcept { return employment_; }
  const std::array<std::size_t, 4>& work_place() const noexcept { return work_place_; }
  /// Counts of scores 0–9, 10–19, … 90–100.
  const std::array<std::size_t, 10>& quality() const noexcept { return quality_; }
  double mean_quality() const;

  /// The currency that most adverts pay in; empty without pay.
  std::string main_currency() const;
  /// Sorted yearly pay in the main currency.
  std::vector<double> yearly_pays() const;
  std::optional<double> median_pay() const;
  std::size_t without_pay() const noexcept { return without_pay_; }

  std::vector<WordingTally> wordings(std::size_t most) const;
  std::size_t with_wording() const noexcept { return with_wording_; }
  std::vector<Tally> quality_reasons(std::size_t most) const;
  std::vector<Tally> models() const;

 private:
  struct SkillCount {
    std::string category{};
    std::size_t count = 0;
  };
  std::size_t count_ = 0;
  std::map<std::string, SkillCount> skills_;
  std::array<std::size_t, 10> seniority_{};
  std::array<std::size_t, 8> employment_{};
  std::array<std::size_t, 4> work_place_{};
  std::array<std::size_t, 10> quality_{};
  double quality_sum_ = 0;
  std::map<std::string, std::vector<double>> pays_;
  std::size_t without_pay_ = 0;
  std::map<std::string, WordingTally> wordings_;
  std::size_t with_wording_ = 0;
  struct ReasonCount {
    std::size_t count = 0;
    double score_sum = 0;
  };
  std::map<std::string, ReasonCount> reasons_;
  std::map<std::string, std::size_t> models_;
};

}  // namespace rwp::pods
