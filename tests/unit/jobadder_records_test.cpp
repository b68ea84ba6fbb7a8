#include <rwp/jobadder/oauth.hpp>
#include <rwp/jobadder/records.hpp>
#include <rwp/jobadder/webhook.hpp>

#include <gtest/gtest.h>

#include <chrono>
#include <string>

namespace rwp::jobadder {
namespace {

JsonText json(std::string text) { return JsonText::parse(std::move(text)).value(); }

TEST(JobAdderRecordsTest, UnknownMembersAreKept) {
  const auto text = json(R"({"candidateId":7,"firstName":"Ada","future":{"a":[1]},"email":null})");

  const auto candidate = Candidate::read(text).value();

  EXPECT_EQ(candidate.candidate_id, 7);
  EXPECT_EQ(candidate.first_name, "Ada");
  EXPECT_EQ(candidate.email, "");
  EXPECT_EQ(candidate.record, text);
}

TEST(JobAdderRecordsTest, PresentPostStandsFirst) {
  const auto candidate =
      Candidate::read(json(R"({"candidateId":1,"employment":{"current":{"employer":"A"},
        "history":[{"employer":"B","start":"2012-03","end":"2018"}]}})"))
          .value();

  ASSERT_EQ(candidate.posts.size(), 2U);
  EXPECT_EQ(candidate.posts[0].employer, "A");
  EXPECT_EQ(candidate.posts[0].end, "present");
  EXPECT_EQ(candidate.posts[1].start, "2012-03");
}

TEST(JobAdderRecordsTest, RecordWithoutItsIdIsCorrupt) {
  EXPECT_EQ(JobAd::read(json(R"({"title":"x"})")).error().code(), Errc::corrupt);
  EXPECT_EQ(Application::read(json(R"({"applicationId":0})")).error().code(), Errc::corrupt);
  EXPECT_EQ(Note::read(json(R"({"text":"x"})")).error().code(), Errc::corrupt);
  EXPECT_EQ(Placement::read(json("[]")).error().code(), Errc::corrupt);
}

TEST(JobAdderRecordsTest, MemberOfAnotherTypeIsNamed) {
  const auto refused = JobAd::read(json(R"({"adId":1,"title":["x"]})"));

  EXPECT_EQ(refused.error().code(), Errc::corrupt);
  EXPECT_NE(refused.error().message().find("title"), std::string::npos);
}

TEST(JobAdderRecordsTest, StagesOfAnApplicationAreItsStatusAndItsPlacement) {
  const auto fresh = Application::read(
      json(R"({"applicationId":1,"source":"Seek","status":{"name":"New","default":true}})"));
  const auto refused = Application::read(
      json(R"({"applicationId":1,"status":{"name":"No","default":false,"rejected":true}})"));
  const auto placed = Placement::read(
      json(R"({"placementId":2,"approved":true,"approvedAt":"2026-01-31T09:00:00Z"})"));

  EXPECT_TRUE(fresh->is_first_status);
  EXPECT_FALSE(fresh->rejected);
  EXPECT_EQ(fresh->source, "Seek");
  EXPECT_FALSE(refused->is_first_status);
  EXPECT_TRUE(refused->rejected);
  EXPECT_TRUE(placed->approved);
  EXPECT_EQ(placed->approved_at, parse_time("2026-01-31T09:00:00Z"));
}

TEST(JobAdderRecordsTest, ApplicationNamesCandidateAndAdvert) {
  const auto application =
      Application::read(json(R"({"applicationId":3000000000,"candidate":{"candidateId":4},
        "jobAd":{"adId":5},"updatedAt":"2026-01-31T09:00:00Z"})"))
          .value();

  EXPECT_EQ(application.application_id, 3'000'000'000);
  EXPECT_EQ(application.candidate_id, 4);
  EXPECT_EQ(application.ad_id, 5);
  EXPECT_EQ(format_time(*application.updated_at), "2026-01-31T09:00:00Z");
}

TEST(JobAdderTimeTest, FractionsAndOffsetsAreRead) {
  using namespace std::chrono_literals;
  const auto nine = parse_time("2026-01-31T09:00:00Z").value();

  EXPECT_EQ(parse_time("2026-01-31T09:00:00.25Z"), nine + 250ms);
  EXPECT_EQ(parse_time("2026-01-31T09:00:00.2501234"), nine + 250ms);
  EXPECT_EQ(parse_time("2026-01-31T11:30:00+02:30"), nine);
  EXPECT_EQ(parse_time("2026-01-31T08:00:00-01:00"), nine);
  EXPECT_EQ(parse_time("2026-01-31"), nine - 9h);
}

TEST(JobAdderTimeTest, WhatIsNoTimeIsNone) {
  for (const auto* text : {"", "now", "2026-13-01", "2026-02-30", "2026-01-31T25:00:00Z",
                           "2026-01-31T09:00:00X", "2026-01-31T09:00", "-026-01-31"}) {
    EXPECT_FALSE(parse_time(text)) << text;
  }
}

TEST(JobAdderWebhookTest, EventNamesItsRecord) {
  const auto event = read_webhook_event(R"({"apiVersion":2,"event":"jobapplication_status_changed",
      "eventId":"0b0c","eventData":{},"jobApplication":{"applicationId":9}})")
                         .value();

  EXPECT_EQ(event.entity, Entity::application);
  EXPECT_EQ(event.id, 9);
  EXPECT_EQ(event.event_id, "0b0c");
}

TEST(JobAdderWebhookTest, ApplicationsOfAnEventMaySayWhoseTheyAre) {
  const auto of = [](const std::string& record) {
    return read_webhook_event(
               R"({"event":"jobapplication_created","eventId":"e1","jobApplication":)" + record +
               "}")
        .value();
  };

  EXPECT_EQ(of(R"({"applicationId":7,"candidate":{"candidateId":3}})").candidate_id, 3);
  EXPECT_EQ(of(R"({"applicationId":7,"candidate":null})").candidate_id, 0);
  EXPECT_EQ(of(R"({"applicationId":7,"candidate":[3]})").candidate_id, 0);
  EXPECT_EQ(of(R"({"applicationId":7})").id, 7);
}

TEST(JobAdderWebhookTest, EventOfAnotherKindIsGoodAndAboutNothing) {
  const auto event = read_webhook_event(R"({"event":"sms_sent","eventId":"1"})").value();

  EXPECT_EQ(event.entity, Entity::none);
}

TEST(JobAdderWebhookTest, RubbishIsRefused) {
  for (const auto* body :
       {"", "no", "[]", "{}", R"({"event":"x"})", R"({"event":1,"eventId":"a"})",
        R"({"event":"a b","eventId":"a"})", R"({"event":"x","eventId":"../a"})"}) {
    EXPECT_EQ(read_webhook_event(body).error().code(), Errc::invalid_argument) << body;
  }
  EXPECT_FALSE(read_webhook_event(std::string(kMaxWebhookBytes + 1, ' ')));
}

TEST(JobAdderOAuthTest, BrowserIsSentWithStateAndScopes) {
  OAuthOptions options;
  options.client_id = "id&1";

  EXPECT_EQ(authorize_url(options, "http://127.0.0.1:1/cb", "s", "read offline_access"),
            "https://id.jobadder.com/connect/authorize?response_type=code&client_id=id%261&"
            "scope=read%20offline_access&redirect_uri=http%3A%2F%2F127.0.0.1%3A1%2Fcb&state=s");
}

TEST(JobAdderOAuthTest, SecretsGoOnlyWhereTheyAreSafe) {
  for (const auto* url : {"https://a.example", "http://localhost:1/x", "http://127.0.0.1"}) {
    EXPECT_TRUE(is_safe_url(url)) << url;
  }
  for (const auto* url :
       {"", "http://a.example", "https:///x", "http://localhost.example",
        "http://127.0.0.1:1@a.example", "https://a.example@b.example", "ftp://localhost"}) {
    EXPECT_FALSE(is_safe_url(url)) << url;
  }
}

TEST(JobAdderOAuthTest, SecretsAreComparedWhole) {
  EXPECT_TRUE(equal_in_constant_time("abc", "abc"));
  EXPECT_FALSE(equal_in_constant_time("abc", "abd"));
  EXPECT_FALSE(equal_in_constant_time("abc", "abcd"));
  EXPECT_NE(random_token(), random_token());
  EXPECT_EQ(random_token().size(), 64U);
}

}  // namespace
}  // namespace rwp::jobadder
