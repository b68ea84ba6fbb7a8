#include "documents/text_encoding.hpp"
#include <rwp/documents/trouble.hpp>

#include <gtest/gtest.h>

#include <random>
#include <string>
#include <string_view>

namespace rwp::documents {
namespace {

using namespace std::string_view_literals;

std::string read(std::string_view bytes) { return to_utf8(bytes, detect_encoding(bytes)); }

TEST(TextEncodingTest, Utf8IsTakenAsItIsWithoutItsMark) {
  EXPECT_EQ(read("\xEF\xBB\xBFZo\xC3\xAB"sv), "Zo\xC3\xAB");
}

TEST(TextEncodingTest, Utf16IsReadInBothOrdersWithSurrogatePairs) {
  EXPECT_EQ(read("\xFF\xFE\x3D\xD8\x00\xDE\x41\x00"sv), "\xF0\x9F\x98\x80\x41");
  EXPECT_EQ(read("\xFE\xFF\xD8\x3D\xDE\x00\x00\x41"sv), "\xF0\x9F\x98\x80\x41");
}

TEST(TextEncodingTest, LoneSurrogateBecomesReplacement) {
  EXPECT_EQ(read("\xFF\xFE\x3D\xD8\x41\x00"sv), "\xEF\xBF\xBD\x41");
}

TEST(TextEncodingTest, WesternTextIsReadAsWindows1252) {
  EXPECT_EQ(read("Caf\xE9 \x96 5 \x80, plain words around it"sv),
            "Caf\xC3\xA9 \xE2\x80\x93 5 \xE2\x82\xAC, plain words around it");
}

TEST(TextEncodingTest, OneBadByteDoesNotTurnUtf8IntoWesternText) {
  const auto bytes = "\xC3\xA9\xC3\xA9\xC3\xA9\xC3\xA9\xC3\xA9 \xFF and more"sv;

  EXPECT_EQ(detect_encoding(bytes), Encoding::utf8_damaged);
  EXPECT_EQ(read(bytes), "\xC3\xA9\xC3\xA9\xC3\xA9\xC3\xA9\xC3\xA9 \xEF\xBF\xBD and more");
}

TEST(TextEncodingTest, CyrillicInOneByteIsRefusedAndNotMisread) {
  EXPECT_EQ(detect_encoding("\xCF\xF0\xE8\xE2\xE5\xF2, \xEC\xE8\xF0"sv), Encoding::none);
}

TEST(TextEncodingTest, NoiseIsNoText) {
  std::mt19937 random(7);  // NOLINT(cert-msc51-cpp): the same noise in each run
  std::string noise;
  for (int i = 0; i < 4'096; ++i) noise.push_back(static_cast<char>(1 + random() % 255));

  EXPECT_EQ(detect_encoding(noise), Encoding::none);
  EXPECT_EQ(detect_encoding("text with a \0 in it"sv), Encoding::none);
}

TEST(TidyTextTest, LinesEndInLineFeedsAndEmptyLinesDoNotPileUp) {
  EXPECT_EQ(tidy_text("\r\n\n a \r\nb\t\rc\n\n \n\n\nd\n\n"), " a\nb\nc\n\nd");
}

TEST(TidyTextTest, ControlCharactersGoAndFormFeedEndsAParagraph) {
  EXPECT_EQ(tidy_text("a\x01\x7F\x62\tc\fd\xC2\x80\xC2\x85\x65"), "ab\tc\n\nd\ne");
}

TEST(TroubleTest, TroubleIsFoundInAnErrorAndInWhatAJobKeepsOfIt) {
  const Error error = trouble_error(Trouble::encrypted, "it has a password");

  EXPECT_EQ(error.code(), Errc::unsupported);
  EXPECT_FALSE(error.retryable());
  EXPECT_EQ(trouble_of(error.with_context("cv")), Trouble::encrypted);
  EXPECT_EQ(trouble_of(error.to_string()), Trouble::encrypted);
  EXPECT_EQ(trouble_of("some document_encrypted: words"sv), std::nullopt);
}

}  // namespace
}  // namespace rwp::documents
