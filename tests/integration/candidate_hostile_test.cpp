#include "support/run.hpp"
#include <rwp/ai_local/local_model.hpp>
#include <rwp/core/runtime.hpp>
#include <rwp/recruitment/parse.hpp>

#include <gtest/gtest.h>

#include <string>

namespace rwp::tests {
namespace {

/// `piece` again and again, up to the most that is taken.
std::string filled_with(const std::string& piece) {
  std::string text = "Jane Doe\njane@example.org\n\nExperience\n";
  while (text.size() + piece.size() <= recruitment::CandidateText::kMaxBytes) text += piece;
  return text;
}

class HostileCvTest : public ::testing::TestWithParam<const char*> {};

// run() fails after a guard; what took quadratic time would take minutes.
TEST_P(HostileCvTest, LongestTextIsReadWithinTheGuard) {
  Runtime runtime;
  ai_local::LocalModelOptions options;
  options.max_input_bytes = std::size_t{1} << 20U;
  recruitment::CandidateText source;
  source.id = "hostile";
  source.text = filled_with(GetParam());
  source.as_of = "2025-06-30";

  const auto candidate = run(runtime, recruitment::parse_candidate(
                                          ai_local::make_local_model(options), std::move(source)));

  ASSERT_TRUE(candidate.has_value()) << candidate.error().message();
  EXPECT_EQ(candidate->emails.at(0), "jane@example.org");
  EXPECT_LE(candidate->experience.size(), 60U);
}

INSTANTIATE_TEST_SUITE_P(Patterns, HostileCvTest,
                         ::testing::Values("2019 - 2020\n", "Nurse 2019 - now ", "| 2019 ", "((((",
                                           "a,", "german,", "x@y.example ", "0113 496 0000 ",
                                           "\xE2\x80\xA2 ", "Nurse at X Ltd, 2019 - 2020\n",
                                           "                                        a\n",
                                           "Skills: Python, Go\n", "- - - -", "\t", "\x01"));

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
