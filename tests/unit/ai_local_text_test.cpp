#include "ai_local/job_facts.hpp"
#include "ai_local/key_phrases.hpp"
#include "ai_local/sentences.hpp"
#include "ai_local/source_text.hpp"
#include "ai_local/summary.hpp"
#include "ai_local/text.hpp"
#include "ai_local/wording.hpp"
#include "ai_local/words.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>
#include <vector>

namespace rwp::ai_local {
namespace {

using ::testing::Contains;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::Not;

std::vector<std::string> sentences(std::string_view text) {
  std::vector<std::string> list;
  for (const auto& sentence : split_sentences(text)) list.push_back(one_line(sentence.text));
  return list;
}

TEST(TextTest, MarkupAndTypographyBecomePlain) {
  EXPECT_EQ(normalise("<p>R&amp;D \xE2\x80\x93 it\xE2\x80\x99s</p><li>one</li>"),
            "\nR&D - it's\n\n- one ");
  EXPECT_EQ(normalise("a \xC2\xA0 b\r\nc < d"), "a b\nc < d");
}

TEST(TextTest, ShorteningNeverSplitsACharacter) {
  EXPECT_EQ(shorten("\xC3\xA9\xC3\xA9\xC3\xA9", 3), "\xC3\xA9");
  EXPECT_EQ(shorten("one two three", 9), "one two");
}

TEST(SentencesTest, AbbreviationsAndNumbersEndNoSentence) {
  EXPECT_THAT(sentences("Dr. Smith pays 3.5 days, e.g. Monday. Ask J. Doe. Fine!"),
              ElementsAre("Dr. Smith pays 3.5 days, e.g. Monday.", "Ask J. Doe.", "Fine!"));
}

TEST(SentencesTest, BulletsAndHeadingsStandAlone) {
  const auto found =
      split_sentences("What you do:\n- visit patients\n- write notes\n\nWe are kind.");

  ASSERT_EQ(found.size(), 4U);
  EXPECT_TRUE(found[0].heading);
  EXPECT_TRUE(found[1].bullet);
  EXPECT_EQ(found[1].text, "visit patients");
  EXPECT_TRUE(found[3].opens_paragraph);
}

TEST(SentencesTest, LinesWrappedByHandAreOneSentence) {
  EXPECT_THAT(sentences("We look for a nurse\nwho drives."),
              ElementsAre("We look for a nurse who drives."));
}

TEST(WordsTest, WordsKeepWhatBelongsToThem) {
  const std::string text =
      "R&D with C++, Node.js and multi-disciplinary \xC2\xA3"
      "50 don't";
  std::vector<std::string> words;
  const std::string folded = fold(text);
  for (const auto& word : split_words(text, folded)) words.emplace_back(word.text);

  EXPECT_THAT(words, ElementsAre("R&D", "with", "C++", "Node.js", "and", "multi-disciplinary", "50",
                                 "don't"));
}

TEST(SourceTextTest, LabelledLinesAreTakenApart) {
  std::vector<ai::Message> messages;
  messages.push_back({ai::Role::system, "Title: not this"});
  messages.push_back({ai::Role::user,
                      "Title: Nurse\nLocation: Leeds\nSalary: \xC2\xA3"
                      "30k\n\nYou will care."});

  const auto source = read_source(messages);

  EXPECT_EQ(source.title, "Nurse");
  EXPECT_EQ(source.location, "Leeds");
  EXPECT_EQ(source.salary,
            "\xC2\xA3"
            "30k");
  EXPECT_EQ(trim(source.body), "You will care.");
}

TEST(SourceTextTest, JsonObjectIsTakenApart) {
  std::vector<ai::Message> messages;
  messages.push_back(
      {ai::Role::user,
       R"({"id":"x-1","title":"Nurse","country":"AU","postcode":"TN1 2JN","description":"<p>You will care.</p>"})"});

  const auto source = read_source(messages);

  EXPECT_EQ(source.title, "Nurse");
  EXPECT_EQ(source.country, "AU");
  EXPECT_EQ(trim(source.body), "You will care.");
}

TEST(KeyPhrasesTest, SubjectsComeBeforeBoilerplateAndOnce) {
  const std::string text =
      "We need a wind turbine technician. You service wind turbines offshore. Rope access "
      "is part of wind turbine work. This is an exciting opportunity to join our team.";
  const std::string folded = fold(text);

  const auto phrases = find_key_phrases(read_words(text, folded), "wind turbine technician", 5);

  ASSERT_FALSE(phrases.empty());
  EXPECT_THAT(phrases[0], HasSubstr("wind turbine"));
  EXPECT_THAT(phrases, Contains("rope access"));
  EXPECT_THAT(phrases, Not(Contains(HasSubstr("opportunity"))));
}

TEST(SummaryTest, SentencesStandWordForWordWithoutHowToApply) {
  const std::string text =
      "For further information please contact [email] or [phone] before the closing date. "
      "You will visit people at home and plan their care with their families and doctors. "
      "The closing date may change and applicants will be told by email in that case. "
      "The community nursing team works from two health centres and plans care together.";
  const std::string folded = fold(text);

  const auto summary = summarise(read_words(text, folded), "community nurse");

  EXPECT_THAT(summary, HasSubstr("You will visit people at home and plan their care"));
  EXPECT_THAT(summary, Not(HasSubstr("[phone]")));
}

TEST(SummaryTest, EmptyTextHasNone) { EXPECT_EQ(summarise(read_words("", ""), ""), ""); }

TEST(JobFactsTest, SeniorityComesFromTheTitleFirst) {
  EXPECT_EQ(find_seniority("senior backend engineer", ""), "senior");
  EXPECT_EQ(find_seniority("head of nursing", "junior staff welcome"), "director");
  EXPECT_EQ(find_seniority("marketing executive", ""), "");
  EXPECT_EQ(find_seniority("recruitment consultant", ""), "");
  EXPECT_EQ(find_seniority("consultant psychiatrist", ""), "senior");
  EXPECT_EQ(find_seniority("engineer", "at least 8 years of experience in rail"), "senior");
  EXPECT_EQ(find_seniority("barista", "no experience necessary"), "junior");
}

TEST(JobFactsTest, EmploymentTypeIsReadFromTitleLabelAndText) {
  EXPECT_EQ(find_employment_type("nurse, part time", "", "full-time"), "part_time");
  EXPECT_EQ(find_employment_type("nurse", "full_time", ""), "full_time");
  EXPECT_EQ(find_employment_type("nurse", "", "this is a fixed-term post"), "temporary");
  EXPECT_EQ(find_employment_type("data science internship", "", ""), "internship");
  EXPECT_EQ(find_employment_type("contracts manager", "", "your contract of trust"), "");
}

TEST(JobFactsTest, YearsOfExperienceAreThoseOfTheCandidate) {
  EXPECT_EQ(find_years_of_experience("at least 3 years' experience in care"), 3);
  EXPECT_EQ(find_years_of_experience("three to five years of experience"), 3);
  EXPECT_EQ(find_years_of_experience("5+ years experience"), 5);
  EXPECT_EQ(find_years_of_experience("we have over 20 years of experience"), std::nullopt);
  EXPECT_EQ(find_years_of_experience("a two years contract"), std::nullopt);
}

TEST(JobFactsTest, PlaceOfWorkIsRead) {
  const std::string text = "The job is based in Newcastle upon Tyne, with parking.";
  EXPECT_EQ(find_location(text, fold(text)), "Newcastle upon Tyne");
  EXPECT_EQ(find_workplace("engineer (remote)", "", ""), "remote");
  EXPECT_EQ(find_workplace("engineer", "leeds", "two days in the office"), "hybrid");
  EXPECT_EQ(find_workplace("engineer", "leeds", ""), "");
}

TEST(JobFactsTest, HighestDegreeIsNamed) {
  EXPECT_EQ(find_education("a bachelor's degree or a master's"), "master");
  EXPECT_EQ(find_education("gcses in maths"), "secondary");
  EXPECT_EQ(find_education("kindness"), "");
}

std::vector<std::string> off_putting(const std::string& text) {
  std::vector<std::string> phrases;
  for (const auto& found : find_off_putting_wording(text, fold(text))) {
    EXPECT_FALSE(found.reason.empty());
    phrases.push_back(found.phrase);
  }
  return phrases;
}

TEST(WordingTest, OffPuttingWordsAreNamedAsTheyStand) {
  EXPECT_THAT(
      off_putting("Rockstar wanted for a young and dynamic team: he must be a digital native."),
      ElementsAre("Rockstar", "young and dynamic", "he must", "digital native"));
}

TEST(WordingTest, SameWordsOfPatientsAreHarmless) {
  EXPECT_THAT(off_putting("Patients may show aggressive behaviour. A girls' school."), IsEmpty());
}

TEST(WordingTest, ShoutingAndExcessiveDemandsAreNamed) {
  EXPECT_THAT(off_putting("Please note: PLEASE APPLY NOW BEFORE EVERYBODY ELSE, thank you."),
              Contains(HasSubstr("APPLY NOW")));
  EXPECT_THAT(off_putting("You bring 15 years of experience."), Contains("15 years of experience"));
  EXPECT_THAT(off_putting("The NHS and the NMC work with us."), IsEmpty());
}

}  // namespace
}  // namespace rwp::ai_local
