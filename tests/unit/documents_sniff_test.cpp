#include "documents/sniff.hpp"
#include <rwp/documents/read_document.hpp>

#include <gtest/gtest.h>

#include <string_view>

namespace rwp::documents {
namespace {

using namespace std::string_view_literals;

TEST(SniffTest, BytesDecideWhateverTheNameSays) {
  EXPECT_EQ(sniff("%PDF-1.4\n"sv, true).kind, Kind::pdf);
  EXPECT_EQ(sniff("PK\x03\x04rest"sv, true).kind, Kind::zip);
  EXPECT_EQ(sniff("\xD0\xCF\x11\xE0\xA1\xB1\x1A\xE1"sv, true).kind, Kind::ole);
  EXPECT_EQ(sniff("MZ\x90\0"sv, true).kind, Kind::foreign);
  EXPECT_EQ(sniff(""sv, true).kind, Kind::empty);
}

TEST(SniffTest, TextMayBeginAsAProgramDoes) {
  EXPECT_EQ(sniff("MZIMKHULU DLAMINI\nWelder"sv, false).kind, Kind::text);
}

TEST(SniffTest, HtmlBeginsWithATagOfItsOwnBehindCommentsToo) {
  EXPECT_EQ(sniff("\xEF\xBB\xBF <!-- a CV --><!DOCTYPE html><p>x"sv, false).kind, Kind::html);
  EXPECT_EQ(sniff("<html lang=en>"sv, false).kind, Kind::html);
  EXPECT_EQ(sniff("<htmlish> is a word"sv, false).kind, Kind::text);
  EXPECT_EQ(sniff("\xFF\xFE<\0h\0t\0m\0l\0>\0"sv, false).kind, Kind::html);
}

TEST(SniffTest, DeclarationDecidesForMarkupThatBeginsWithText) {
  EXPECT_EQ(sniff("Jo <b>Doe</b>"sv, true).kind, Kind::html);
  EXPECT_EQ(sniff("Jo <b>Doe</b>"sv, false).kind, Kind::text);
  EXPECT_EQ(sniff("plain"sv, true).kind, Kind::text);
}

TEST(SniffTest, MediaTypeIsDeclaredByItsNameOrTheFiles) {
  EXPECT_EQ(declared_media_type("Text/HTML; charset=utf-8", "cv.pdf"), MediaType::html);
  EXPECT_EQ(declared_media_type("", "CV.PDF"), MediaType::pdf);
  EXPECT_EQ(declared_media_type("image/png", "cv"), MediaType::unknown);
}

}  // namespace
}  // namespace rwp::documents
