#include <rwp/recruitment/enrich.hpp>

#include <gtest/gtest.h>

#include <optional>
#include <string>
#include <vector>

namespace rwp::recruitment {
namespace {

JobAd advert() {
  JobAd ad;
  ad.id = "ad-1";
  ad.title = "Night Nurse";
  ad.description = "We want a  Rockstar who won’t mind\nnights.";
  return ad;
}

Salary pay(std::optional<double> min, std::optional<double> max, std::string currency,
           std::optional<PayPeriod> period) {
  Salary salary;
  salary.min = min;
  salary.max = max;
  salary.currency = std::move(currency);
  salary.period = period;
  return salary;
}

EnrichedAd settle(const JobAd& ad, AdAnswer answer) {
  return settle_answer(ad, std::move(answer), Provenance());
}

TEST(SettleTest, PayStatedByTheAdStandsAboveTheModels) {
  JobAd ad = advert();
  ad.salary_min = 30'000;
  ad.salary_max = 35'000;
  ad.salary_currency = "gbp";
  ad.salary_unit = "YEAR";
  AdAnswer answer;
  answer.salary = pay(1, 2, "USD", PayPeriod::hour);

  const auto enriched = settle(ad, answer);

  EXPECT_EQ(enriched.salary, pay(30'000, 35'000, "GBP", PayPeriod::year));
}

TEST(SettleTest, PayOfTheModelIsPutInOrder) {
  AdAnswer answer;
  answer.salary = pay(20, 15, "eur", PayPeriod::hour);

  EXPECT_EQ(settle(advert(), answer).salary, pay(15, 20, "EUR", PayPeriod::hour));
}

TEST(SettleTest, PayThatCannotBeIsLeftOut) {
  AdAnswer negative;
  negative.salary = pay(-5, 0, "GBP", PayPeriod::hour);
  AdAnswer too_wide;
  too_wide.salary = pay(10, 40'000, "GBP", PayPeriod::year);
  AdAnswer foreign;
  foreign.salary = pay(10, 12, "QQQ", PayPeriod::hour);

  EXPECT_FALSE(settle(advert(), negative).salary.has_value());
  EXPECT_FALSE(settle(advert(), too_wide).salary.has_value());
  EXPECT_EQ(settle(advert(), foreign).salary, pay(10, 12, "", PayPeriod::hour));
}

TEST(SettleTest, UnitThatIsAFormsDefaultGivesWayToTheText) {
  JobAd ad = advert();
  ad.salary_min = 160;
  ad.salary_max = 160;
  ad.salary_currency = "GBP";
  ad.salary_unit = "YEAR";
  AdAnswer answer;
  answer.salary = pay(160, 160, "GBP", PayPeriod::week);

  EXPECT_EQ(settle(ad, answer).salary, pay(160, 160, "GBP", PayPeriod::week));
  EXPECT_EQ(settle(ad, AdAnswer()).salary, pay(160, 160, "GBP", std::nullopt));
}

TEST(SettleTest, OnlyWordingThatTheAdHasIsHeldAgainstIt) {
  AdAnswer answer;
  answer.off_putting_wording = {{"a rockstar", "boastful"},
                                {"A ROCKSTAR", "again"},
                                {"won't mind nights", "pressure"},
                                {"recent graduate", "age"}};

  const auto enriched = settle(advert(), answer);

  ASSERT_EQ(enriched.off_putting_wording.size(), 2U);
  EXPECT_EQ(enriched.off_putting_wording[0].phrase, "a rockstar");
  EXPECT_EQ(enriched.off_putting_wording[1].phrase, "won't mind nights");
}

TEST(SettleTest, EmploymentTypeOfTheAdIsReadInEitherVocabulary) {
  AdAnswer answer;
  answer.employment_type = EmploymentType::volunteer;
  JobAd contractor = advert();
  contractor.employment_type = "CONTRACTOR";
  JobAd part_time = advert();
  part_time.employment_type = "Part-time";
  JobAd other = advert();
  other.employment_type = "OTHER";

  EXPECT_EQ(settle(contractor, answer).employment_type, EmploymentType::contract);
  EXPECT_EQ(settle(part_time, answer).employment_type, EmploymentType::part_time);
  EXPECT_EQ(settle(other, answer).employment_type, EmploymentType::volunteer);
}

TEST(SettleTest, LocationOfTheAdStandsAndTheModelFillsAGap) {
  AdAnswer answer;
  answer.location = " Leeds\n";
  JobAd placed = advert();
  placed.location = "York";

  EXPECT_EQ(settle(placed, answer).location, "York");
  EXPECT_EQ(settle(advert(), answer).location, "Leeds");
}

TEST(SettleTest, SkillsAreNamedOnceAndInKnownCategories) {
  AdAnswer answer;
  answer.skills = {{"Python", "Technical"}, {"python", "tools"}, {" ", "soft"}, {"Tact", "vibes"}};

  const auto enriched = settle(advert(), answer);

  EXPECT_EQ(enriched.skills, (std::vector<Skill>{{"Python", "technical"}, {"Tact", "other"}}));
}

TEST(SettleTest, LongTextIsCutAtAWordAndNeverWithinACharacter) {
  AdAnswer answer;
  for (int i = 0; i < 1'000; ++i) answer.summary += "naïveté ";

  const auto summary = settle(advert(), answer).summary;

  EXPECT_LE(summary.size(), 1'203U);
  EXPECT_TRUE(summary.ends_with("naïveté…"));
}

TEST(SettleTest, YearsBeyondAWorkingLifeAreLeftOut) {
  AdAnswer absurd;
  absurd.years_experience = 400;
  AdAnswer fair;
  fair.years_experience = 2.5;

  EXPECT_FALSE(settle(advert(), absurd).years_experience.has_value());
  EXPECT_EQ(settle(advert(), fair).years_experience, 2.5);
}

TEST(EnrichedKeyTest, PlainIdsStayReadable) {
  EXPECT_EQ(enriched_key("nhs-916205216"), "enriched/nhs-916205216.json");
}

TEST(EnrichedKeyTest, HostileIdsStayInTheFolderAndApart) {
  for (const std::string id :
       {"../../etc/passwd", "a/b", "a\\b", "..", ".hidden", "", "ä", "a b"}) {
    const auto key = enriched_key(id);

    ASSERT_TRUE(key.starts_with("enriched/")) << key;
    const std::string name = key.substr(9);
    EXPECT_EQ(name.find_first_of("/\\ "), std::string::npos) << key;
    EXPECT_NE(name.front(), '.') << key;
  }
  EXPECT_NE(enriched_key("a/b"), enriched_key("a_b"));
  EXPECT_NE(enriched_key("a/b"), enriched_key("a\\b"));
  EXPECT_LT(enriched_key(std::string(5'000, 'x')).size(), 200U);
}

}  // namespace
}  // namespace rwp::recruitment
