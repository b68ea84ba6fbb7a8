#include <rwp/recruitment/candidate_source.hpp>
#include <rwp/recruitment/match_request.hpp>

#include <gtest/gtest.h>

#include <string>

namespace rwp::recruitment {
namespace {

CandidateSource of_object(std::string key) {
  CandidateSource source;
  source.id = "cv-1";
  source.document.emplace();
  source.document->object = std::move(key);
  return source;
}

/// The field that an error's message begins with.
std::string field_of(const Result<void>& checked) {
  if (checked) return {};
  const std::string message = checked.error().message();
  return message.substr(0, message.find(':'));
}

TEST(CandidateSourceTest, NeedsAnIdAndEitherTextOrDocument) {
  CandidateSource text{.id = "cv-1", .text = "Jane Doe"};
  CandidateSource none{.id = "cv-1"};
  CandidateSource both = of_object("uploads/a.pdf");
  both.text = "Jane Doe";
  CandidateSource nameless{.id = " ", .text = "Jane Doe"};
  CandidateSource empty_document{.id = "cv-1"};
  empty_document.document.emplace();

  EXPECT_TRUE(check_source(text, "").has_value());
  EXPECT_EQ(field_of(check_source(none, "")), "text");
  EXPECT_EQ(field_of(check_source(both, "")), "text");
  EXPECT_EQ(field_of(check_source(nameless, "")), "id");
  EXPECT_EQ(field_of(check_source(empty_document, "")), "document");
}

TEST(CandidateSourceTest, JobReadsNoObjectBeyondItsTenantsUploads) {
  EXPECT_TRUE(check_source(of_object("uploads/a.pdf"), "").has_value());
  EXPECT_TRUE(check_source(of_object("uploads/acme/a.pdf"), "acme").has_value());
  for (const char* key : {"uploads/other/a.pdf", "uploads/acmex/a.pdf", "candidates/cv-2.json",
                          "uploads/acme/../other/a.pdf", "/uploads/acme/a.pdf"}) {
    const auto checked = check_source(of_object(key), "acme");
    ASSERT_FALSE(checked.has_value()) << key;
    EXPECT_EQ(checked.error().code(), Errc::permission_denied) << key;
  }
}

TEST(CandidateSourceTest, TenantWhoseFolderWouldLieInAnothersHasNoUploads) {
  for (const char* tenant : {"acme/north", ".", ".."}) {
    const auto checked = check_source(of_object("uploads/acme/north/a.pdf"), tenant);
    ASSERT_FALSE(checked.has_value()) << tenant;
    EXPECT_EQ(checked.error().code(), Errc::permission_denied) << tenant;
    EXPECT_NE(checked.error().message().find("has no uploads"), std::string::npos) << tenant;
  }
}

TEST(CandidateSourceTest, PayloadErrorsNameTheMember) {
  const auto wrong = decode<CandidateSource>(
      JsonText::trusted(R"({"id": "cv-1", "document": {"content_base64": 7}})"));
  const auto missing = decode<CandidateSource>(JsonText::trusted(R"({"text": "x"})"));

  ASSERT_FALSE(wrong.has_value());
  EXPECT_NE(wrong.error().message().find("document.content_base64"), std::string::npos);
  ASSERT_FALSE(missing.has_value());
  EXPECT_NE(missing.error().message().find("id"), std::string::npos);
}

TEST(MatchRequestTest, TakesEachSideOnce) {
  MatchRequest by_id;
  by_id.candidate_id = "cv-1";
  by_id.ad_id = "ad-1";
  MatchRequest twice = by_id;
  twice.candidate.emplace();
  MatchRequest no_ad = by_id;
  no_ad.ad_id.clear();

  EXPECT_TRUE(check_request(by_id).has_value());
  EXPECT_EQ(field_of(check_request(twice)), "candidate_id");
  EXPECT_EQ(field_of(check_request(no_ad)), "ad_id");
}

}  // namespace
}  // namespace rwp::recruitment
