#include "ai_local/salary.hpp"
#include "ai_local/text.hpp"

#include <gtest/gtest.h>

#include <optional>
#include <ostream>
#include <string>

namespace rwp::ai_local {
namespace {

struct Case {
  std::string text{};
  std::optional<double> minimum{};
  std::optional<double> maximum{};
  std::string currency{};
  std::string period{};
};

std::ostream& operator<<(std::ostream& out, const Case& one) { return out << one.text; }

class SalaryTest : public ::testing::TestWithParam<Case> {};

TEST_P(SalaryTest, StatementOfPayIsRead) {
  const auto& expected = GetParam();

  const auto salary = find_salary(normalise(expected.text));

  ASSERT_TRUE(salary.has_value()) << expected.text;
  EXPECT_EQ(salary->minimum, expected.minimum) << expected.text;
  EXPECT_EQ(salary->maximum, expected.maximum) << expected.text;
  EXPECT_EQ(salary->currency, expected.currency) << expected.text;
  EXPECT_EQ(salary->period, expected.period) << expected.text;
}

INSTANTIATE_TEST_SUITE_P(
    Forms, SalaryTest,
    ::testing::Values(
        Case{"£32,000 - £38,500 per annum", 32'000, 38'500, "GBP", "year"},
        Case{"Pay: €55k–65k", 55'000, 65'000, "EUR", "year"},
        Case{"We pay $45/hour.", 45, 45, "USD", "hour"},
        Case{"AUD 120,000 + super", 120'000, 120'000, "AUD", "year"},
        Case{"$115,000 - $135,000 plus super", 115'000, 135'000, "AUD", "year"},
        Case{"CAD $155,000 - $180,000", 155'000, 180'000, "CAD", "year"},
        Case{"up to £50,000, dependent upon experience", std::nullopt, 50'000, "GBP", "year"},
        Case{"Salary from £27,785.70", 27'785.70, std::nullopt, "GBP", "year"},
        Case{"£24,907-£30,615pa", 24'907, 30'615, "GBP", "year"},
        Case{"£31,365 to £37,890 pa inc HCAS", 31'365, 37'890, "GBP", "year"},
        Case{"Band 7 - £38,890 - £44,503 per annum", 38'890, 44'503, "GBP", "year"},
        Case{"£15-16ph depending on experience", 15, 16, "GBP", "hour"},
        Case{"A$650 per day", 650, 650, "AUD", "day"},
        Case{"S$9,000 - S$12,000 per month", 9'000, 12'000, "SGD", "month"},
        Case{"€52.000–€60.000", 52'000, 60'000, "EUR", "year"},
        Case{"3.400 – 4.100 EUR brutto im Monat, monthly", 3'400, 4'100, "EUR", "month"},
        Case{"£40,000 plus £3,000 welcome bonus", 40'000, 40'000, "GBP", "year"},
        Case{"salary 45,753 - 51,668 pro rata", 45'753, 51'668, "", "year"},
        Case{"€560 a week", 560, 560, "EUR", "week"}));

class NoSalaryTest : public ::testing::TestWithParam<std::string> {};

TEST_P(NoSalaryTest, OtherNumbersAreNoPay) {
  EXPECT_FALSE(find_salary(normalise(GetParam())).has_value()) << GetParam();
}

INSTANTIATE_TEST_SUITE_P(Numbers, NoSalaryTest,
                         ::testing::Values("Founded in 1998, we grew until 2020 - 2024.",
                                           "Call 0161 496 0000 or +44 20 7946 0958.",
                                           "A pension of 14.3% and 25 - 30 days of leave.",
                                           "We raised $40 million last year.",
                                           "You will manage a budget of £250,000.",
                                           "disrupting the $40B pet logistics space",
                                           "37.5 hours per week, 120-bed hospital",
                                           "a £2,000 referral bonus", "Open 9:00 - 17:30.",
                                           "Salary: Band 5", "Competitive salary"));

TEST(SalaryTextTest, StatementOfPayAloneNeedsNoCurrency) {
  EXPECT_EQ(find_salary("45,753 - 51,668 pro rata", true)->maximum, 51'668);
  EXPECT_FALSE(find_salary("Band 5", true).has_value());
}

TEST(SalaryTextTest, PlaceTellsWhoseDollarsAreMeant) {
  EXPECT_EQ(find_salary("$90,000 per year", false, "Toronto, ON")->currency, "CAD");
  EXPECT_EQ(find_salary("$90,000 per year", false, "Phoenix, AZ")->currency, "USD");
}

}  // namespace
}  // namespace rwp::ai_local
