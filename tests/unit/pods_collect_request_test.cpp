#include "pods/collect_request.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <chrono>
#include <string>

namespace rwp::pods {
namespace {

using namespace std::chrono_literals;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::SizeIs;

const auto kNow = std::chrono::system_clock::time_point(std::chrono::seconds(1'790'000'000));
constexpr const char* kId = "0190c7a0-5f1c-7abc-8def-0123456789ab";

Collection collect(std::string body) { return read_collection(std::move(body), kNow); }

/// "{field path} {code}" of the first fault; "" when there is none.
std::string fault(const std::string& body) {
  const auto collection = collect(body);
  if (collection.faults.empty()) return "";
  return collection.faults[0].field_path + " " + collection.faults[0].code;
}
std::string fault_of_event(const std::string& event) {
  return fault(R"({"client_id":"c","events":[)" + event + "]}");
}
std::string fault_of_parameters(const std::string& parameters) {
  return fault_of_event(R"({"name":"job_viewed","params":{)" + parameters + "}}");
}
std::string micros(std::chrono::system_clock::time_point time) {
  return std::to_string(
      std::chrono::duration_cast<std::chrono::microseconds>(time.time_since_epoch()).count());
}

TEST(CollectRequestTest, EventKeepsItsFieldsAndParameters) {
  const auto collection = collect(
      R"({"client_id":"c1","user_id":"u1","timestamp_micros":)" + micros(kNow - 1h) +
      R"(,"events":[{"name":"view_item","timestamp_micros":)" + micros(kNow - 2h) +
      R"(,"params":{"session_id":"123","engagement_time_msec":5,"event_id":")" + kId +
      R"(","tenant":"acme","remote":true,"score":1.5,"items":[{"item_id":"42","price":9}]}},)" +
      R"({"name":"search"}]})");

  ASSERT_THAT(collection.faults, IsEmpty());
  ASSERT_THAT(collection.events, SizeIs(2));
  const auto& first = collection.events[0];
  EXPECT_TRUE(first.timed);
  EXPECT_TRUE(first.identified);
  EXPECT_EQ(first.event.id.to_string(), kId);
  EXPECT_EQ(first.event.time, kNow - 2h);
  EXPECT_EQ(first.event.client_id, "c1");
  EXPECT_EQ(first.event.user_id, "u1");
  EXPECT_EQ(first.event.session_id, "123");
  EXPECT_EQ(first.event.tenant, "acme");
  EXPECT_THAT(first.event.parameters, SizeIs(3));
  ASSERT_THAT(first.event.items, SizeIs(1));
  EXPECT_EQ(std::get<std::int64_t>(first.event.items[0].at("price")), 9);
  EXPECT_EQ(collection.events[1].event.time, kNow - 1h);
  EXPECT_FALSE(collection.events[1].identified);
}

TEST(CollectRequestTest, WrongTypesAndUnknownFieldsAreRefusedByName) {
  EXPECT_EQ(fault("{"), " VALUE_INVALID");
  EXPECT_EQ(fault("[]"), " VALUE_INVALID");
  EXPECT_EQ(fault("\"\xFF\""), " VALUE_INVALID");
  EXPECT_EQ(fault(std::string(500, '[') + std::string(500, ']')), " VALUE_INVALID");
  EXPECT_EQ(fault("{}"), "client_id VALUE_REQUIRED");
  EXPECT_EQ(fault(R"({"client_id":7})"), "client_id VALUE_INVALID");
  EXPECT_EQ(fault(R"({"client_id":""})"), "client_id VALUE_REQUIRED");
  EXPECT_EQ(fault(R"({"client_id":"c"})"), "events VALUE_REQUIRED");
  EXPECT_EQ(fault(R"({"client_id":"c","events":{}})"), "events VALUE_INVALID");
  EXPECT_EQ(fault(R"({"client_id":"c","events":[]})"), "events VALUE_REQUIRED");
  EXPECT_EQ(fault(R"({"client_id":"c","colour":1,"events":[{"name":"a"}]})"),
            "colour VALUE_INVALID");
  EXPECT_EQ(fault(R"({"client_id":"c","app_instance_id":"x","events":[{"name":"a"}]})"),
            "app_instance_id VALUE_INVALID");
  EXPECT_EQ(fault_of_event("7"), "events[0] VALUE_INVALID");
  EXPECT_EQ(fault_of_event("{}"), "events[0].name VALUE_REQUIRED");
  EXPECT_EQ(fault_of_event(R"({"name":1})"), "events[0].name VALUE_INVALID");
  EXPECT_EQ(fault_of_event(R"({"name":"a","parms":{}})"), "events[0].parms VALUE_INVALID");
  EXPECT_EQ(fault_of_event(R"({"name":"a","params":[]})"), "events[0].params VALUE_INVALID");
  EXPECT_EQ(fault_of_parameters(R"("x":{})"), "events[0].params.x VALUE_INVALID");
  EXPECT_EQ(fault_of_parameters(R"("items":{})"), "events[0].params.items VALUE_INVALID");
}

