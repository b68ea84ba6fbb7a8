#include "core/json_check.hpp"
#include <rwp/core/json.hpp>
#include <rwp/core/json_text.hpp>
#include <rwp/core/json_view.hpp>
#include <rwp/core/json_writer.hpp>

#include <gtest/gtest.h>

#include <cmath>
#include <cstdint>
#include <limits>
#include <random>
#include <string>
#include <string_view>
#include <vector>

namespace rwp {
namespace {

using namespace std::string_literals;

JsonDocument document(std::string text) {
  return JsonDocument(JsonText::parse(std::move(text)).value());
}

std::string nested(std::size_t depth) { return std::string(depth, '[') + std::string(depth, ']'); }

TEST(JsonTextTest, DefaultIsNull) {
  EXPECT_TRUE(JsonText().is_null());
  EXPECT_EQ(JsonText().view(), "null");
}

TEST(JsonTextTest, BytesStayAsTheyWereGiven) {
  const std::string text = " {\"b\" : 1.50 ,\n\"a\":\"\\u00e9\"} ";

  const auto parsed = JsonText::parse(text);

  ASSERT_TRUE(parsed.has_value());
  EXPECT_EQ(parsed->str(), text);
  EXPECT_EQ(parsed->size(), text.size());
}

TEST(JsonTextTest, WhatIsNoDocumentIsRefused) {
  const std::vector<std::string> bad = {"",           " ",           "nul",    "{",        "[1,]",
                                        "{\"a\":1,}", "{a:1}",       "'a'",    "01",       "1.",
                                        "+1",         ".5",          "NaN",    "Infinity", "\"\n\"",
                                        "\"\\x\"",    "\"\\ud800\"", "\"open", "// no\n1", "1 2",
                                        "{} x",       "[1]]",        "1e999",  "-1e999"};

  for (const auto& text : bad) {
    const auto parsed = JsonText::parse(text);
    ASSERT_FALSE(parsed.has_value()) << text;
    EXPECT_EQ(parsed.error().code(), Errc::invalid_argument) << text;
  }
}

TEST(JsonTextTest, BadUtf8IsRefused) {
  const std::vector<std::string> bad = {
      "\xFF",             // No lead byte.
      "\x80",             // A continuation alone.
      "\xC3",             // Cut short.
      "\xC0\xAF",         // Overlong.
      "\xE0\x80\x80",     // Overlong.
      "\xED\xA0\x80",     // A surrogate.
      "\xF4\x90\x80\x80"  // Beyond U+10FFFF.
  };

  for (const auto& bytes : bad) EXPECT_FALSE(JsonText::parse("\"" + bytes + "\"").has_value());
  EXPECT_TRUE(JsonText::parse("\"\xF0\x9F\x98\x80\"").has_value());
}

TEST(JsonTextTest, ZeroByteAnywhereIsRefused) {
  for (const auto& text : {"1\0"s, "{}\0garbage"s, "\0"s, "\"a\0b\""s, "[1,\0 2]"s}) {
    EXPECT_FALSE(JsonText::parse(text).has_value());
  }
}

TEST(JsonTextTest, ByteOrderMarkIsRefused) {
  EXPECT_FALSE(JsonText::parse("\xEF\xBB\xBF{}").has_value());
}

TEST(JsonTextTest, NestingIsTakenUpToTheBound) {
  EXPECT_TRUE(JsonText::parse(nested(JsonText::kMaxDepth)).has_value());
  EXPECT_FALSE(JsonText::parse(nested(JsonText::kMaxDepth + 1)).has_value());
  EXPECT_FALSE(JsonText::parse(nested(1'000'000)).has_value());
  EXPECT_TRUE(JsonText::parse("[[],[],[]]", 2).has_value());
  EXPECT_FALSE(JsonText::parse("[[[]]]", 2).has_value());
}

TEST(JsonCheckTest, WhatIsCommonIsSeenToBeJson) {
  for (const char* text :
       {"null", " true ", "false", "0", "-0", "-12.5e-7", "1E+30", "\"\"",
        R"("a\"\\\/\b\f\n\r\t\u00e9")", "\"\xC3\xA9 \xF0\x9F\x98\x80 and so on\"", "[]", "{}",
        "[[],{}]", "[{\"a\":[1,2]},3]", "{\"a\":{\"b\":[]},\"c\" : \"}\"}",
        "\n[ 1 ,\t{ \"x\" : 1 } , [ [ ] ] ]\r\n"}) {
    EXPECT_TRUE(is_surely_json(text, JsonText::kMaxDepth)) << text;
  }
  EXPECT_TRUE(is_surely_json(nested(64), 64));
  EXPECT_FALSE(is_surely_json(nested(65), 64));
  EXPECT_FALSE(is_surely_json("[[[]]]", 2));
}

TEST(JsonCheckTest, NothingIsTakenThatTheParserRefuses) {
  const std::vector<std::string> seeds = {
      R"({"kind":"a","payload":{"text":"aaaaaaaaaaaaaaaaaaaaaaaaaaa","n":[1,-2.5e3,0.1,10]},"t":true})",
      R"([null,false,"\u00e9\ud83d\ude00\\\"",{"":{}},[[[]]],"é漢😀 tail of some length"])",
      R"( { "a" : "b" , "c" : [ 1 , 2 ] } )",
      "1e99",
      "-0.0E-10",
      "\"\\uD83D\\uDE00\""};
  const std::string_view bytes("\"\\{}[]:,0123eE+-.tfnul \n\t\x1F\x7F\x80\xC3\xA9\xED\xF0\xFF\0",
                               35);
  std::mt19937 random(7);
  const auto below = [&random](std::size_t bound) { return random() % bound; };
  int taken = 0;

  for (int round = 0; round < 60'000; ++round) {
    std::string text = seeds[below(seeds.size())];
    for (std::size_t change = 1 + below(3); change > 0; --change) {
      const std::size_t at = below(text.size());
      switch (below(3)) {
        case 0:
          text[at] = bytes[below(bytes.size())];
          break;
        case 1:
          text.erase(at, 1 + below(4));
          break;
        default:
          text.insert(at, 1, bytes[below(bytes.size())]);
      }
      if (text.empty()) text = "x";
    }
    if (!is_surely_json(text, JsonText::kMaxDepth)) continue;
    ++taken;
    ASSERT_TRUE(nlohmann::json::accept(text)) << text;
    ASSERT_EQ(text.find('\0'), std::string::npos) << text;
  }

  EXPECT_GT(taken, 5'000);
}

