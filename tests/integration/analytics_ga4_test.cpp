#include "support/event.hpp"
#include "support/fake_ga4.hpp"
#include "support/run.hpp"
#include "support/sample_event.hpp"
#include <rwp/analytics/batching_sink.hpp>
#include <rwp/core/async.hpp>
#include <rwp/core/runtime.hpp>
#include <rwp/core/scheme_registry.hpp>
#include <rwp/testing/captured_log.hpp>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <chrono>
#include <functional>
#include <future>
#include <optional>
#include <set>

namespace rwp::tests {
namespace {

using ::testing::Contains;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::Not;
using ::testing::StartsWith;

std::string status(const std::string& line, const std::string& fields = "") {
  return "HTTP/1.1 " + line + "\r\nContent-Length: 0\r\n" + fields + "\r\n";
}

class Ga4Test : public ::testing::Test {
 protected:
  FakeGa4& google() {
    if (!google_) google_.emplace(answer_);
    return *google_;
  }
  Result<void> deliver(std::vector<analytics::Event> events) {
    auto options = google().options();
    options.metrics = metrics_;
    options.log = observability::Logger(log_);
    options.retry.max_attempts = attempts_;
    options.sessions = sessions_;
    auto sink = analytics::make_ga4_sink(runtime_, options).value();
    return run(runtime_, sink->deliver(std::move(events)));
  }

  Runtime runtime_;
  FakeGa4::Answer answer_;
  unsigned attempts_ = 4;
  bool sessions_ = false;
  std::shared_ptr<observability::Metrics> metrics_ = observability::make_metrics();
  std::shared_ptr<testing::CapturedLog> log_ = std::make_shared<testing::CapturedLog>();

 private:
  std::optional<FakeGa4> google_;
};

TEST_F(Ga4Test, ARequestIsOneOfTheMeasurementProtocol) {
  auto event = sample_event();
  ASSERT_TRUE(deliver({event}).has_value());

  EXPECT_THAT(
      google().last_head(),
      StartsWith("POST /mp/collect?measurement_id=G-TEST1&api_secret=s%26cret%2F HTTP/1.1"));
  EXPECT_THAT(google().last_head(), HasSubstr("Content-Type: application/json"));
  EXPECT_THAT(
      google().bodies(),
      ElementsAre(R"({"client_id":"browser-1","user_id":"user-7",)"
                  R"("user_properties":{"plan":{"value":"gold"},"seats":{"value":3}},)"
                  R"("consent":{"ad_user_data":"GRANTED","ad_personalization":"DENIED"},"events":[)"
                  R"({"name":"apply_started","timestamp_micros":1769851800123456,"params":{)"
                  R"("job_id":"42","position":3,"remote":"true","salary":52000.0,"event_id":")" +
                  event.id.to_string() +
                  R"(","session_id":"1700000000","engagement_time_msec":1,"tenant":"agency-1",)"
                  R"("items":[{"item_id":"42","price":0.5},{"item_name":"x"}]}}]})"));
}