TEST(CollectRequestTest, MemberThatStandsTwiceIsRefusedAsOneWouldBeLost) {
  EXPECT_EQ(fault(R"({"client_id":"c","events":[{"name":"a"}],"events":[{"name":"b"}]})"),
            "events NAME_DUPLICATED");
  EXPECT_EQ(fault_of_parameters(R"("x":1,"\u0078":2)"), "events[0].params.x NAME_DUPLICATED");
}

TEST(CollectRequestTest, TenantIsAString) {
  EXPECT_EQ(fault_of_parameters(R"("tenant":"acme")"), "");
  EXPECT_EQ(fault_of_parameters(R"("tenant":7)"), "events[0].params.tenant VALUE_INVALID");
  EXPECT_EQ(fault_of_parameters(R"("tenant":true)"), "events[0].params.tenant VALUE_INVALID");
}

TEST(CollectRequestTest, ConsentAndUserPropertiesAreKeptWithEachEvent) {
  const auto collection = collect(
      R"({"client_id":"c","consent":{"ad_user_data":"GRANTED","ad_personalization":"DENIED"},)"
      R"("user_properties":{"plan":{"value":"gold"},"seats":{"value":3}},)"
      R"("events":[{"name":"a"},{"name":"b"}]})");

  ASSERT_THAT(collection.faults, IsEmpty());
  ASSERT_THAT(collection.events, SizeIs(2));
  for (const auto& each : collection.events) {
    EXPECT_EQ(each.event.consent.ad_user_data, true);
    EXPECT_EQ(each.event.consent.ad_personalization, false);
    EXPECT_EQ(std::get<std::string>(each.event.user_properties.at("plan")), "gold");
    EXPECT_EQ(std::get<std::int64_t>(each.event.user_properties.at("seats")), 3);
  }
}

TEST(CollectRequestTest, ConsentAndUserPropertiesThatBreakARuleAreRefused) {
  const auto fault_of = [](const std::string& members) {
    return fault(R"({"client_id":"c",)" + members + R"(,"events":[{"name":"a"}]})");
  };
  const auto fault_of_property = [&](const std::string& property) {
    return fault_of(R"("user_properties":{)" + property + "}");
  };

  EXPECT_EQ(fault_of(R"("consent":true)"), "consent VALUE_INVALID");
  EXPECT_EQ(fault_of(R"("consent":{"ad_user_data":"granted"})"),
            "consent.ad_user_data VALUE_INVALID");
  EXPECT_EQ(fault_of(R"("consent":{"all":"GRANTED"})"), "consent.all VALUE_INVALID");
  EXPECT_EQ(fault_of(R"("user_properties":[])"), "user_properties VALUE_INVALID");
  EXPECT_EQ(fault_of_property(R"("plan":"gold")"), "user_properties.plan.value VALUE_REQUIRED");
  EXPECT_EQ(fault_of_property(R"("plan":{"value":"x","timestamp_micros":1})"),
            "user_properties.plan VALUE_INVALID");
  EXPECT_EQ(fault_of_property(R"("user_id":{"value":"x"})"),
            "user_properties.user_id NAME_RESERVED");
  EXPECT_EQ(fault_of_property('"' + std::string(25, 'p') + R"(":{"value":1})"),
            "user_properties." + std::string(25, 'p') + " NAME_INVALID");
  EXPECT_EQ(fault_of_property(R"("plan":{"value":")" + std::string(36, 'x') + "\"}"), "");
  EXPECT_EQ(fault_of_property(R"("plan":{"value":")" + std::string(37, 'x') + "\"}"),
            "user_properties.plan.value VALUE_OUT_OF_BOUNDS");
  std::string many;
  for (int i = 0; i < 26; ++i) many += "\"p" + std::to_string(i) + R"(":{"value":1},)";
  many.pop_back();
  EXPECT_EQ(fault_of_property(many), "user_properties EXCEEDED_MAX_ENTITIES");
}

TEST(CollectRequestTest, TimeOfEngagementIsAWholeNumberAboveZero) {
  EXPECT_EQ(fault_of_parameters(R"("engagement_time_msec":"100")"), "");
  for (const std::string bad : {"0", "-1", "1.5", "\"soon\"", "true"}) {
    EXPECT_EQ(fault_of_parameters("\"engagement_time_msec\":" + bad),
              "events[0].params.engagement_time_msec VALUE_INVALID")
        << bad;
  }
}

