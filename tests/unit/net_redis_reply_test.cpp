#include "net/redis/command.hpp"
#include "net/redis/key.hpp"
#include "net/redis/reply.hpp"
#include "net/redis/reply_reader.hpp"
#include "net/redis/script.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>
#include <vector>

namespace rwp::net_redis {
namespace {

using ::testing::HasSubstr;
using ::testing::Not;
using Kind = Reply::Kind;
using namespace std::string_literals;

/// The answers in `bytes`, fed in pieces; ends at the first that is refused.
std::vector<Result<Reply>> read_all(std::string_view bytes, std::size_t piece,
                                    ReplyBounds bounds = ReplyBounds()) {
  ReplyReader reader(bounds);
  std::vector<Result<Reply>> replies;
  for (std::size_t at = 0; at < bytes.size(); at += piece) {
    reader.feed(bytes.substr(at, piece));
    while (true) {
      auto reply = reader.next();
      if (!reply) {
        replies.emplace_back(reply.error());
        return replies;
      }
      if (!*reply) break;
      replies.emplace_back(std::move(**reply));
    }
  }
  return replies;
}

TEST(RedisReplyReaderTest, EachKindOfAnswerIsReadHoweverItIsCut) {
  const std::string bytes =
      "+OK\r\n:-42\r\n$-1\r\n$5\r\na\r\nbc\r\n$0\r\n\r\n*-1\r\n*0\r\n"
      "*3\r\n:1\r\n*2\r\n$1\r\nx\r\n$-1\r\n+y\r\n-ERR no\r\n";
  for (const std::size_t piece : {std::size_t{1}, std::size_t{3}, bytes.size()}) {
    const auto replies = read_all(bytes, piece);

    ASSERT_EQ(replies.size(), 9U);
    EXPECT_EQ(replies[0]->kind, Kind::status);
    EXPECT_EQ(replies[0]->text, "OK");
    EXPECT_EQ(replies[1]->integer, -42);
    EXPECT_TRUE(replies[2]->is_nil());
    EXPECT_EQ(replies[3]->text, "a\r\nbc");
    EXPECT_EQ(replies[4]->kind, Kind::text);
    EXPECT_TRUE(replies[5]->is_nil());
    EXPECT_TRUE(replies[6]->is_array());
    const Reply& nested = *replies[7];
    ASSERT_EQ(nested.items.size(), 3U);
    EXPECT_EQ(nested.items[0].integer, 1);
    EXPECT_EQ(nested.items[1].items[0].text, "x");
    EXPECT_TRUE(nested.items[1].items[1].is_nil());
    EXPECT_EQ(nested.items[2].text, "y");
    EXPECT_TRUE(replies[8]->is_error());
  }
}

TEST(RedisReplyReaderTest, ManyItemsStandInTheirPlaces) {
  std::string bytes = "*1000\r\n";
  for (int i = 0; i < 1000; ++i) bytes += "*2\r\n:" + std::to_string(i) + "\r\n$1\r\nx\r\n";

  const auto replies = read_all(bytes, 100);

  ASSERT_EQ(replies.size(), 1U);
  for (int i = 0; i < 1000; ++i) {
    EXPECT_EQ(replies[0]->items[static_cast<std::size_t>(i)].items[0].integer, i);
  }
}

TEST(RedisReplyReaderTest, WhatIsNoRespIsRefused) {
  for (const std::string bytes : {"HTTP/1.1 400 Bad Request\r\n\r\n", "?\r\n", "*x\r\n:1\r\n"}) {
    const auto replies = read_all(bytes, 1);
    ASSERT_FALSE(replies.empty()) << bytes;
    EXPECT_EQ(replies.back().error().code(), Errc::corrupt) << bytes;
  }
}

TEST(RedisReplyReaderTest, AHostileServerIsRefusedBeforeItHasFilledTheMemory) {
  const ReplyBounds bounds{.max_text_bytes = 1000, .max_reply_bytes = 2000, .max_items = 10};
  std::string deep;
  for (int i = 0; i < 40; ++i) deep += "*1\r\n";
  std::string many = "*9\r\n*9\r\n";
  for (int i = 0; i < 9; ++i) many += ":1\r\n";
  std::string large = "*3\r\n";
  for (int i = 0; i < 3; ++i) large += "$900\r\n" + std::string(900, 'x') + "\r\n";
  const std::string endless(100'000, 'x');
  for (const std::string& bytes :
       {std::string("$1001\r\n"), std::string("$99999999999\r\n"), std::string("*11\r\n"),
        std::string("*2147483647\r\n"), std::string("*99999999999\r\n"), deep, many, large,
        "+" + endless, ":" + endless, "$" + std::string(64, '1'), "*" + std::string(64, '1')}) {
    const auto replies = read_all(bytes, 512, bounds);
    ASSERT_FALSE(replies.empty()) << bytes.substr(0, 20);
    EXPECT_EQ(replies.back().error().code(), Errc::corrupt) << bytes.substr(0, 20);
  }
}

TEST(RedisReplyReaderTest, BoundsHoldForOneAnswerAndNotForAll) {
  const ReplyBounds bounds{.max_text_bytes = 10, .max_reply_bytes = 10, .max_items = 2};
  std::string bytes;
  for (int i = 0; i < 50; ++i) bytes += "*1\r\n$8\r\n12345678\r\n";

  EXPECT_EQ(read_all(bytes, 7, bounds).size(), 50U);
  EXPECT_TRUE(read_all(bytes, 7, bounds).back().has_value());
}

Reply error_reply(std::string text) {
  Reply reply;
  reply.kind = Kind::error;
  reply.text = std::move(text);
  return reply;
}

TEST(RedisReplyTest, ErrorAnswersHaveTheirTypes) {
  struct Case {
    const char* text;
    AnswerError error;
    Errc code;
    bool retryable;
  };
  for (const Case& each : {
           Case{"LOADING Redis is loading the dataset in memory", AnswerError::loading,
                Errc::unavailable, true},
           Case{"READONLY You can't write against a read only replica.", AnswerError::read_only,
                Errc::unavailable, true},
           Case{"MOVED 3999 127.0.0.1:6381", AnswerError::moved, Errc::unsupported, false},
           Case{"NOAUTH Authentication required.", AnswerError::no_auth, Errc::unauthenticated,
                false},
           Case{"NOPERM this user has no permissions", AnswerError::no_permission,
                Errc::permission_denied, false},
           Case{"OOM command not allowed when used memory > 'maxmemory'.",
                AnswerError::out_of_memory, Errc::unavailable, true},
           Case{"NOSCRIPT No matching script.", AnswerError::no_script, Errc::not_found, false},
           Case{"ERR something", AnswerError::other, Errc::internal, false},
       }) {
    const Reply reply = error_reply(each.text);
    EXPECT_EQ(answer_error(reply), each.error) << each.text;
    EXPECT_EQ(to_error(reply, "GET").code(), each.code) << each.text;
    EXPECT_EQ(to_error(reply, "GET").retryable(), each.retryable) << each.text;
  }
  EXPECT_EQ(answer_error(Reply()), AnswerError::none);
}

TEST(RedisReplyTest, AnErrorDoesNotRepeatTheArguments) {
  const Error error = to_error(
      error_reply("ERR unknown command 'SETT', with args beginning with: 'key' 'jane doe' "),
      "SETT");

  EXPECT_EQ(error.code(), Errc::unsupported);
  EXPECT_THAT(error.message(), Not(HasSubstr("jane")));
  EXPECT_THAT(to_error(error_reply("ERR a\x01\xff b"), "X").message(), HasSubstr("a?? b"));
}

TEST(RedisCommandTest, ArgumentsAreBytes) {
  std::string bytes;
  command("SET", "k\0\r\n"s, std::string(), -7).encode_to(bytes);

  EXPECT_EQ(bytes, "*4\r\n$3\r\nSET\r\n$4\r\nk\0\r\n\r\n$0\r\n\r\n$2\r\n-7\r\n"s);
  EXPECT_EQ(command("GET", "x").name(), "GET");
}

TEST(RedisKeyTest, KeysOfOneTagShareASlot) {
  const auto key = tagged_key("rwp", "queue-1", "ready").value();

  EXPECT_EQ(key, "rwp:{queue-1}:ready");
  EXPECT_EQ(key_slot(key), key_slot(tagged_key("rwp", "queue-1", "leases").value()));
  EXPECT_EQ(key_slot(key), key_slot("queue-1"));
  EXPECT_NE(key_slot("queue-1"), key_slot("queue-2"));
  EXPECT_EQ(key_slot("123456789"), 0x31C3 % 16'384);  // The polynomial's published check value.
  // An empty tag is none.
  EXPECT_NE(key_slot("{}x"), key_slot("{}y"));
}

TEST(RedisKeyTest, ATagThatWouldNotBeOneIsRefused) {
  EXPECT_EQ(tagged_key("rwp", "").error().code(), Errc::invalid_argument);
  EXPECT_EQ(tagged_key("rwp", "a}b").error().code(), Errc::invalid_argument);
  EXPECT_EQ(tagged_key("r{", "a").error().code(), Errc::invalid_argument);
}

TEST(RedisScriptTest, TheDigestIsTheOneThatTheServerMakes) {
  EXPECT_EQ(Script("return 1").digest(), "e0e1f9fabfc9d4800c877a703b823ac0578ff8db");
}

}  // namespace
}  // namespace rwp::net_redis
