#include <rwp/core/utf8.hpp>

#include <gtest/gtest.h>

#include <string>
#include <string_view>
#include <vector>

namespace rwp {
namespace {

struct Sequence {
  std::string_view bytes;
  std::size_t length;
};

TEST(Utf8Test, WellFormedSequencesHaveTheirLength) {
  // The first and the last code point of each length, and those beside the surrogates.
  const std::vector<Sequence> sequences = {{std::string_view("\0", 1), 1},
                                           {"\x7F", 1},
                                           {"\xC2\x80", 2},
                                           {"\xDF\xBF", 2},
                                           {"\xE0\xA0\x80", 3},
                                           {"\xED\x9F\xBF", 3},
                                           {"\xEE\x80\x80", 3},
                                           {"\xEF\xBF\xBF", 3},
                                           {"\xF0\x90\x80\x80", 4},
                                           {"\xF4\x8F\xBF\xBF", 4}};

  for (const auto& [bytes, length] : sequences) {
    EXPECT_EQ(utf8_sequence_length(bytes), length);
    EXPECT_EQ(utf8_sequence_length(std::string(bytes) + "z"), length);
    EXPECT_TRUE(is_valid_utf8(bytes));
  }
}

TEST(Utf8Test, IllFormedSequencesHaveNone) {
  const std::vector<std::string_view> bad = {"\x80",
                                             "\xBF",
                                             "\xC0\x80",
                                             "\xC1\xBF",
                                             "\xC2",
                                             "\xC2z",
                                             "\xE0\x9F\xBF",
                                             "\xE1\x80",
                                             "\xE1z\x80",
                                             "\xED\xA0\x80",
                                             "\xED\xBF\xBF",
                                             "\xF0\x8F\xBF\xBF",
                                             "\xF0\x90\x80",
                                             "\xF4\x90\x80\x80",
                                             "\xF5\x80\x80\x80",
                                             "\xFE",
                                             "\xFF"};

  for (const auto bytes : bad) {
    EXPECT_EQ(utf8_sequence_length(bytes), 0U);
    EXPECT_FALSE(is_valid_utf8(bytes));
    EXPECT_FALSE(is_valid_utf8("before " + std::string(bytes)));
  }
}

TEST(Utf8Test, NothingIsValidAndHasNoCodePoints) {
  EXPECT_EQ(utf8_sequence_length(""), 0U);
  EXPECT_TRUE(is_valid_utf8(""));
  EXPECT_EQ(count_code_points(""), 0U);
}

TEST(Utf8Test, CountsCodePointsAndNotBytes) {
  EXPECT_EQ(count_code_points("a\xC3\xA9\xE2\x82\xAC\xF0\x9F\x98\x80"), 4U);
}

}  // namespace
}  // namespace rwp