TEST(CollectRequestTest, LimitsAreGooglesAndTheyHoldToTheLastOne) {
  const auto events = [](int count) {
    std::string body = R"({"client_id":"c","events":[)";
    for (int i = 0; i < count; ++i) body += R"({"name":"a"},)";
    body.back() = ']';
    return fault(body + "}");
  };
  const auto parameters = [](int count) {
    std::string text = R"("session_id":1)";
    for (int i = 0; i < count; ++i) text += ",\"p" + std::to_string(i) + "\":1";
    return fault_of_parameters(text);
  };
  const auto items = [](int count) {
    std::string text = R"("items":[)";
    for (int i = 0; i < count; ++i) text += R"({"item_id":"1"},)";
    text.back() = ']';
    return fault_of_parameters(text);
  };

  EXPECT_EQ(events(25), "");
  EXPECT_EQ(events(26), "events EXCEEDED_MAX_ENTITIES");
  EXPECT_EQ(parameters(21), "");
  EXPECT_EQ(parameters(22), "events[0].params EXCEEDED_MAX_ENTITIES");
  // What our own sink adds.
  std::string full = R"("engagement_time_msec":1)";
  for (int i = 0; i < 21; ++i) full += ",\"p" + std::to_string(i) + "\":1";
  EXPECT_EQ(fault_of_parameters(full), "");
  EXPECT_EQ(fault_of_parameters(full + R"(,"more":1)"), "events[0].params EXCEEDED_MAX_ENTITIES");
  EXPECT_EQ(items(200), "");
  EXPECT_EQ(items(201), "events[0].params.items EXCEEDED_MAX_ENTITIES");
  EXPECT_EQ(fault_of_parameters(R"("x":")" + std::string(100, 'x') + '"'), "");
  EXPECT_EQ(fault_of_parameters(R"("x":")" + std::string(101, 'x') + '"'),
            "events[0].params.x VALUE_OUT_OF_BOUNDS");
  EXPECT_EQ(fault_of_parameters(R"("page_location":")" + std::string(1'000, 'x') + '"'), "");
  EXPECT_EQ(fault_of_parameters(R"("x":18446744073709551615)"),
            "events[0].params.x VALUE_OUT_OF_BOUNDS");
  EXPECT_EQ(fault(R"({"client_id":")" + std::string(257, 'c') + R"(","events":[{"name":"a"}]})"),
            "client_id VALUE_OUT_OF_BOUNDS");
}

TEST(CollectRequestTest, NamesAreReservedOrMalformed) {
  EXPECT_EQ(fault_of_event(R"({"name":"page_view"})"), "events[0].name NAME_RESERVED");
  EXPECT_EQ(fault_of_event(R"({"name":"ga_x"})"), "events[0].name NAME_RESERVED");
  EXPECT_EQ(fault_of_event(R"({"name":"job-viewed"})"), "events[0].name NAME_INVALID");
  EXPECT_EQ(fault_of_event(R"({"name":")" + std::string(41, 'a') + "\"}"),
            "events[0].name NAME_INVALID");
  EXPECT_EQ(fault_of_parameters(R"("google_x":1)"), "events[0].params.google_x NAME_RESERVED");
  EXPECT_EQ(fault_of_parameters(R"("a b":1)"), "events[0].params.a b NAME_INVALID");
}

TEST(CollectRequestTest, TimesReach72HoursBackAndNotAhead) {
  const auto at = [](std::chrono::system_clock::time_point time) {
    return fault_of_event(R"({"name":"a","timestamp_micros":)" + micros(time) + "}");
  };

  EXPECT_EQ(at(kNow - 72h), "");
  EXPECT_EQ(at(kNow - 72h - 1s), "events[0].timestamp_micros VALUE_OUT_OF_BOUNDS");
  EXPECT_EQ(at(kNow + 61s), "events[0].timestamp_micros VALUE_OUT_OF_BOUNDS");
  EXPECT_EQ(fault_of_event(R"({"name":"a","timestamp_micros":-9223372036854775808})"),
            "events[0].timestamp_micros VALUE_OUT_OF_BOUNDS");
  EXPECT_EQ(fault_of_event(R"({"name":"a","timestamp_micros":"1"})"),
            "events[0].timestamp_micros VALUE_INVALID");
}

TEST(CollectRequestTest, EventIdIsAUuidAndOnceInARequest) {
  const std::string with_id = R"({"name":"a","params":{"event_id":")" + std::string(kId) + R"("}})";

  EXPECT_EQ(fault_of_parameters(R"("event_id":"first")"),
            "events[0].params.event_id VALUE_INVALID");
  EXPECT_EQ(fault_of_event(with_id + "," + with_id), "events[1].params.event_id NAME_DUPLICATED");
}

TEST(CollectRequestTest, AllFaultsAreToldAsGoogleTellsThem) {
  const auto collection =
      collect(R"({"client_id":"c","events":[{"name":"_bad","params":{"a b":1}}]})");

  ASSERT_THAT(collection.faults, SizeIs(2));
  EXPECT_THAT(collection.events, IsEmpty());
  const auto json = validation_messages_json(collection.faults).release();
  EXPECT_THAT(json, HasSubstr(R"({"validationMessages":[{"fieldPath":"events[0].name",)"));
  EXPECT_THAT(json, HasSubstr(R"("validationCode":"NAME_RESERVED")"));
  EXPECT_EQ(validation_messages_json({}).str(), R"({"validationMessages":[]})");
}

TEST(CollectRequestTest, FaultsAreBounded) {
  std::string parameters = R"("x":1)";
  for (int i = 0; i < 5'000; ++i) parameters += ",\"a " + std::to_string(i) + "\":1";

  EXPECT_LE(collect(R"({"client_id":"c","events":[{"name":"a","params":{)" + parameters + "}}]}")
                .faults.size(),
            100U);
}

}  // namespace
}  // namespace rwp::pods
