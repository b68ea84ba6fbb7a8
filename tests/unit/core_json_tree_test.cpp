#include <rwp/core/json.hpp>

#include <gtest/gtest.h>

namespace rwp {
namespace {

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
