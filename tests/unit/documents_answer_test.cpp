#include "documents/answer.hpp"
#include <rwp/documents/trouble.hpp>

#include <gtest/gtest.h>

#include <string>
#include <vector>

namespace rwp::documents {
namespace {

constexpr std::size_t kLimit = 1'000;

DocumentText sample() {
  DocumentText text;
  text.text = "Mira\nQuillfeather";
  text.media_type = MediaType::pdf;
  text.pages = 3;
  text.warnings = {"some pages cannot be read"};
  return text;
}

TEST(AnswerTest, AnswerIsReadAsItWasWritten) {
  const auto read = parse_answer(write_answer(sample()), kLimit);

  ASSERT_TRUE(read.has_value());
  EXPECT_EQ(read->text, sample().text);
  EXPECT_EQ(read->media_type, MediaType::pdf);
  EXPECT_EQ(read->pages, 3U);
  EXPECT_EQ(read->warnings, sample().warnings);
}

TEST(AnswerTest, TroubleIsReadAsItsError) {
  const Error error = trouble_error(Trouble::encrypted, "it has\na password");

  const auto read = parse_answer(write_answer(error), kLimit);

  EXPECT_EQ(read.error().code(), Errc::unsupported);
  EXPECT_EQ(read.error().message(), "document_encrypted: it has a password");
}

TEST(AnswerTest, AnswerThatIsNotWholeOrNoneIsRefused) {
  const std::string whole = write_answer(sample());
  const std::vector<std::string> answers{
      "",
      "no line",
      "not json\n",
      "[]\n",
      R"({"media_type":"image/png","pages":1,"text_bytes":0})"
      "\n",
      R"({"trouble":"document_on_fire","message":"x"})"
      "\n",
      R"({"media_type":"text/plain","pages":18446744073709551615,"text_bytes":0})"
      "\n",
      R"({"media_type":"text/plain","pages":1})"
      "\n",
      whole.substr(0, whole.size() - 1),
      whole + "x",
      std::string(kMaxAnswerHead, ' ') + whole,
  };

  for (const std::string& answer : answers) {
    EXPECT_EQ(parse_answer(answer, kLimit).error().code(), Errc::corrupt) << answer;
  }
  EXPECT_EQ(parse_answer(whole, 5).error().code(), Errc::corrupt);
}

TEST(AnswerTest, TextThatIsNotUtf8IsRefused) {
  DocumentText text = sample();
  text.text = "\xFF";

  EXPECT_EQ(parse_answer(write_answer(text), kLimit).error().code(), Errc::corrupt);
}

}  // namespace
}  // namespace rwp::documents
