#include <rwp/core/json.hpp>
#include <rwp/core/json_view.hpp>

#include <gtest/gtest.h>

#include <cstdint>
#include <random>
#include <string>

namespace rwp {
namespace {

/// A document of all kinds of values, some written in odd ways.
std::string random_document(std::mt19937& random, int depth) {
  const auto pick = [&random](int count) { return static_cast<int>(random() % count); };
  const auto text = [&] {
    static const char* const kPieces[] = {"a",      "name",    "\\u00e9",        "\xC3\xA9",
                                          "\\n",    "\\u0001", "\\ud83d\\ude00", "\\\"",
                                          "\\b\\f", "\\/"};
    std::string out = "\"";
    for (int i = pick(4); i > 0; --i) out += kPieces[pick(10)];
    return out + "\"";
  };
  static const char* const kNumbers[] = {"0",
                                         "-0",
                                         "12",
                                         "-7",
                                         "18446744073709551615",
                                         "1e5",
                                         "0.1",
                                         "-2.50",
                                         "1E-3",
                                         "18446744073709551616",
                                         "3.0",
                                         "1e-320",
                                         "123456789012345678901234567890"};
  const char* const space = pick(5) == 0 ? " \n" : "";
  switch (pick(depth > 0 ? 7 : 4)) {
    case 0:
      return text();
    case 1:
      return kNumbers[pick(13)];
    case 2:
      return pick(2) == 0 ? "true" : "false";
    case 3:
      return "null";
    case 4: {
      std::string out = "[";
      for (int i = pick(4); i > 0; --i)
        out += random_document(random, depth - 1) + (i > 1 ? "," : "");
      return out + space + "]";
    }
    default: {
      std::string out = "{";
      for (int i = pick(pick(8) == 0 ? 60 : 6); i > 0; --i) {
        const int longest = depth - 1 - static_cast<int>(i > 6);
        out += text() + space + ":" + random_document(random, longest) + (i > 1 ? "," : "");
      }
      return space + out + "}";
    }
  }
}

TEST(JsonTreeTest, ADocumentReadsLikeItsTree) {
  std::mt19937 random(7);  // NOLINT(bugprone-random-generator-seed): the same each time.

  for (int i = 0; i < 2'000; ++i) {
    const JsonText text = JsonText::parse(random_document(random, 5)).value();

    EXPECT_EQ(JsonDocument(text).root().text(), to_json_text(to_json(text))) << text.view();
  }
}

TEST(JsonTreeTest, AnElementThatIsNotThereIsNull) {
  const JsonDocument read(JsonText::parse(R"({"list":[1],"object":{"a":1}})").value());

  EXPECT_EQ(read.root().find("list")->at(0).as_int64(), 1);
  EXPECT_TRUE(read.root().find("list")->at(1).is_null());
  ASSERT_EQ(read.root().find("object")->size(), 1U);
  EXPECT_TRUE(read.root().find("object")->at(0).is_null());
}

TEST(JsonTreeTest, OfMembersOfOneNameTheLastCounts) {
  const JsonDocument read(JsonText::parse(R"({"a":1,"b":2,"a":3})").value());

  EXPECT_EQ(read.root().size(), 2U);
  EXPECT_EQ(read.root().find("a")->as_int64(), 3);
}

TEST(JsonTreeTest, ADocumentBecomesATreeAndBack) {
  const JsonText text = JsonText::parse(R"({"a":[1,2.5,"\u00e9",null,true]})").value();

  const nlohmann::json tree = to_json(text);

  EXPECT_EQ(tree["a"][2], "\xC3\xA9");
  EXPECT_EQ(to_json_text(tree).view(), "{\"a\":[1,2.5,\"\xC3\xA9\",null,true]}");
}

TEST(JsonTreeTest, BytesThatAreNotUtf8AreReplaced) {
  const nlohmann::json tree = "a\xFFz";

  EXPECT_EQ(to_json_text(tree).view(), "\"a\xEF\xBF\xBDz\"");
}

}  // namespace
}  // namespace rwp
