#include "support/sample_event.hpp"
#include <rwp/analytics/event.hpp>
#include <rwp/analytics/event_type.hpp>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <functional>
#include <limits>

namespace rwp::tests {
namespace {

using namespace analytics;
using ::testing::HasSubstr;

std::string repeat(std::string_view text, std::size_t times) {
  std::string out;
  for (std::size_t i = 0; i < times; ++i) out += text;
  return out;
}

/// Whether the sample event is taken after the change; `message` gets the reason if not.
bool taken(const std::function<void(Event&)>& change, std::string* message = nullptr) {
  Event event = sample_event();
  change(event);
  const auto checked = check_event(event);
  if (!checked) {
    EXPECT_EQ(checked.error().code(), Errc::invalid_argument);
    if (message != nullptr) *message = checked.error().message();
  }
  return checked.has_value();
}

TEST(EventTest, AnEventWithEveryFieldIsValid) {
  EXPECT_TRUE(taken([](Event&) {}));
}

TEST(EventTest, UserPropertiesKeepTheirOwnNamesAndLengths) {
  const auto with = [](std::string name, ParameterValue value) {
    return taken([&](Event& event) { event.user_properties[name] = value; });
  };

  EXPECT_TRUE(with(std::string(24, 'p'), std::string(36, 'x')));
  EXPECT_FALSE(with(std::string(25, 'p'), true));
  EXPECT_FALSE(with("plan", std::string(37, 'x')));
  EXPECT_FALSE(with("user_id", true));
  EXPECT_FALSE(with("first_open_time", true));
  EXPECT_FALSE(with("ga_plan", true));
  EXPECT_FALSE(with("score", std::numeric_limits<double>::infinity()));
  EXPECT_FALSE(taken([](Event& event) {
    for (int i = 0; i < 26; ++i) event.user_properties["p" + std::to_string(i)] = true;
  }));
}

TEST(EventTest, TimeOfEngagementIsAWholeNumberAboveZero) {
  const auto engaged = [](ParameterValue value) {
    return taken([&](Event& event) { event.parameters["engagement_time_msec"] = value; });
  };

  EXPECT_TRUE(engaged(std::int64_t{1}));
  EXPECT_FALSE(engaged(std::int64_t{0}));
  EXPECT_FALSE(engaged(1.5));
  EXPECT_FALSE(engaged(std::string("1")));
}

TEST(EventTest, AnEventNeedsOnlyNameAndClient) {
  EXPECT_TRUE(check_event(make_event(EventType::job_viewed, "browser-1")).has_value());
}

TEST(EventTest, NamesKeepTheAlphabetAndTheLength) {
  const auto named = [](std::string name) {
    return taken([&](Event& event) { event.name = std::move(name); });
  };

  EXPECT_TRUE(named("a"));
  EXPECT_TRUE(named("Job_Viewed_2"));
  EXPECT_TRUE(named(std::string(40, 'a')));
  for (const std::string bad :
       {"", "2fast", "job-viewed", "job viewed", "caf\xc3\xa9", "a.b", "\n"}) {
    EXPECT_FALSE(named(bad)) << bad;
  }
  EXPECT_FALSE(named(std::string(41, 'a')));
}

TEST(EventTest, ReservedNamesAndPrefixesAreRefused) {
  for (const std::string name :
       {"page_view", "session_start", "click", "error", "video_start", "notification_open", "ga_x",
        "google_x", "firebase_x", "_x", "query_id", "app_store_subscription_renew"}) {
    EXPECT_FALSE(taken([&](Event& event) { event.name = name; })) << name;
  }
  EXPECT_TRUE(taken([](Event& event) { event.name = "gallery_opened"; }));
  EXPECT_TRUE(taken([](Event& event) { event.name = "clicked"; }));
  EXPECT_TRUE(taken([](Event& event) { event.name = "view_completed"; }));
}

TEST(EventTest, EveryTypeOfThePlatformIsAValidNameThatReadsBack) {
  for (int i = 0; i <= static_cast<int>(EventType::application_placed); ++i) {
    const auto type = static_cast<EventType>(i);
    EXPECT_TRUE(check_event(make_event(type, "c")).has_value()) << to_string(type);
    EXPECT_EQ(event_type_from_string(to_string(type)), type);
  }
  EXPECT_EQ(event_type_from_string("job_view"), std::nullopt);
}

TEST(EventTest, ItemsKeepTheRulesOfParametersAndTheirOwnNumbers) {
  std::string message;

  EXPECT_TRUE(taken([](Event& event) { event.items.resize(200); }));
  EXPECT_FALSE(taken([](Event& event) { event.items.resize(201); }));
  EXPECT_FALSE(taken(
      [](Event& event) {
        event.items = {{}, {{"item_name", std::string(101, 'x')}}};
      },
      &message));
  EXPECT_THAT(message, HasSubstr("items[1]"));
  EXPECT_FALSE(taken([](Event& event) { event.items = {{{"ga_x", true}}}; }));
  const auto with_own = [](int count) {
    return taken([&](Event& event) {
      event.items.resize(1);
      event.items[0]["item_id"] = std::string("42");
      for (int i = 0; i < count; ++i) event.items[0]["own" + std::to_string(i)] = true;
    });
  };
  EXPECT_TRUE(with_own(10));
  EXPECT_FALSE(with_own(11));
}

TEST(EventTest, NameFaultsTellReservedFromMalformed) {
  EXPECT_FALSE(event_name_fault("job_viewed").has_value());
  EXPECT_TRUE(event_name_fault("page_view")->reserved);
  EXPECT_FALSE(event_name_fault("job-viewed")->reserved);
  EXPECT_FALSE(parameter_name_fault("session_id").has_value());
  EXPECT_TRUE(parameter_name_fault("ga_x")->reserved);
}

TEST(EventTest, LengthsAreCountedInCharacters) {
  const std::string hundred = repeat("\xc3\xa9", 100);

  EXPECT_TRUE(taken([&](Event& event) { event.parameters["x"] = hundred; }));
  EXPECT_FALSE(taken([&](Event& event) { event.parameters["x"] = hundred + "e"; }));
  EXPECT_TRUE(taken([&](Event& event) { event.user_id = repeat("\xc3\xa9", 256); }));
  EXPECT_FALSE(taken([&](Event& event) { event.user_id = repeat("\xc3\xa9", 257); }));
  EXPECT_FALSE(taken([&](Event& event) { event.client_id = std::string(257, 'c'); }));
  EXPECT_FALSE(taken([&](Event& event) { event.tenant = hundred + "e"; }));
}

TEST(EventTest, PageParametersMayBeLonger) {
  const auto page = [](std::string name, std::size_t length) {
    return taken([&](Event& event) { event.parameters[name] = std::string(length, 'x'); });
  };

  EXPECT_TRUE(page("page_location", 1000));
  EXPECT_FALSE(page("page_location", 1001));
  EXPECT_TRUE(page("page_referrer", 420));
  EXPECT_FALSE(page("page_referrer", 421));
  EXPECT_TRUE(page("page_title", 300));
  EXPECT_FALSE(page("page_title", 301));
}

TEST(EventTest, ParametersAreBoundedInNumber) {
  const auto with = [](std::size_t count) {
    return taken([&](Event& event) {
      event.parameters.clear();
      for (std::size_t i = 0; i < count; ++i) event.parameters["p" + std::to_string(i)] = true;
    });
  };

  EXPECT_TRUE(with(kMaxParameters));
  EXPECT_FALSE(with(kMaxParameters + 1));
}

TEST(EventTest, ParameterNamesKeepTheRulesToo) {
  for (const std::string name : {"", "a b", "_x", "ga_x", "session_id", "event_id", "tenant"}) {
    EXPECT_FALSE(taken([&](Event& event) { event.parameters[name] = true; })) << name;
  }
  EXPECT_FALSE(taken([&](Event& event) { event.parameters[std::string(41, 'p')] = true; }));
}

TEST(EventTest, ValuesThatJsonCannotHoldAreRefused) {
  EXPECT_FALSE(
      taken([](Event& event) { event.parameters["x"] = std::numeric_limits<double>::infinity(); }));
  EXPECT_FALSE(taken([](Event& event) { event.parameters["x"] = std::string("\xff"); }));
  EXPECT_FALSE(taken([](Event& event) { event.client_id = "\xff"; }));
}

TEST(EventTest, FieldsThatMustBeThereAreMissed) {
  EXPECT_FALSE(taken([](Event& event) { event.id = Uuid(); }));
  EXPECT_FALSE(taken([](Event& event) { event.client_id.clear(); }));
  EXPECT_FALSE(taken([](Event& event) { event.time = {}; }));
  EXPECT_FALSE(taken([](Event& event) { event.session_id = "abc"; }));
}

TEST(EventTest, TheMessageNamesTheFieldAndNeverTheValue) {
  std::string message;

  taken([](Event& event) { event.parameters["note"] = std::string(101, 'S'); }, &message);

  EXPECT_THAT(message, HasSubstr("note"));
  EXPECT_THAT(message, HasSubstr("100"));
  EXPECT_THAT(message, ::testing::Not(HasSubstr("SS")));
}

TEST(EventJsonTest, AnEventReadsBackAsItWas) {
  Event event = sample_event();
  event.parameters["small"] = 1e-300;
  event.parameters["large"] = 1e300;
  event.parameters["whole"] = -3.0;
  event.parameters["least"] = std::numeric_limits<std::int64_t>::min();
  event.parameters["most"] = std::numeric_limits<std::int64_t>::max();
  event.parameters["text"] = std::string("\"\\\n\xe2\x80\xa8");

  EXPECT_EQ(event_from_json(to_json(event)).value(), event);
}

TEST(EventJsonTest, EmptyFieldsAreLeftOut) {
  Event event;
  event.id = Uuid::parse("0190a5c2-7b1e-7000-8000-000000000001").value();
  event.name = "job_viewed";
  event.client_id = "c";
  event.time = std::chrono::system_clock::time_point(std::chrono::seconds(1'769'851'800));

  EXPECT_EQ(to_json(event).str(),
            R"({"id":"0190a5c2-7b1e-7000-8000-000000000001","name":"job_viewed",)"
            R"("time":"2026-01-31T09:30:00.000000Z","client_id":"c"})");
  EXPECT_EQ(event_from_json(to_json(event)).value(), event);
}

Errc code_of(std::string json) {
  return event_from_json(JsonText::parse(std::move(json)).value()).error().code();
}

TEST(EventJsonTest, WhatIsNoEventIsRefused) {
  const std::string id = R"("id":"0190a5c2-7b1e-7000-8000-000000000001")";
  const std::string time = R"("time":"2026-01-31T09:30:00Z")";

  EXPECT_TRUE(event_from_json(JsonText::parse("{" + id + "," + time + "}").value()).has_value());
  for (const std::string& bad : {
           std::string("[]"),
           std::string("null"),
           "{" + id + "}",
           "{" + time + "}",
           R"({"id":"x",)" + time + "}",
           R"({"id":7,)" + time + "}",
           "{" + id + "," + time + R"(,"name":1})",
           "{" + id + "," + time + R"(,"parameters":[]})",
           "{" + id + "," + time + R"(,"parameters":{"x":null}})",
           "{" + id + "," + time + R"(,"parameters":{"x":{}}})",
           "{" + id + "," + time + R"(,"parameters":{"x":18446744073709551615}})",
       }) {
    EXPECT_EQ(code_of(bad), Errc::invalid_argument) << bad;
  }
}

TEST(EventJsonTest, TimesAreReadStrictly) {
  const auto read = [](std::string_view time) {
    return event_from_json(
        JsonText::parse(R"({"id":"0190a5c2-7b1e-7000-8000-000000000001","time":")" +
                        std::string(time) + "\"}")
            .value());
  };

  EXPECT_EQ(read("2024-02-29T23:59:59.5Z").value().time,
            std::chrono::system_clock::time_point(std::chrono::milliseconds(1'709'251'199'500)));
  for (const std::string_view bad :
       {"2023-02-29T00:00:00Z", "2024-01-01T24:00:00Z", "2024-01-01T00:60:00Z",
        "2024-01-01T00:00:00", "2024-01-01 00:00:00Z", "2024-1-1T00:00:00Z",
        "2024-01-01T00:00:00.Z", "2024-01-01T00:00:00.1234567890Z", "2024-01-01T00:00:00+01:00",
        "9999-01-01T00:00:00Z", "2024-+1-01T00:00:00Z", "2024--1-01T00:00:00Z", "Z", ""}) {
    EXPECT_FALSE(read(bad).has_value()) << bad;
  }
}

}  // namespace
}  // namespace rwp::tests