TEST_F(Ga4Test, VisitsAreToldApartForClientsThatDoNot) {
  sessions_ = true;
  std::vector<analytics::Event> events(4, sample_event());
  for (auto& event : events) {
    event.id = Uuid::make_v7();
    event.session_id.clear();
  }
  events[1].time += std::chrono::seconds(20);
  events[2].time += std::chrono::hours(1);
  events[3].session_id = "17";
  const auto began =
      std::chrono::duration_cast<std::chrono::seconds>(events[0].time.time_since_epoch());

  ASSERT_TRUE(deliver(events).has_value());

  const auto arrived = google().events();
  ASSERT_EQ(arrived.size(), 4U);
  EXPECT_EQ(arrived[0].session_id, std::to_string(began.count()));
  EXPECT_EQ(arrived[1].session_id, arrived[0].session_id);
  EXPECT_THAT(google().bodies(), Contains(HasSubstr(R"("engagement_time_msec":20000)")));
  EXPECT_EQ(arrived[2].session_id, std::to_string(began.count() + 3'600));
  EXPECT_EQ(arrived[3].session_id, "17");
}

TEST_F(Ga4Test, ARequestHasAtMost25EventsOfOneClientAndUser) {
  std::vector<analytics::Event> events;
  for (int i = 0; i < 60; ++i) {
    events.push_back(sample_event(std::to_string(i)));
    if (i % 3 == 0) events.back().client_id = "browser-2";
    if (i % 3 != 0 && i < 30) events.back().user_id = "";
  }
  events.resize(59);

  ASSERT_TRUE(deliver(events).has_value());
  EXPECT_EQ(google().requests(), 3);
  std::vector<analytics::Event> more(26, sample_event());
  ASSERT_TRUE(deliver(more).has_value());

  EXPECT_EQ(google().requests(), 5);
  EXPECT_EQ(google().events().size(), 85U);
  EXPECT_THAT(metrics_->expose(), HasSubstr("rwp_ga4_events_total{outcome=\"sent\"} 85"));
}

TEST_F(Ga4Test, EventsOfAClientThatDifferInConsentOrUserShareNoRequestAndKeepTheirOrder) {
  std::vector<analytics::Event> events(6, sample_event());
  for (auto& event : events) event.id = Uuid::make_v7();
  events[4].user_id = "";
  events[1].consent.ad_user_data = false;
  events[2].consent.ad_user_data = false;
  events[2].user_properties["plan"] = std::string("silver");
  events[3].consent = analytics::Consent();

  ASSERT_TRUE(deliver(events).has_value());

  EXPECT_EQ(google().requests(), 6);
  EXPECT_EQ(google().events(), events);
}

TEST_F(Ga4Test, ThePlatformsEventsGoUnderTheNamesThatGoogleRecommends) {
  auto options = google().options();
  options.google_names = true;
  auto sink = analytics::make_ga4_sink(runtime_, options).value();
  auto viewed = sample_event("42");
  viewed.name = "job_viewed";
  viewed.items.clear();
  viewed.parameters["title"] = std::string("Welder");
  auto applied = sample_event();
  applied.name = "apply_completed";
  applied.parameters["source"] = std::string("newsletter");
  auto own = sample_event();
  own.name = "candidate_scored";

  ASSERT_TRUE(run(runtime_, sink->deliver({viewed, applied, own})).has_value());

  const auto events = google().events();
  ASSERT_EQ(events.size(), 3U);
  EXPECT_EQ(events[0].name, "view_item");
  ASSERT_EQ(events[0].items.size(), 1U);
  EXPECT_EQ(std::get<std::string>(events[0].items[0].at("item_id")), "42");
  EXPECT_EQ(std::get<std::string>(events[0].items[0].at("item_name")), "Welder");
  EXPECT_EQ(events[1].name, "generate_lead");
  EXPECT_EQ(std::get<std::string>(events[1].parameters.at("lead_source")), "newsletter");
  EXPECT_EQ(events[2], own);
}

TEST_F(Ga4Test, ValidationAsksTheDebugEndpointAndTellsItsMessages) {
  std::string body = R"({"validationMessages":[]})";
  answer_ = [&body](int) {
    return "HTTP/1.1 200 OK\r\nContent-Length: " + std::to_string(body.size()) + "\r\n\r\n" + body;
  };
  auto options = google().options();
  options.validate = true;
  auto sink = analytics::make_ga4_sink(runtime_, options).value();

  EXPECT_TRUE(run(runtime_, sink->deliver({sample_event()})).has_value());
  EXPECT_THAT(google().last_head(), StartsWith("POST /debug/mp/collect?measurement_id=G-TEST1&"));
  EXPECT_THAT(google().bodies().front(),
              HasSubstr(R"("validation_behavior":"ENFORCE_RECOMMENDATIONS")"));

  body = R"({"validationMessages":[{"fieldPath":"events","description":"Bad name.",)"
         R"("validationCode":"NAME_INVALID"}]})";
  const auto refused = run(runtime_, sink->deliver({sample_event()})).error();
  EXPECT_EQ(refused.code(), Errc::invalid_argument);
  EXPECT_THAT(refused.message(), HasSubstr("NAME_INVALID events: Bad name."));

  body = "nothing";
  EXPECT_EQ(run(runtime_, sink->deliver({sample_event()})).error().code(), Errc::unsupported);
}

TEST_F(Ga4Test, RequestsStayBelow130Kilobytes) {
  auto large = sample_event();
  for (int i = 0; i < 150; ++i) {
    analytics::Item item;
    for (int k = 0; k < 4; ++k) item["p" + std::to_string(k)] = std::string(100, 'x');
    large.items.push_back(item);
  }
  const std::vector<analytics::Event> events(4, large);

  ASSERT_TRUE(deliver(events).has_value());

  EXPECT_EQ(google().requests(), 4);
  EXPECT_EQ(google().events(), events);
}

TEST_F(Ga4Test, AnEventThatFitsNoRequestIsRefusedBeforeAnyIsSent) {
  auto large = sample_event();
  for (int i = 0; i < 190; ++i) {
    analytics::Item item;
    for (int k = 0; k < 8; ++k) item["p" + std::to_string(k)] = std::string(100, 'x');
    large.items.push_back(item);
  }

  EXPECT_EQ(deliver({sample_event(), large}).error().code(), Errc::invalid_argument);
  EXPECT_EQ(google().requests(), 0);
}

TEST_F(Ga4Test, EventsOlderThan72HoursAreDroppedAndCounted) {
  auto old = sample_event("old");
  old.time -= std::chrono::hours(72);
  auto ahead = sample_event("ahead");
  ahead.time += std::chrono::hours(1);

  ASSERT_TRUE(deliver({old, ahead, sample_event("now")}).has_value());

  EXPECT_EQ(google().events().size(), 2U);
  EXPECT_EQ(google().events().front().time, std::chrono::system_clock::time_point{});
  EXPECT_THAT(metrics_->expose(), HasSubstr("rwp_ga4_events_total{outcome=\"too_old\"} 1"));
  EXPECT_EQ(log_->count("events too old for GA4 were dropped"), 1U);
}

TEST_F(Ga4Test, WhatMayPassIsTriedAgain) {
  answer_ = [](int number) {
    if (number == 0) return status("503 Unavailable");
    if (number == 1) return status("429 Slow Down", "Retry-After: 0\r\n");
    return status("204 No Content");
  };

  EXPECT_TRUE(deliver({sample_event()}).has_value());
  EXPECT_EQ(google().requests(), 3);
  EXPECT_EQ(google().events().size(), 1U);
}

TEST_F(Ga4Test, AnswersBecomeTypedErrors) {
  const std::vector<std::pair<std::string, Errc>> cases = {
      {"500 Oh", Errc::unavailable},        {"429 Slow Down", Errc::rate_limited},
      {"400 Bad", Errc::invalid_argument},  {"413 Large", Errc::invalid_argument},
      {"401 Who", Errc::permission_denied}, {"403 No", Errc::permission_denied},
      {"404 Where", Errc::not_found},       {"408 Late", Errc::unavailable},
      {"302 There", Errc::unsupported}};
  std::string line;
  attempts_ = 1;
  answer_ = [&line](int) { return status(line, "Retry-After: 7\r\n"); };
  for (const auto& [each, code] : cases) {
    line = each;
    const auto failed = deliver({sample_event()}).error();
    EXPECT_EQ(failed.code(), code) << each;
    EXPECT_THAT(failed.message(), Not(HasSubstr("cret")));
    const bool may_pass = code == Errc::unavailable || code == Errc::rate_limited;
    EXPECT_EQ(failed.retry_after().has_value(), may_pass) << each;
  }
  EXPECT_THAT(google().bodies(), IsEmpty());
}

TEST_F(Ga4Test, AnEventThatTheCollectorHasUnderItsIdIsDelivered) {
  answer_ = [](int) { return status("409 Conflict"); };

  EXPECT_TRUE(deliver({sample_event()}).has_value());

  EXPECT_EQ(google().requests(), 1);
  EXPECT_EQ(log_->count("collector has an event of the same id already"), 1U);
}

TEST_F(Ga4Test, AFailureOfOneClientKeepsNotTheOthersFromArriving) {
  answer_ = [](int number) { return status(number == 0 ? "400 Bad" : "204 No Content"); };
  auto other = sample_event();
  other.client_id = "browser-2";

  EXPECT_EQ(deliver({sample_event(), other}).error().code(), Errc::invalid_argument);
  EXPECT_EQ(google().requests(), 2);
}

TEST_F(Ga4Test, ManyClientsAreServedSideBySide) {
  std::vector<analytics::Event> events;
  std::set<Uuid> sent;
  for (int i = 0; i < 100; ++i) {
    events.push_back(sample_event());
    events.back().client_id = "browser-" + std::to_string(i);
    sent.insert(events.back().id);
  }

  ASSERT_TRUE(deliver(events).has_value());

  std::set<Uuid> arrived;
  for (const auto& event : google().events()) arrived.insert(event.id);
  EXPECT_EQ(arrived, sent);
}

TEST_F(Ga4Test, ADeliveryEndsWhenCancelledAndClosesItsConnection) {
  Event asked;
  Event closed;
  ScriptedServer silent([&](ScriptedConnection& connection) {
    (void)connection.read_request();
    asked.set();
    if (connection.wait_closed()) closed.set();
  });
  auto options = google().options();
  options.base_url = silent.url("");
  auto sink = analytics::make_ga4_sink(runtime_, options).value();
  auto outcome = std::make_shared<std::promise<Errc>>();
  auto waiting = outcome->get_future();
  auto deliver_one = [](std::shared_ptr<analytics::Sink> to, analytics::Event event,
                        std::shared_ptr<std::promise<Errc>> told) -> boost::asio::awaitable<void> {
    std::vector<analytics::Event> events{std::move(event)};
    const auto delivered = co_await to->deliver(std::move(events));
    told->set_value(delivered.error().code());
  };
  Task task(runtime_.executor(), deliver_one(sink, sample_event(), outcome),
            [](std::exception_ptr) {});
  ASSERT_TRUE(asked.wait());

  task.cancel();

  EXPECT_EQ(waiting.get(), Errc::cancelled);
  EXPECT_TRUE(closed.wait());
}

class BatchingTest : public Ga4Test {
 protected:
  /// The outcomes of deliveries that begin together, of these events each.
  std::vector<Errc> deliver_together(std::vector<std::vector<analytics::Event>> deliveries) {
    auto options = google().options();
    options.retry.max_attempts = 1;
    analytics::BatchingOptions batching;
    batching.linger = std::chrono::seconds(1);
    batching.events = 0;
    for (const auto& events : deliveries) batching.events += events.size();
    auto sink = analytics::make_batching_sink(analytics::make_ga4_sink(runtime_, options).value(),
                                              batching);
    auto deliver_one =
        [](std::shared_ptr<analytics::Sink> to, std::vector<analytics::Event> events,
           std::shared_ptr<std::promise<Errc>> told) -> boost::asio::awaitable<void> {
      const auto delivered = co_await to->deliver(std::move(events));
      told->set_value(delivered ? Errc::none : delivered.error().code());
    };
    std::vector<std::future<Errc>> waiting;
    for (auto& events : deliveries) {
      auto told = std::make_shared<std::promise<Errc>>();
      waiting.push_back(told->get_future());
      spawn(runtime_.executor(), deliver_one(sink, std::move(events), told));
    }
    std::vector<Errc> outcomes;
    for (auto& each : waiting) outcomes.push_back(each.get());
    return outcomes;
  }
};

TEST_F(BatchingTest, DeliveriesThatOverlapShareARequest) {
  const std::vector<std::vector<analytics::Event>> deliveries(25, {sample_event()});

  EXPECT_EQ(deliver_together(deliveries), std::vector<Errc>(25, Errc::none));
  EXPECT_EQ(google().requests(), 1);
  EXPECT_EQ(google().events().size(), 25U);
}

TEST_F(BatchingTest, ADeliveryThatIsRefusedFailsAlone) {
  // The batch, then its three deliveries.
  answer_ = [](int number) { return status(number == 0 || number == 2 ? "400 Bad" : "204 OK"); };

  EXPECT_THAT(deliver_together({{sample_event()}, {sample_event()}, {sample_event()}}),
              ElementsAre(Errc::none, Errc::invalid_argument, Errc::none));
}

TEST_F(BatchingTest, AFailureThatMayPassIsToldToAll) {
  answer_ = [](int) { return status("503 Not Now"); };

  EXPECT_THAT(deliver_together({{sample_event()}, {sample_event()}}),
              ElementsAre(Errc::unavailable, Errc::unavailable));
  EXPECT_EQ(google().requests(), 1);
}

TEST_F(Ga4Test, OptionsThatBreakARuleAreRefused) {
  const auto refused = [this](const std::function<void(analytics::Ga4SinkOptions&)>& spoil) {
    auto options = google().options();
    spoil(options);
    const auto made = analytics::make_ga4_sink(runtime_, options);
    return !made && made.error().code() == Errc::invalid_argument;
  };

  EXPECT_TRUE(refused([](auto& options) { options.measurement_id = "UA-1"; }));
  EXPECT_TRUE(refused([](auto& options) { options.measurement_id = "G-"; }));
  EXPECT_TRUE(refused([](auto& options) { options.measurement_id = "G-1&x=y"; }));
  EXPECT_TRUE(refused([](auto& options) {
    options.api_secret = Secret();
    options.base_url = "https://region1.google-analytics.com";
  }));
  EXPECT_TRUE(refused([](auto& options) { options.base_url = "ftp://host"; }));
  EXPECT_TRUE(refused([](auto& options) { options.base_url = "http://host?a=b"; }));
  EXPECT_TRUE(refused([](auto& options) { options.timeout = std::chrono::seconds(0); }));
}

TEST_F(Ga4Test, AUrlPicksTheCollector) {
  SchemeRegistry registry;
  analytics::register_ga4(registry, google().options());
  analytics::register_analytics_pod(registry, google().options());
  const std::string base = google().options().base_url;
  const auto open = [&](const std::string& url) {
    return registry.open<analytics::Sink>(url, runtime_);
  };

  EXPECT_TRUE(open("ga4:?measurement_id=G-ABC").has_value());
  EXPECT_TRUE(open("ga4:?measurement_id=G-ABC&region=eu").has_value());
  EXPECT_FALSE(open("ga4:?measurement_id=G-ABC&region=us").has_value());
  EXPECT_FALSE(open("ga4:?measurement_id=abc").has_value());
  EXPECT_FALSE(open("ga4:?measurement_id=G-ABC&api_secret=x").has_value());
  auto direct = open("ga4:" + base + "?measurement_id=G-ABC").value();
  auto pod = open(base).value();
  ASSERT_TRUE(run(runtime_, direct->deliver({sample_event()})).has_value());
  EXPECT_THAT(google().last_head(), HasSubstr("measurement_id=G-ABC&"));
  ASSERT_TRUE(run(runtime_, pod->deliver({sample_event()})).has_value());
  EXPECT_THAT(google().last_head(), HasSubstr("measurement_id=G-RWP&"));
}

}  // namespace
}  // namespace rwp::tests
