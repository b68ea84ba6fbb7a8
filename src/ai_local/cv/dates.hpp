#pragma once

#include <cstddef>
#include <string>
#include <string_view>
#include <vector>

namespace rwp::ai_local {

/// A stretch of time that a line names; one date alone has no `end` and is no `range`.
struct DateRange {
  /// Where it stands in the line.
  std::size_t begin = 0;
  std::size_t end = 0;
  /// "YYYY-MM", or "YYYY" where no month is named.
  std::string start_date{};
  std::string end_date{};
  /// Up to today.
  bool current = false;
  bool range = false;
};

/// The dates of a folded line, in their order: "March 2019 - present", "04/2020 - 03/2021",
/// "2021/09 to date", "Jan. '19", "Summer 2016", "seit 05/2017", "07.09.2007 - 31.10.2010",
/// "de mayo de 2018 a diciembre de 2020"; months in English, German, French, Spanish, Dutch,
/// Italian and Portuguese. Years are 1940 to 2099.
std::vector<DateRange> find_dates(std::string_view folded);

}  // namespace rwp::ai_local
