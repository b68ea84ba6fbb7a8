#include "support/run.hpp"
#include <rwp/ai_local/local_model.hpp>
#include <rwp/core/runtime.hpp>
#include <rwp/recruitment/parse.hpp>

#include <gtest/gtest.h>

#include <chrono>
#include <cstddef>
#include <fstream>
#include <string>
#include <utility>

namespace rwp::tests {
namespace {

/// `piece` again and again, up to the most that is taken.
std::string filled_with(std::string text, const std::string& piece) {
  while (text.size() + piece.size() <= recruitment::CandidateText::kMaxBytes) text += piece;
  return text;
}

/// What takes quadratic time takes minutes; a guard around a call that never suspends is no help.
Result<recruitment::Candidate> read_in_time(std::string text) {
  Runtime runtime;
  ai_local::LocalModelOptions options;
  options.max_input_bytes = std::size_t{1} << 20U;
  recruitment::CandidateText source;
  source.id = "hostile";
  source.text = std::move(text);
  source.as_of = "2025-06-30";
  const auto begun = std::chrono::steady_clock::now();
  auto candidate = run(runtime, recruitment::parse_candidate(ai_local::make_local_model(options),
                                                             std::move(source)));
  EXPECT_LT(std::chrono::steady_clock::now() - begun, kGuard);
  return candidate;
}

class HostileCvTest : public ::testing::TestWithParam<const char*> {};

TEST_P(HostileCvTest, LongestTextIsReadWithinTheGuard) {
  for (const char* heading : {"\n", "\nExperience\n", "\nEducation\n", "\nSkills\n"}) {
    const auto candidate = read_in_time(
        filled_with(std::string("Jane Doe\njane@example.org\n") + heading, GetParam()));

    ASSERT_TRUE(candidate.has_value()) << candidate.error().message();
    EXPECT_EQ(candidate->emails.at(0), "jane@example.org");
    EXPECT_LE(candidate->experience.size(), 60U);
  }
}

INSTANTIATE_TEST_SUITE_P(Patterns, HostileCvTest,
                         ::testing::Values("2019 - 2020\n", "Nurse 2019 - now ", "| 2019 ", "((((",
                                           "a,", "german,", "x@y.example ", "0113 496 0000 ",
                                           "\xE2\x80\xA2 ", "Nurse at X Ltd, 2019 - 2020\n",
                                           "                                        a\n",
                                           "Skills: Python, Go\n", "- - - -", "\t", "\x01", "x ;",
                                           "Dr ", "\xEF\x82\xB7x"));

// Each skill's item was looked through for words of levels: one item, all skills.
TEST(HostileSkillsTest, ListWithoutAnEndIsReadWithinTheGuard) {
  std::ifstream names(std::string(RWP_EXAMPLES_DATA) + "/../../src/ai_local/data/skills.tsv");
  ASSERT_TRUE(names.is_open());
  std::string text = "Jane Doe\njane@example.org\n\nSkills\n(";
  for (std::string line; text.size() < 110'000 && std::getline(names, line);) {
    text.append(line.substr(0, line.find('\t'))).append(" + ");
  }

  const auto candidate = read_in_time(std::move(text));

  ASSERT_TRUE(candidate.has_value()) << candidate.error().message();
  EXPECT_FALSE(candidate->skills.empty());
}

// What is no text in any language must not trouble the reader either.
TEST(StrangeCvTest, BrokenStructureIsReadAllTheSame) {
  Runtime runtime;
  for (const char* text : {"x", "()", "2019", "'19", "- 2019", "01/", "Jan", "@", "+", "|", ":",
                           "Experience", "Experience\n-", "Name:", "Education\n(2019",
                           "Experience\n2019 - \n2019 -", "\xC3\x84", "\xF0\x9F\x98\x80\n2020"}) {
    const auto candidate = run(runtime, recruitment::parse_candidate(ai_local::make_local_model(),
                                                                     {.id = "x", .text = text}));
    EXPECT_TRUE(candidate.has_value()) << text << ": " << candidate.error().message();
  }
}

}  // namespace
}  // namespace rwp::tests
