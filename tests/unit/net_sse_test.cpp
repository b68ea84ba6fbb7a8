#include <rwp/net/sse.hpp>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>
#include <vector>

namespace rwp::tests {
namespace {

using net::SseEvent;
using net::SseParser;
using ::testing::ElementsAre;
using ::testing::IsEmpty;

std::vector<SseEvent> parse(const std::vector<std::string>& pieces) {
  SseParser parser;
  std::vector<SseEvent> events;
  for (const std::string& piece : pieces) {
    for (SseEvent& event : parser.feed(piece).value()) events.push_back(std::move(event));
  }
  return events;
}

SseEvent message(std::string data) {
  return {.type = "message", .data = std::move(data), .id = ""};
}

TEST(SseTest, EventsEndWithAnEmptyLine) {
  EXPECT_THAT(parse({"data: one\n\ndata: two\n\ndata: cut"}),
              ElementsAre(message("one"), message("two")));
}

TEST(SseTest, DataLinesAreJoinedByLineFeeds) {
  EXPECT_THAT(parse({"data: a\ndata\ndata:b\ndata:  c\n\n"}), ElementsAre(message("a\n\nb\n c")));
  EXPECT_THAT(parse({"data\n\n"}), ElementsAre(message("")));
  EXPECT_THAT(parse({"data\ndata\n\n"}), ElementsAre(message("\n")));
}

TEST(SseTest, TypesHoldForOneEventAndIdsForAllThatFollow) {
  EXPECT_THAT(parse({"event: add\nid: 7\ndata: x\n\ndata: y\n\nid\ndata: z\n\n"}),
              ElementsAre(SseEvent{"add", "x", "7"}, SseEvent{"message", "y", "7"},
                          SseEvent{"message", "z", ""}));
}

TEST(SseTest, AnEventWithoutDataIsNone) {
  EXPECT_THAT(parse({"event: add\nid: 7\n\ndata: x\n\n"}),
              ElementsAre(SseEvent{"message", "x", "7"}));
}

TEST(SseTest, CommentsAndUnknownFieldsAreIgnored) {
  EXPECT_THAT(parse({": ping\n\n:\nretries: 3\nDATA: no\n data: no\ndata: yes\n\n"}),
              ElementsAre(message("yes")));
}

TEST(SseTest, AnIdWithANullIsIgnored) {
  EXPECT_THAT(parse({std::string("id: a\0b\ndata: x\n\n", 17)}), ElementsAre(message("x")));
}

TEST(SseTest, OnlyDigitsAreARetry) {
  SseParser parser;
  EXPECT_EQ(parser.retry(), std::nullopt);
  for (const char* bad : {"retry: 1s\n", "retry: -1\n", "retry:\n", "retry: 99999999999\n"}) {
    ASSERT_TRUE(parser.feed(bad).has_value());
    EXPECT_EQ(parser.retry(), std::nullopt) << bad;
  }
  ASSERT_TRUE(parser.feed("retry: 2500\n").has_value());
  EXPECT_EQ(parser.retry(), std::chrono::milliseconds(2500));
}

TEST(SseTest, OneByteOrderMarkIsPassedOver) {
  EXPECT_THAT(parse({"\xEF\xBB\xBF"
                     "data: x\n\n"}),
              ElementsAre(message("x")));
  EXPECT_THAT(parse({"\xEF\xBB\xBF\xEF\xBB\xBF"
                     "data: x\n\n"}),
              IsEmpty());
  EXPECT_THAT(parse({"\xEF\xBB"
                     "data: x\n\ndata: y\n\n"}),
              ElementsAre(message("y")));
}

TEST(SseTest, AnyCutAndAnyLineEndGiveTheSameEvents) {
  const std::string with_lf =
      "\xEF\xBB\xBF: hello\nevent: add\ndata: a\ndata: b\nid: 1\n\n\n\ndata: "
      "\xc3\xa9\xe2\x82\xac\n\n"
      "retry: 10\ndata\n\n";
  const std::vector<SseEvent> expected = parse({with_lf});
  ASSERT_EQ(expected.size(), 3U);
  for (const std::string end : {"\n", "\r", "\r\n"}) {
    std::string text;
    for (const char c : with_lf) text += c == '\n' ? end : std::string(1, c);
    for (std::size_t first = 0; first <= text.size(); ++first) {
      for (std::size_t second = first; second <= text.size(); ++second) {
        ASSERT_EQ(
            parse({text.substr(0, first), text.substr(first, second - first), text.substr(second)}),
            expected)
            << "cut at " << first << " and " << second;
      }
    }
    std::vector<std::string> bytes;
    for (const char c : text) bytes.emplace_back(1, c);
    EXPECT_EQ(parse(bytes), expected);
  }
}

TEST(SseTest, AStreamThatEndsWithinAnEventIsTold) {
  SseParser parser;
  EXPECT_FALSE(parser.within_event());
  for (const char* cut : {"d", "ata: x", "\n"}) {
    ASSERT_TRUE(parser.feed(cut).has_value());
    EXPECT_TRUE(parser.within_event()) << cut;
  }
  ASSERT_TRUE(parser.feed("\n: comment\n").has_value());
  EXPECT_FALSE(parser.within_event());
}

TEST(SseTest, LinesAndEventsAreBounded) {
  net::SseLimits limits;
  limits.max_line_bytes = 20;
  limits.max_event_bytes = 30;
  SseParser fits(limits);
  EXPECT_TRUE(fits.feed("data: 12345678901234\ndata: 12345678901234\n\n").has_value());
  SseParser long_line(limits);
  EXPECT_TRUE(long_line.feed("data: 1234567890").has_value());
  EXPECT_EQ(long_line.feed("12345").error().code(), Errc::corrupt);
  EXPECT_EQ(long_line.feed("\n\n").error().code(), Errc::corrupt);
  SseParser long_event(limits);
  EXPECT_EQ(
      long_event.feed("data: 1234567890\ndata: 1234567890\ndata: 1234567890\n").error().code(),
      Errc::corrupt);
}

}  // namespace
}  // namespace rwp::tests