TEST(JsonTextTest, ReleaseLeavesNull) {
  JsonText text = JsonText::parse("[1]").value();

  EXPECT_EQ(text.release(), "[1]");

  EXPECT_TRUE(text.is_null());
}

TEST(JsonWriterTest, WritesEveryKindWithItsCommas) {
  JsonWriter out;

  out.begin_object();
  out.member("text", "a").member("flag", true).member("small", -7);
  out.member("least", std::numeric_limits<std::int64_t>::min());
  out.member("most", std::numeric_limits<std::uint64_t>::max());
  out.member("real", 0.1).member("none", std::numeric_limits<double>::quiet_NaN());
  out.member("endless", std::numeric_limits<double>::infinity());
  out.member("document", JsonText::parse("{\"x\":[]}").value());
  out.key("list").begin_array().value(1).begin_array().end_array().null().end_array();
  out.end_object();

  EXPECT_EQ(out.finish().view(),
            "{\"text\":\"a\",\"flag\":true,\"small\":-7,\"least\":-9223372036854775808,"
            "\"most\":18446744073709551615,\"real\":0.1,\"none\":null,\"endless\":null,"
            "\"document\":{\"x\":[]},\"list\":[1,[],null]}");
}

TEST(JsonWriterTest, IsEmptyAfterFinish) {
  JsonWriter out;
  out.value(1).finish();

  EXPECT_EQ(out.value("again").finish().view(), "\"again\"");
}

TEST(JsonWriterTest, EscapesWhatJsonDoesNotAllow) {
  std::string out;

  append_json_string(out, "q\" b\\ n\n r\r t\t \x01 \x1F \x7F \xC3\xA9"s + '\0');

  EXPECT_EQ(out, "\"q\\\" b\\\\ n\\n r\\r t\\t \\u0001 \\u001f \x7F \xC3\xA9\\u0000\"");
}

TEST(JsonWriterTest, ReplacesBytesThatAreNotUtf8) {
  std::string out;

  append_json_string(out, "a\xFFz\xC3");

  EXPECT_EQ(out, "\"a\xEF\xBF\xBDz\xEF\xBF\xBD\"");
}

TEST(JsonWriterTest, WhateverTheBytesTheOutputIsJson) {
  for (unsigned first = 0; first < 256; ++first) {
    for (const unsigned second : {0x00U, 0x22U, 0x7FU, 0x80U, 0xA0U, 0xBFU, 0xC3U, 0xFFU}) {
      std::string out;
      append_json_string(out, std::string{static_cast<char>(first), static_cast<char>(second)});
      EXPECT_TRUE(JsonText::parse(out).has_value()) << first << " " << second;
    }
  }
}

