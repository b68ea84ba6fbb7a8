#include "ai_local/skills.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>
#include <vector>

namespace rwp::ai_local {
namespace {

using ::testing::Contains;
using ::testing::ElementsAre;
using ::testing::IsEmpty;
using ::testing::IsSupersetOf;
using ::testing::Not;

std::vector<std::string> names(const std::vector<FoundSkill>& skills) {
  std::vector<std::string> list;
  for (const auto& skill : skills) list.emplace_back(skill.name);
  return list;
}

/// The dictionary that is part of the library.
class SkillsTest : public ::testing::Test {
 protected:
  static std::vector<std::string> find(std::string_view text) {
    return names(dictionary().find(text));
  }
  static const SkillDictionary& dictionary() {
    static const SkillDictionary built{skills_data()};
    return built;
  }
};

TEST_F(SkillsTest, NamesAndTheirOtherFormsAreFound) {
  EXPECT_THAT(find("You know k8s, JS and Postgres; c++ and C# too."),
              IsSupersetOf({"Kubernetes", "JavaScript", "PostgreSQL", "C++", "C#"}));
  EXPECT_THAT(find("excellent problem-solving and communication skills, driving license"),
              IsSupersetOf({"Problem solving", "Communication", "Driving licence"}));
}

TEST_F(SkillsTest, OrdinaryWordsAreNoSkills) {
  EXPECT_THAT(
      find("Go to our page, go home, and excel in your word. Access is step-free; teams rest."),
      IsEmpty());
  EXPECT_THAT(find("The R&D plan C, vitamin C and a spark of express react."), IsEmpty());
  EXPECT_THAT(find("Excel in a swift career; Sage advice, Epic views."), IsEmpty());
}

TEST_F(SkillsTest, AmbiguousNamesCountNearOtherSkills) {
  EXPECT_THAT(find("Backend services in Go, Rust and Python."),
              IsSupersetOf({"Go", "Rust", "Python"}));
  EXPECT_THAT(find("We use R and SQL for statistics."), IsSupersetOf({"R", "SQL"}));
  EXPECT_THAT(find("Good knowledge of Word, Excel and Outlook."),
              IsSupersetOf({"Microsoft Word", "Microsoft Excel", "Microsoft Outlook"}));
  EXPECT_THAT(find("experience with C/C++"), Contains("C"));
}

TEST_F(SkillsTest, PartsOfWordsAreNoSkills) {
  EXPECT_THAT(find("javascripting gopher sqlite-like nursery"), Not(Contains("Nursing")));
  EXPECT_THAT(find("Javanese coffee"), IsEmpty());
}

TEST_F(SkillsTest, LongestNameCounts) {
  const auto found = find("Python and SQL Server Reporting; Google Cloud Platform; React Native");

  EXPECT_THAT(found, Contains("SQL Server"));
  EXPECT_THAT(found, Contains("React Native"));
  EXPECT_THAT(found, Not(Contains("React")));
}

TEST_F(SkillsTest, MentionsAreCountedAndOrderIsThatOfTheText) {
  const auto found = dictionary().find("Docker, then Python, then Docker and docker again.");

  EXPECT_THAT(names(found), ElementsAre("Docker", "Python"));
  EXPECT_EQ(found[0].mentions, 3U);
  EXPECT_EQ(found[0].category, "technical");
}

TEST_F(SkillsTest, NameWrappedAtALineEndIsFound) {
  EXPECT_THAT(find("You bring project\nmanagement and care."), Contains("Project management"));
  EXPECT_THAT(find("- Project\n- Management"), Not(Contains("Project management")));
}

TEST_F(SkillsTest, DictionaryIsLargeAndItsMemorySmall) {
  EXPECT_GT(dictionary().size(), 4'000U);
  EXPECT_LT(dictionary().memory_bytes(), std::size_t{20} << 20U);
}

TEST(SkillDictionaryTest, OwnLinesFollowTheRulesOfTheFormat) {
  const SkillDictionary dictionary("# comment\nWidgets\ttools\tgadget|=WDG|?Whirl\nbad line\n");

  EXPECT_EQ(dictionary.size(), 1U);
  EXPECT_THAT(names(dictionary.find("we use gadgets")), ElementsAre("Widgets"));
  EXPECT_THAT(names(dictionary.find("the WDG")), ElementsAre("Widgets"));
  EXPECT_THAT(dictionary.find("the wdg"), IsEmpty());
  EXPECT_THAT(dictionary.find("Whirl around"), IsEmpty());
  EXPECT_THAT(names(dictionary.find("experience with Whirl")), ElementsAre("Widgets"));
}

}  // namespace
}  // namespace rwp::ai_local
