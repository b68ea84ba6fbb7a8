#include "pods/ad_reader.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <memory>
#include <sstream>
#include <string>
#include <vector>

namespace rwp::pods {
namespace {

using ::testing::HasSubstr;

struct Read {
  std::vector<recruitment::JobAd> ads{};
  std::vector<InputItem> rejects{};
};

Result<Read> read_all(const std::string& content, const std::string& name) {
  auto reader = AdReader::read(std::make_unique<std::istringstream>(content), name);
  if (!reader) return reader.error();
  Read read;
  while (true) {
    auto item = (*reader)->next();
    if (!item) return item.error();
    if (!*item) return read;
    if ((*item)->ad) {
      read.ads.push_back(std::move(*(*item)->ad));
    } else {
      read.rejects.push_back(std::move(**item));
    }
  }
}

std::string ad_line(const std::string& id) {
  return R"({"id":")" + id + R"(","title":"Cook","description":"Cooks soup."})";
}

TEST(AdReaderJsonTest, BadLinesAreToldWithTheirNumberAndTheRestGoesOn) {
  const auto read = read_all(ad_line("a") + "\n{\"id\":\n[1]\n\n" + ad_line("b") +
                                 "\n{\"title\":\"x\"}\n\xFF\xFE\n" + ad_line("c"),
                             "ads.jsonl");

  ASSERT_TRUE(read.has_value());
  ASSERT_EQ(read->ads.size(), 3U);
  ASSERT_EQ(read->rejects.size(), 4U);
  EXPECT_EQ(read->rejects[0].line, 2U);
  EXPECT_EQ(read->rejects[1].line, 3U);
  EXPECT_EQ(read->rejects[2].line, 6U);
  EXPECT_THAT(read->rejects[2].reason, HasSubstr("description"));
  EXPECT_EQ(read->rejects[3].line, 7U);
}

TEST(AdReaderJsonTest, ByteOrderMarkAndCarriageReturnsAreNoPartOfTheText) {
  const auto read = read_all("\xEF\xBB\xBF" + ad_line("a") + "\r\n" + ad_line("b") + "\r\n", "x");

  ASSERT_TRUE(read.has_value());
  EXPECT_EQ(read->ads.size(), 2U);
  EXPECT_TRUE(read->rejects.empty());
}

TEST(AdReaderJsonTest, LineBeyondTheBoundIsRefusedAndTheNextIsRead) {
  const std::string huge =
      R"({"id":"h","title":"T","description":")" + std::string(kMaxAdBytes, 'x') + R"("})";
  const auto read = read_all(huge + "\n" + ad_line("a") + "\n", "ads.jsonl");

  ASSERT_TRUE(read.has_value());
  ASSERT_EQ(read->rejects.size(), 1U);
  EXPECT_EQ(read->rejects[0].line, 1U);
  ASSERT_EQ(read->ads.size(), 1U);
}

TEST(AdReaderJsonTest, SecondAdvertOfAnIdIsRefused) {
  const auto read = read_all(ad_line("a") + "\n" + ad_line("a") + "\n", "ads.jsonl");

  ASSERT_TRUE(read.has_value());
  EXPECT_EQ(read->ads.size(), 1U);
  ASSERT_EQ(read->rejects.size(), 1U);
  EXPECT_EQ(read->rejects[0].rejected_id, "a");
}

TEST(AdReaderJsonTest, DeepNestingAndWrongTypesAreRejectsNotCrashes) {
  const auto read = read_all("\n{\"a\":" + std::string(100'000, '[') + "\n" +
                                 R"({"id":{"a":1},"title":"T","description":"D"})" + "\n" +
                                 R"({"title":"T","description":"D","salary_min":"lots"})" + "\n" +
                                 R"({"title":"T","description":"D","lat":1e99})" + "\n" +
                                 R"({"title":"T","description":"a\u0000b"})" + "\n",
                             "ads.jsonl");

  ASSERT_TRUE(read.has_value());
  EXPECT_TRUE(read->ads.empty());
  EXPECT_EQ(read->rejects.size(), 5U);
}

TEST(AdReaderJsonTest, NumbersNullsAndForeignNamesAreUnderstood) {
  const auto read = read_all(
      R"({"job_id":42,"Job Title":"Cook","text":"Soup &amp; bread.","salary_min":"£30,000","salary_max":null})",
      "ads.jsonl");

  ASSERT_TRUE(read.has_value());
  ASSERT_EQ(read->ads.size(), 1U);
  EXPECT_EQ(read->ads[0].id, "42");
  EXPECT_EQ(read->ads[0].description, "Soup & bread.");
  EXPECT_EQ(read->ads[0].salary_min, 30'000);
  EXPECT_FALSE(read->ads[0].salary_max.has_value());
}

TEST(AdReaderJsonTest, AdvertWithoutIdIsNamedByItsContent) {
  const std::string line = R"({"title":"Cook","description":"Soup."})";
  const auto one = read_all(line, "ads.jsonl");
  const auto two = read_all(R"({"title":"Cook","description":"Bread."})", "ads.jsonl");

  ASSERT_TRUE(one.has_value() && two.has_value());
  EXPECT_EQ(one->ads.at(0).id, read_all(line, "b.jsonl")->ads.at(0).id);
  EXPECT_NE(one->ads.at(0).id, two->ads.at(0).id);
}

TEST(AdReaderJsonTest, JobPostingWithEscapedHtmlBecomesText) {
  const auto read = read_all(
      R"({"@type":"JobPosting","title":"Nurse","description":"&lt;p&gt;Care &amp;amp; love&lt;/p&gt;&lt;ul&gt;&lt;li&gt;nights&lt;/li&gt;&lt;/ul&gt;","hiringOrganization":{"name":"Ward 4"},"identifier":{"value":"n1"},"jobLocation":[{"address":{"addressLocality":"Leeds","postalCode":"LS1"}}],"baseSalary":{"currency":"GBP","value":{"unitText":"YEAR","minValue":30000,"maxValue":35000}}})",
      "ads.jsonl");

  ASSERT_TRUE(read.has_value());
  ASSERT_EQ(read->ads.size(), 1U);
  const auto& ad = read->ads[0];
  EXPECT_EQ(ad.id, "n1");
  EXPECT_EQ(ad.description, "Care & love\n- nights");
  EXPECT_EQ(ad.company, "Ward 4");
  EXPECT_EQ(ad.location, "Leeds");
  EXPECT_EQ(ad.salary_max, 35'000);
}

TEST(AdReaderJsonTest, WhatIsNoTextIsRefusedAsAWholeWithTheRemedy) {
  EXPECT_THAT(read_all(std::string("\xFF\xFE{\0", 4), "ads.jsonl").error().message(),
              HasSubstr("iconv"));
  EXPECT_THAT(read_all("\x1F\x8B\x08", "ads.jsonl").error().message(), HasSubstr("gunzip"));
  EXPECT_THAT(read_all("[{}]", "ads.json").error().message(), HasSubstr("jq"));
}

TEST(AdReaderCsvTest, QuotedFieldsHoldCommasQuotesAndLineBreaks) {
  const auto read = read_all(
      "id,title,description\r\n1,\"Cook, \"\"Chef\"\"\",\"Soup\r\nBread\"\r\n2,B,C\r\n", "ads.csv");

  ASSERT_TRUE(read.has_value());
  ASSERT_EQ(read->ads.size(), 2U);
  EXPECT_EQ(read->ads[0].title, "Cook, \"Chef\"");
  EXPECT_EQ(read->ads[0].description, "Soup\nBread");
}

TEST(AdReaderCsvTest, QuoteThatIsNeverClosedCostsItsLineAlone) {
  const auto read = read_all("id,title,description\n1,A,\"open\n2,B,C\n3,D,E\n", "ads.csv");

  ASSERT_TRUE(read.has_value());
  ASSERT_EQ(read->rejects.size(), 1U);
  EXPECT_EQ(read->rejects[0].line, 2U);
  EXPECT_EQ(read->ads.size(), 2U);
}

TEST(AdReaderCsvTest, ManyOpenQuotesAreReadInBoundedTime) {
  std::string content = "id,title,description\n";
  for (int i = 0; i < 20'000; ++i) content += std::to_string(i) + ",A,\"x\"\"\n";

  const auto read = read_all(content, "ads.csv");

  ASSERT_TRUE(read.has_value());
  EXPECT_GE(read->rejects.size(), 1U);
}

TEST(AdReaderCsvTest, WrongNumberOfFieldsIsRefusedByLine) {
  const auto read = read_all("title;description;id\nA;B\nA;B;1;2\nA;B;3\n", "ads.csv");

  ASSERT_TRUE(read.has_value());
  ASSERT_EQ(read->rejects.size(), 2U);
  EXPECT_EQ(read->rejects[1].line, 3U);
  ASSERT_EQ(read->ads.size(), 1U);
  EXPECT_EQ(read->ads[0].id, "3");
}

TEST(AdReaderCsvTest, HeaderWithoutTheNeededColumnsIsRefused) {
  EXPECT_THAT(read_all("id,name\n1,2\n", "ads.csv").error().message(), HasSubstr("title"));
}

TEST(AdReaderTest, EmptyInputHasNoAdverts) {
  for (const std::string name : {"a.csv", "a.jsonl", "a"}) {
    const auto read = read_all("", name);
    ASSERT_TRUE(read.has_value()) << name;
    EXPECT_TRUE(read->ads.empty());
  }
}

TEST(AdReaderTest, FormatIsToldByContentWhereTheNameSaysNothing) {
  EXPECT_EQ(read_all("  " + ad_line("a"), "adverts")->ads.size(), 1U);
  EXPECT_EQ(read_all("title\tdescription\nA\tB\n", "adverts")->ads.size(), 1U);
}

TEST(AdReaderTest, UnreadableFilesAreErrorsThatNameThem) {
  EXPECT_EQ(AdReader::open("/does/not/exist").error().code(), Errc::not_found);
  EXPECT_THAT(AdReader::open("/").error().message(), HasSubstr("'/'"));
}

}  // namespace
}  // namespace rwp::pods
