#include "support/ai_fixture.hpp"
#include <rwp/ai/redacted.hpp>
#include <rwp/testing/scripted_model.hpp>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <memory>
#include <string>
#include <vector>

namespace rwp::ai {
namespace {

using rwp::testing::ScriptedModel;
using ::testing::HasSubstr;
using ::testing::Not;
using tests::chat_request;
using tests::run;

std::string hidden(const std::string& text, std::vector<std::string> words = {}) {
  Redaction redaction(RedactOptions(), std::move(words), {text});
  std::string hiding = redaction.hide(text);
  EXPECT_EQ(redaction.restore(hiding, false), text);
  return hiding;
}

TEST(RedactionTest, EmailAddressesBecomePlaceholdersTheSameOnesAgain) {
  EXPECT_EQ(hidden("Write to anna.b+x@mail.example.co.uk, or a@b.de. anna.b+x@mail.example.co.uk!"),
            "Write to [EMAIL_1], or [EMAIL_2]. [EMAIL_1]!");
  EXPECT_EQ(hidden("price @ 5, user@host, @handle"), "price @ 5, user@host, @handle");
}

TEST(RedactionTest, EmailAddressIsHiddenWholeHoweverLongItIs) {
  std::string local = "x";
  for (int i = 0; i < 40; ++i) local += "é";
  EXPECT_EQ(hidden("to " + local + "a@example.org"), "to [EMAIL_1]");
  std::string domain = "x";
  for (int i = 0; i < 200; ++i) domain += "é";
  EXPECT_EQ(hidden("to a@" + domain + ".org now"), "to [EMAIL_1] now");
}

TEST(RedactionTest, PhoneNumbersAreFoundAndDatesAndMoneyLeftAlone) {
  for (const char* phone :
       {"+44 20 7946 0958", "020 7946 0958", "(020) 7946 0958", "0151/1234567", "+49-151-1234567",
        "(415) 555-2671", "415-555-2671", "1-415-555-2671", "0049 151 1234567"}) {
    EXPECT_EQ(hidden(std::string("call ") + phone + " now"), "call [PHONE_1] now") << phone;
  }
  EXPECT_EQ(hidden("Tel: 7946 0958"), "Tel: [PHONE_1]");
  for (const char* other :
       {"from 2019-03-01 to 2021-04-30", "01.02.2024 - 05.06.2025", "£25,000 to £30,000",
        "25 000 - 30 000 EUR", "version 1.2.3", "id nhs-916205216", "12/05/2020"}) {
    EXPECT_EQ(hidden(other), other);
  }
}

TEST(RedactionTest, AddressesAreFound) {
  EXPECT_EQ(hidden("I live at 221B Baker Street, London NW1 6XE."),
            "I live at [ADDRESS_1], London [ADDRESS_2].");
  EXPECT_EQ(hidden("Hauptstraße 12, 10115 Berlin"), "[ADDRESS_1]");
  EXPECT_EQ(hidden("San Francisco, CA 94105-1234"), "San Francisco, [ADDRESS_1]");
  EXPECT_EQ(hidden("5 years in the High Court, and 3 Senior Nurses on the way"),
            "5 years in the High Court, and 3 Senior Nurses on the way");
}

TEST(RedactionTest, GivenNamesAreWholeWordsAndTheirPartsAsWritten) {
  EXPECT_EQ(hidden("Maria Gonzalez, MARIA GONZALEZ; Maria; Gonzalez; Mariana; gonzalez",
                   {"Maria Gonzalez"}),
            "[NAME_1], [NAME_2]; [NAME_3]; [NAME_4]; Mariana; gonzalez");
}

TEST(RedactionTest, PlaceholdersThatStandInTheTextAreNotTakenForOurs) {
  const std::string text = "[EMAIL_1] is not a@b.com";
  Redaction redaction(RedactOptions(), {}, {text});
  const std::string hiding = redaction.hide(text);
  EXPECT_THAT(hiding, Not(HasSubstr("a@b.com")));
  EXPECT_TRUE(hiding.starts_with("[EMAIL_1] is not [EMAIL"));
  EXPECT_EQ(redaction.restore(hiding, false), text);
}

TEST(RedactionTest, StreamIsRestoredHoweverItIsCut) {
  const std::string text = "Mail a@b.com or [x] c@d.org [";
  for (std::size_t size = 1; size <= text.size(); ++size) {
    Redaction redaction(RedactOptions(), {}, {text});
    const std::string hiding = redaction.hide(text);
    std::string restored;
    for (std::size_t at = 0; at < hiding.size(); at += size) {
      restored += redaction.restore_piece(hiding.substr(at, size), false);
    }
    restored += redaction.restore_rest(false);
    EXPECT_EQ(restored, text) << size;
  }
}

class RedactedTest : public ::testing::Test {
 protected:
  std::shared_ptr<ScriptedModel> inner_ = std::make_shared<ScriptedModel>("m");
  std::shared_ptr<Model> model_ = make_redacted(inner_);
  Runtime runtime_;
};

TEST_F(RedactedTest, NothingPersonalReachesTheModelAndTheAnswerHasItAgain) {
  auto request = chat_request("I am Zoe Zubiri, zoe@example.org, +44 20 7946 0958");
  request.personal_words = {"Zoe Zubiri"};
  inner_->answer("Dear [NAME_1], we write to [EMAIL_1].");

  const auto reply = run(runtime_, model_->chat(request)).value();

  EXPECT_EQ(reply.content, "Dear Zoe Zubiri, we write to zoe@example.org.");
  const auto& sent = inner_->chat_requests()[0];
  EXPECT_EQ(sent.messages[0].content, "I am [NAME_1], [EMAIL_1], [PHONE_1]");
  EXPECT_TRUE(sent.personal_words.empty());
}

TEST_F(RedactedTest, WithinJsonItIsEscaped) {
  auto request = chat_request("Known as Anna \"Ace\" Lee");
  request.personal_words = {"Anna \"Ace\" Lee"};
  request.output_schema = OutputSchema{"a", JsonText::trusted(R"({"type":"object"})")};
  inner_->answer(R"({"name":"[NAME_1]"})");

  EXPECT_EQ(run(runtime_, model_->chat(request)).value().content, R"({"name":"Anna \"Ace\" Lee"})");
}

TEST_F(RedactedTest, ArgumentsOfToolCallsAreHiddenAndRestored) {
  auto script = std::make_shared<ScriptedModel>();
  ChatReply wanted;
  wanted.finish_reason = FinishReason::tool_calls;
  wanted.tool_calls.push_back({"c2", "mail", R"({"to":"[EMAIL_1]"})"});
  script->answer(wanted);
  auto request = chat_request("Write to a@example.org");
  request.messages.push_back(
      {.role = Role::assistant, .tool_calls = {{"c1", "mail", R"({"to":"b@example.org"})"}}});
  request.messages.push_back({.role = Role::tool, .content = "sent", .tool_call_id = "c1"});

  const auto reply = run(runtime_, make_redacted(script)->chat(request));

  ASSERT_TRUE(reply.has_value());
  EXPECT_EQ(script->chat_requests()[0].messages[1].tool_calls[0].arguments,
            R"({"to":"[EMAIL_2]"})");
  EXPECT_EQ(reply->tool_calls[0].arguments, R"({"to":"a@example.org"})");
}

TEST_F(RedactedTest, StreamsPiecesAreTheRepliesContent) {
  inner_->piece_bytes(3).answer("to [EMAIL_1] and [EMAIL_1]");
  std::string seen;
  OnDelta keep = [&seen](std::string_view piece) {
    seen += piece;
    return true;
  };
  const auto reply =
      run(runtime_, model_->stream(chat_request("it is a@b.com"), std::move(keep))).value();
  EXPECT_EQ(seen, "to a@b.com and a@b.com");
  EXPECT_EQ(reply.content, seen);
}

TEST_F(RedactedTest, TextsToEmbedAreHiddenToo) {
  inner_->embed_with([](const EmbedRequest&) {
    EmbedReply reply;
    reply.vectors = {{1.0F}};
    return reply;
  });
  EmbedRequest request;
  request.inputs = {"mail a@b.com"};
  ASSERT_TRUE(run(runtime_, model_->embed(request)).has_value());
  EXPECT_EQ(inner_->embed_requests()[0].inputs[0], "mail [EMAIL_1]");
}

}  // namespace
}  // namespace rwp::ai
