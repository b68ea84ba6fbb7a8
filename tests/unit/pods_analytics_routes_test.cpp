#include "pods/analytics_routes.hpp"
#include "pods/collect_spool.hpp"
#include "pods/event_forwarder.hpp"
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
using ::testing::Each;
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
    routes.store = store_;
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
    filter.queue = kCollectQueue;
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
  ASSERT_THAT(jobs, SizeIs(2));
  EXPECT_EQ(jobs[0].kind, kCollectKind);
  const auto event = read_collect_job(jobs[0].payload, jobs[0].created_at);
  ASSERT_TRUE(event.has_value());
  EXPECT_EQ(event->client_id, "c");
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
  EXPECT_EQ(read_collect_job(jobs[0].payload, jobs[0].created_at)->tenant, "acme");
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

/// Keeps deliveries; refuses those with an event named "bad", and all while it is down.
class PickySink final : public analytics::Sink {
 public:
  std::vector<std::vector<analytics::Event>> deliveries;
  bool down = false;
  std::vector<Uuid> delivered_before;

 private:
  boost::asio::awaitable<Result<std::vector<Uuid>>> do_find_delivered(
      std::vector<Uuid> ids) override {
    std::vector<Uuid> found;
    for (const auto& id : ids) {
      if (std::count(delivered_before.begin(), delivered_before.end(), id) > 0) found.push_back(id);
    }
    co_return found;
  }
  boost::asio::awaitable<Result<void>> do_deliver(std::vector<analytics::Event> events) override {
    if (down) co_return Error(Errc::unavailable, "down");
    for (const auto& event : events) {
      if (event.name == "bad") co_return Error(Errc::invalid_argument, "bad event");
    }
    deliveries.push_back(std::move(events));
    co_return Result<void>();
  }
};

class EventForwarderTest : public ::testing::Test {
 protected:
  /// Forwards events of these names at once; answers how each ended.
  std::vector<Errc> forward(const std::vector<std::string>& names) {
    std::vector<Errc> ends(names.size(), Errc::internal);
    auto all = forward_all(&forwarder_, names, &ends);
    const auto ran = tests::run(runtime_, std::move(all));
    EXPECT_TRUE(ran.has_value());
    return ends;
  }

  static boost::asio::awaitable<void> forward_one(EventForwarder* forwarder, std::string name,
                                                  Errc* end, std::size_t* left, Signal* done) {
    analytics::Event event;
    event.name = std::move(name);
    event.client_id = "c";
    auto forwarded = co_await forwarder->forward(std::move(event));
    *end = forwarded ? Errc::none : forwarded.error().code();
    if (--*left == 0) done->notify_all();
  }
  boost::asio::awaitable<Result<void>> forward_all(EventForwarder* forwarder,
                                                   std::vector<std::string> names,
                                                   std::vector<Errc>* ends) {
    std::size_t left = names.size();
    Signal done;
    for (std::size_t i = 0; i < names.size(); ++i) {
      spawn(runtime_.executor(), forward_one(forwarder, names[i], &(*ends)[i], &left, &done));
    }
    while (left > 0) co_await done.wait_until(SteadyTime::max());
    co_return Result<void>();
  }

  Runtime runtime_;
  std::shared_ptr<PickySink> sink_ = std::make_shared<PickySink>();
  EventForwarder forwarder_{sink_};
};

TEST_F(EventForwarderTest, EventsAreDeliveredInBatchesOf25) {
  const auto ends = forward(std::vector<std::string>(60, "a"));

  EXPECT_THAT(ends, Each(Errc::none));
  ASSERT_THAT(sink_->deliveries, SizeIs(3));
  EXPECT_THAT(sink_->deliveries[0], SizeIs(25));
  EXPECT_THAT(sink_->deliveries[2], SizeIs(10));
}

TEST_F(EventForwarderTest, BadEventFailsAlone) {
  const auto ends = forward({"a", "bad", "b"});

  EXPECT_EQ(ends, (std::vector<Errc>{Errc::none, Errc::invalid_argument, Errc::none}));
  EXPECT_THAT(sink_->deliveries, SizeIs(2));
}

TEST_F(EventForwarderTest, RepeatedEventThatTheSinkHasIsNotDeliveredAgain) {
  analytics::Event there;
  there.name = "there";
  there.client_id = "c";
  analytics::Event lost = there;
  lost.id = Uuid::make_v7();
  sink_->delivered_before = {there.id};

  EXPECT_TRUE(tests::run(runtime_, forwarder_.forward(there, true)).has_value());
  EXPECT_THAT(sink_->deliveries, SizeIs(0));
  EXPECT_TRUE(tests::run(runtime_, forwarder_.forward(lost, true)).has_value());
  EXPECT_THAT(sink_->deliveries, SizeIs(1));
  EXPECT_TRUE(tests::run(runtime_, forwarder_.forward(there)).has_value());
  EXPECT_THAT(sink_->deliveries, SizeIs(2));
}

TEST_F(EventForwarderTest, SinkThatIsDownFailsEachOnce) {
  sink_->down = true;

  EXPECT_THAT(forward({"a", "b"}), Each(Errc::unavailable));
}

}  // namespace
}  // namespace rwp::pods
