#pragma once

#include <rwp/recruitment/candidate.hpp>

#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace rwp::recruitment {

/// "2019-03", "2019" and "2019-03-31" as the first two forms; empty for anything else, and for
/// years that no living person worked in.
std::string settle_month(std::string_view text);

/// Months from January of year 0 to the month of a day "YYYY-MM-DD"; none: it is no day.
std::optional<int> month_of_day(std::string_view day);

struct WorkTime {
  /// None: no post has a start.
  std::optional<double> years{};
  std::vector<Gap> gaps{};
};

/// How long somebody has worked. Months are whole and inclusive ("2020-01" to "2020-01" is one); a
/// year without a month counts as its middle, so that "2015" to "2018" is three years; what lies
/// behind `today` is not counted, and months of several posts once. Gaps are of three months and
/// more, between posts.
WorkTime work_time(const std::vector<Position>& positions, int today);

}  // namespace rwp::recruitment
