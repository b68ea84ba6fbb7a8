#pragma once

#include <optional>
#include <string>
#include <string_view>

namespace rwp::ai_local {

/// Pay as a text states it.
struct Salary {
  /// Either may be missing: "up to £50,000" has no minimum.
  std::optional<double> minimum{};
  std::optional<double> maximum{};
  /// ISO 4217; empty: not stated.
  std::string currency{};
  /// hour, day, week, month, year; empty: neither stated nor clear from the size.
  std::string period{};
};

/// The pay that a normalised text states first and best; none when it states none. Numbers count
/// only with a currency, a k or a word for pay beside them, so that years, telephone numbers and
/// percentages are never taken for money.
/// `is_pay`: the whole text is a statement of pay ("45,753 - 51,668 pro rata").
/// `context`: other text, such as the place, that may tell whose dollars a "$" means.
std::optional<Salary> find_salary(std::string_view text, bool is_pay = false,
                                  std::string_view context = std::string_view());

}  // namespace rwp::ai_local
