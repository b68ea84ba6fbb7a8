#include "analytics_spool/parcel.hpp"
#include "pods/analytics_routes.hpp"
#include "pods/event_sinks.hpp"
#include "support/flaky_job_store.hpp"
#include "support/run.hpp"
#include <rwp/core/json_view.hpp>
#include <rwp/core/runtime.hpp>
#include <rwp/jobs_sqlite/sqlite_job_store.hpp>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <memory>
#include <string>
#include <utility>
#include <vector>

namespace rwp::pods {
namespace {

using namespace std::chrono_literals;
using ::testing::HasSubstr;
using ::testing::SizeIs;

constexpr const char* kId = "0190c7a0-5f1c-7abc-8def-0123456789ab";

template <class T>
boost::asio::awaitable<Result<T>> as_result(boost::asio::awaitable<T> answer) {
  co_return co_await std::move(answer);
}

class AnalyticsRoutesTest : public ::testing::Test {
 protected:
  AnalyticsRoutesTest() {
    AnalyticsRoutes routes;
    analytics::SpoolOptions spooling;
    spooling.store = store_;
    spooling.sinks = {"jsonl"};
    routes.spool = std::make_shared<analytics::Spool>(std::move(spooling));
    handlers_ = make_analytics_handlers(std::move(routes));
  }

  server::Response post(std::string body, std::string tenant = std::string(),
                        std::string measurement_id = "G-TEST1") {
    server::Request request;
    request.method = "POST";
    request.query = {{"measurement_id", std::move(measurement_id)}};
    request.headers.set("Content-Type", "application/json");
    request.body = std::move(body);
    request.identity.tenant = std::move(tenant);
    return tests::run(runtime_, as_result(handlers_.collect(std::move(request)))).value();
  }
  static std::string event(const std::string& parameters) {
    return R"({"client_id":"c","events":[{"name":"job_viewed","params":{)" + parameters + "}}]}";
  }
  std::vector<jobs::Job> spooled() {
    jobs::JobFilter filter;
    filter.kind = analytics::kParcelKind;
    return tests::run(runtime_, store_->list(filter, "", 100)).value().jobs;
  }

  Runtime runtime_;
  std::shared_ptr<jobs::JobStore> store_ =
      jobs_sqlite::open_sqlite_job_store(runtime_, jobs_sqlite::SqliteOptions()).value();
  AnalyticsHandlers handlers_;
};

TEST_F(AnalyticsRoutesTest, AcceptedEventIsAJobBeforeItIsAnswered) {
  const auto response = post(R"({"client_id":"c","events":[{"name":"a"},{"name":"b"}]})");

  EXPECT_EQ(response.status, 204);
  EXPECT_THAT(response.body, SizeIs(0));
  const auto jobs = spooled();
  ASSERT_THAT(jobs, SizeIs(1));
  EXPECT_EQ(jobs[0].kind, analytics::kParcelKind);
  const auto events = analytics::read_parcel(jobs[0].payload, jobs[0].created_at);
  ASSERT_TRUE(events.has_value());
  ASSERT_THAT(*events, SizeIs(2));
  EXPECT_EQ(events->at(0).client_id, "c");
  EXPECT_EQ(events->at(1).name, "b");
}

TEST_F(AnalyticsRoutesTest, EventsWaitForAStoreThatIsAwayAndAreKeptOnce) {
  const auto flaky = std::make_shared<tests::FlakyJobStore>(runtime_, store_);
  EventSpoolParts parts;
  parts.store = flaky;
  parts.sinks.emplace_back().name = "jsonl";
  parts.patience = 20s;
  AnalyticsRoutes routes;
  routes.spool = make_event_spool(std::move(parts)).spool;
  handlers_ = make_analytics_handlers(std::move(routes));
  flaky->inserts_to_refuse = 2;
  flaky->inserts_to_lose = 1;

  // Neither has an id of its maker's by which the store could tell a repetition.
  EXPECT_EQ(post(R"({"client_id":"c","events":[{"name":"a"},{"name":"b"}]})").status, 204);

  EXPECT_EQ(flaky->inserts_to_refuse, 0);
  EXPECT_EQ(flaky->inserts_to_lose, 0);
  EXPECT_THAT(spooled(), SizeIs(1));
}

TEST_F(AnalyticsRoutesTest, RepeatedEventIsRecordedOnceWhateverStandsBesideIt) {
  const std::string id = R"("event_id":")" + std::string(kId) + '"';

  EXPECT_EQ(post(event(id)).status, 204);
  EXPECT_EQ(post(event(id)).status, 204);
  EXPECT_EQ(post(R"({"client_id":"c","events":[{"name":"other"},
                     {"name":"job_viewed","params":{)" +
                 id + "}}]}")
                .status,
            204);

  EXPECT_THAT(spooled(), SizeIs(2));
}

TEST_F(AnalyticsRoutesTest, OtherEventUnderTheSameIdIsAConflict) {
  const std::string id = R"("event_id":")" + std::string(kId) + '"';

  EXPECT_EQ(post(event(id)).status, 204);
  const auto response = post(event(id + R"(,"x":1)"));

  EXPECT_EQ(response.status, 409);
  EXPECT_THAT(response.body, HasSubstr(R"("field":"events[0].params.event_id")"));
  EXPECT_THAT(spooled(), SizeIs(1));
}

TEST_F(AnalyticsRoutesTest, RefusedRequestKeepsNothingAndNamesTheField) {
  const auto response =
      post(R"({"client_id":"c","events":[{"name":"good"},{"name":"page_view"}]})");

  EXPECT_EQ(response.status, 400);
  EXPECT_EQ(response.headers.find("Content-Type"), "application/problem+json");
  EXPECT_THAT(response.body, HasSubstr(R"("field":"events[1].name")"));
  EXPECT_THAT(spooled(), SizeIs(0));
}

TEST_F(AnalyticsRoutesTest, TenantOfTheKeyIsThatOfItsEvents) {
  EXPECT_EQ(post(event(R"("tenant":"other")"), "acme").status, 403);
  EXPECT_EQ(post(event(R"("x":1)"), "acme").status, 204);

  const auto jobs = spooled();
  ASSERT_THAT(jobs, SizeIs(1));
  const auto events = analytics::read_parcel(jobs[0].payload, jobs[0].created_at);
  EXPECT_EQ(events.value().front().tenant, "acme");
  EXPECT_EQ(jobs[0].tenant, "");
}

TEST_F(AnalyticsRoutesTest, MeasurementIdIsAskedFor) {
  for (const std::string bad : {"", "G-", "UA-1", "G-a b", "G-1&2"}) {
    const auto response = post(event(""), "", bad);
    EXPECT_EQ(response.status, 400) << bad;
    EXPECT_THAT(response.body, HasSubstr(R"("field":"measurement_id")")) << bad;
  }
}

TEST_F(AnalyticsRoutesTest, ValidationRecordsNothing) {
  server::Request request;
  request.query = {{"measurement_id", "G-TEST1"}};
  request.body = R"({"client_id":"c","events":[{"name":"page_view"}]})";

  const auto response =
      tests::run(runtime_, as_result(handlers_.validate(std::move(request)))).value();

  EXPECT_EQ(response.status, 200);
  EXPECT_THAT(response.body, HasSubstr(R"("validationCode":"NAME_RESERVED")"));
  EXPECT_THAT(spooled(), SizeIs(0));
}

}  // namespace
}  // namespace rwp::pods