TEST(JsonWriterTest, RealNumbersAreReadBackExactly) {
  for (const double number : {0.1, 1.0 / 3, 1e308, 5e-324, -0.0, 1e22, 123456789.125}) {
    const auto read = document(JsonWriter().value(number).finish().release());
    EXPECT_EQ(read.root().as_double(), number);
  }
}

#ifndef NDEBUG
TEST(JsonWriterDeathTest, AnOrderThatNoDocumentHasAsserts) {
  EXPECT_DEATH(JsonWriter().begin_object().value(1), "");
  EXPECT_DEATH(JsonWriter().begin_array().key("a"), "");
  EXPECT_DEATH(JsonWriter().begin_array().end_object(), "");
  EXPECT_DEATH(JsonWriter().begin_object().end_array(), "");
  EXPECT_DEATH(JsonWriter().begin_object().key("a").end_object(), "");
  EXPECT_DEATH(JsonWriter().begin_object().finish(), "");
  EXPECT_DEATH(JsonWriter().value(1).value(2), "");
  EXPECT_DEATH(JsonWriter().finish(), "");
}
#endif

TEST(JsonViewTest, TellsTheKindOfEachValue) {
  const auto read = document("[null,true,1,-1,1.5,\"s\",[],{}]");
  const std::vector<JsonKind> expected = {JsonKind::null,    JsonKind::boolean, JsonKind::integer,
                                          JsonKind::integer, JsonKind::real,    JsonKind::string,
                                          JsonKind::array,   JsonKind::object};

  ASSERT_EQ(read.root().size(), expected.size());
  for (std::size_t i = 0; i < expected.size(); ++i) {
    EXPECT_EQ(read.root().at(i).kind(), expected[i]) << i;
  }
  EXPECT_EQ(describe_kind(JsonKind::object), "an object");
  EXPECT_EQ(describe_kind(JsonKind::null), "null");
}

TEST(JsonViewTest, ValuesOfOtherKindsAreNone) {
  const auto read = document("\"text\"");

  EXPECT_FALSE(read.root().is_null());
  EXPECT_EQ(read.root().as_string(), "text");
  EXPECT_EQ(read.root().as_bool(), std::nullopt);
  EXPECT_EQ(read.root().as_int64(), std::nullopt);
  EXPECT_EQ(read.root().as_double(), std::nullopt);
  EXPECT_EQ(read.root().size(), 0U);
  EXPECT_FALSE(read.root().find("x").has_value());
  EXPECT_EQ(document("true").root().as_bool(), true);
  EXPECT_EQ(document("1").root().as_string(), std::nullopt);
}

TEST(JsonViewTest, IntegersAreExactOrNone) {
  EXPECT_EQ(document("3.0").root().as_int64(), 3);
  EXPECT_EQ(document("3.5").root().as_int64(), std::nullopt);
  EXPECT_EQ(document("9223372036854775807").root().as_int64(),
            std::numeric_limits<std::int64_t>::max());
  EXPECT_EQ(document("-9223372036854775808").root().as_int64(),
            std::numeric_limits<std::int64_t>::min());
  EXPECT_EQ(document("9223372036854775808").root().as_int64(), std::nullopt);
  EXPECT_EQ(document("1e300").root().as_int64(), std::nullopt);
  EXPECT_EQ(document("18446744073709551615").root().as_uint64(),
            std::numeric_limits<std::uint64_t>::max());
  EXPECT_EQ(document("18446744073709551616").root().as_uint64(), std::nullopt);
  EXPECT_EQ(document("-1").root().as_uint64(), std::nullopt);
  EXPECT_EQ(document("7.0").root().as_uint64(), 7U);
}

TEST(JsonViewTest, MembersComeSortedUntilTheVisitorHasEnough) {
  const auto read = document("{\"b\":2,\"a\":1,\"c\":3}");
  std::string seen;

  read.root().each_member([&](std::string_view name, JsonView value) {
    seen += std::string(name) + std::to_string(value.as_int64().value());
    return name != "b";
  });

  EXPECT_EQ(seen, "a1b2");
  EXPECT_EQ(read.root().find("c")->as_int64(), 3);
  EXPECT_FALSE(read.root().find("d").has_value());
}

TEST(JsonViewTest, AValueIsADocumentOfItsOwn) {
  const auto read = document("{\"a\": [1, {\"b\": \"\\n\"}]}");

  EXPECT_EQ(read.root().find("a")->text().view(), "[1,{\"b\":\"\\n\"}]");
}

}  // namespace
}  // namespace rwp
