#include "pods/job_json.hpp"
#include "pods/json_slice.hpp"
#include "pods/sealed_cursor.hpp"
#include "pods/time_text.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <chrono>
#include <string>
#include <vector>

namespace rwp::pods {
namespace {

using namespace std::chrono_literals;
using ::testing::ElementsAre;

JsonText json(std::string text) { return JsonText::parse(std::move(text)).value(); }

TEST(JsonSliceTest, MembersAndElementsAreSeenInOrderWithTheirBytes) {
  const auto text =
      json(R"( {"a" : [1, -2.5e3,"x\"]}" ] , "b\u00e9\ud83d\ude00\n":{ "c" : null }, "d":true})");
  std::vector<std::string> seen;
  const auto visited =
      JsonSlice(text).each_member([&](const std::string& name, JsonSlice value) -> Result<void> {
        seen.push_back(name + "=" + std::string(value.bytes()));
        (void)value.each_element([&](JsonSlice element) -> Result<void> {
          seen.push_back(std::string(element.bytes()));
          return {};
        });
        return {};
      });

  EXPECT_TRUE(visited);
  EXPECT_THAT(seen, ElementsAre(R"(a=[1, -2.5e3,"x\"]}" ])", "1", "-2.5e3", R"("x\"]}")",
                                "b\xC3\xA9\xF0\x9F\x98\x80\n={ \"c\" : null }", "d=true"));
}

TEST(JsonSliceTest, EmptyContainersAndScalarsAreWhole) {
  for (const char* whole : {"{}", "[]", "[{},[]]", R"("")", "0", "-1", "false", " null "}) {
    const auto text = json(whole);
    const JsonSlice slice(text);
    EXPECT_EQ(JsonText::parse(std::string(slice.bytes())).has_value(), true) << whole;
  }
  EXPECT_EQ(JsonSlice(json("9223372036854775808")).as_int64(), std::nullopt);
  EXPECT_EQ(JsonSlice(json("9223372036854775807")).as_int64(), INT64_MAX);
  EXPECT_EQ(JsonSlice(json("1.0")).as_int64(), std::nullopt);
}

TEST(JsonSliceTest, BackslashesBeforeAQuoteAreCounted) {
  const auto text = json(R"({"a\\":"b\\\\","c\\\"}":"\\\"","d":"\"\\"})");
  std::vector<std::string> seen;
  const auto visited =
      JsonSlice(text).each_member([&](const std::string& name, JsonSlice value) -> Result<void> {
        seen.push_back(name + "=" + value.as_string().value());
        return {};
      });

  EXPECT_TRUE(visited);
  EXPECT_THAT(seen, ElementsAre(R"(a\=b\\)", R"(c\"}=\")", R"(d="\)"));
}

TEST(DuplicateNameTest, IsFoundAtAnyDepthAlsoWhenItIsEscaped) {
  EXPECT_EQ(duplicate_name(json(R"({"a":{"b":[{"c":1},{"c":1,"d":2}]},"c":1})")), std::nullopt);
  EXPECT_EQ(duplicate_name(json(R"({"a":1,"b":2,"\u0061":3})")), "a");
  EXPECT_EQ(duplicate_name(json(R"({"x":{"b":[0,[{"c":{"d":1,"d":1}}]]}})")), "x.b[1][0].c.d");
  EXPECT_EQ(duplicate_name(json(R"([{},{"":1,"":2}])")), "[1].");
}

TEST(DuplicateNameTest, IsFoundAmongMany) {
  std::string members;
  for (int i = 0; i < 20; ++i) members += "\"n" + std::to_string(i) + "\":0,";

  EXPECT_EQ(duplicate_name(json("{" + members + "\"last\":0}")), std::nullopt);
  EXPECT_EQ(duplicate_name(json("{" + members + "\"n3\":0}")), "n3");
  EXPECT_EQ(duplicate_name(json("{" + members + "\"\\u006e19\":0}")), "n19");
}

TEST(ShownNameTest, IsCutBetweenCharacters) {
  const std::string most(63, 'a');
  EXPECT_EQ(shown_name(most + "bc"), most + "b");
  EXPECT_EQ(shown_name(most + "\xC3\xA9" + "c"), most);
  EXPECT_EQ(shown_name("\xC3\xA9"), "\xC3\xA9");
  EXPECT_EQ(duplicate_name(json("{\"" + most + "bc\":1,\"" + most + "bc\":2}")), most + "b");
}

/// What is wrong with a body, or "".
std::string field_of(const std::string& body) {
  BadRequest bad;
  const auto read = read_jobs(body, bad);
  if (read) return "(good)";
  EXPECT_EQ(bad.error.code(), Errc::invalid_argument) << body;
  return bad.field;
}

TEST(ReadJobsTest, EveryMemberOfAJobIsRead) {
  BadRequest bad;
  const auto read = read_jobs(
      R"({"kind":"k","version":2,"queue":"q","payload":{"b": 1,"a":[ ]},"priority":"high",)"
      R"("run_at":"2026-01-31T13:00:00.5+01:00","delay":"5m","timeout":"30s","max_attempts":3,)"
      R"("idempotency_key":"i","unique":{"key":"u","states":["ready","failed"],"period":"1h"},)"
      R"("tags":["x","y"]})",
      bad);

  ASSERT_TRUE(read) << bad.error.message();
  EXPECT_FALSE(read->many);
  const auto& job = read->jobs.at(0);
  EXPECT_EQ(job.kind, "k");
  EXPECT_EQ(job.version, 2);
  EXPECT_EQ(job.queue, "q");
  // As it came: the ledger compares the bytes.
  EXPECT_EQ(job.payload.str(), R"({"b": 1,"a":[ ]})");
  EXPECT_EQ(job.priority, jobs::Priority::high);
  EXPECT_EQ(to_rfc3339(job.run_at.value()), "2026-01-31T12:00:00.500Z");
  EXPECT_EQ(job.delay, 5min);
  EXPECT_EQ(job.timeout, 30s);
  EXPECT_EQ(job.max_attempts, 3);
  EXPECT_EQ(job.idempotency_key, "i");
  EXPECT_EQ(job.unique.key, "u");
  EXPECT_EQ(job.unique.states, (jobs::StateSet{jobs::JobState::ready, jobs::JobState::failed}));
  EXPECT_EQ(job.unique.period, 1h);
  EXPECT_THAT(job.tags, ElementsAre("x", "y"));
}

TEST(ReadJobsTest, WhatIsWrongIsNamedByItsPath) {
  EXPECT_EQ(field_of(R"({"kind":"k"})"), "(good)");
  EXPECT_EQ(field_of(R"({"payload":1})"), "kind");
  EXPECT_EQ(field_of(R"({"kind":1})"), "kind");
  EXPECT_EQ(field_of(R"({"kind":"k","id":"x"})"), "id");
  EXPECT_EQ(field_of(R"({"kind":"k","tenant":"other"})"), "tenant");
  EXPECT_EQ(field_of(R"({"kind":"k","version":1.5})"), "version");
  EXPECT_EQ(field_of(R"({"kind":"k","version":99999999999})"), "version");
  EXPECT_EQ(field_of(R"({"kind":"k","max_attempts":-1})"), "max_attempts");
  EXPECT_EQ(field_of(R"({"kind":"k","priority":"very"})"), "priority");
  EXPECT_EQ(field_of(R"({"kind":"k","run_at":"tomorrow"})"), "run_at");
  EXPECT_EQ(field_of(R"({"kind":"k","delay":5})"), "delay");
  EXPECT_EQ(field_of(R"({"kind":"k","tags":["a",1]})"), "tags[1]");
  EXPECT_EQ(field_of(R"({"kind":"k","unique":{"key":"u","state":[]}})"), "unique.state");
  EXPECT_EQ(field_of(R"({"kind":"k","unique":{"states":["gone"]}})"), "unique.states");
  EXPECT_EQ(field_of(R"({"kind":"k","unique":{"period":"1h"}})"), "unique.key");
  EXPECT_EQ(field_of(R"({"jobs":[{"kind":"k","unique":{}}]})"), "jobs[0].unique.key");
  EXPECT_EQ(field_of(R"({"kind":"k","kind":"k"})"), "kind");
  EXPECT_EQ(field_of(R"({"jobs":[{"kind":"a"},{"kind":null}]})"), "jobs[1].kind");
  EXPECT_EQ(field_of(R"({"jobs":[7]})"), "jobs[0]");
  EXPECT_EQ(field_of(R"({"jobs":[]})"), "jobs");
  EXPECT_EQ(field_of(R"({"jobs":{}})"), "jobs");
  EXPECT_EQ(field_of(R"({"jobs":[{"kind":"a"}],"kind":"b"})"), "kind");
  EXPECT_EQ(field_of("[]"), "");
  EXPECT_EQ(field_of(""), "");
  EXPECT_EQ(field_of("{\"kind\":\"\xff\"}"), "");
  EXPECT_EQ(field_of(std::string("{\"kind\":\"a\0\"}", 14)), "");
  EXPECT_EQ(field_of(std::string(100, '[')), "");
}

TEST(ReadJobsTest, MoreThanAThousandAreRefused) {
  std::string body = R"({"jobs":[)";
  for (int i = 0; i < 1'000; ++i) body += R"({"kind":"k"},)";
  EXPECT_EQ(field_of(body.substr(0, body.size() - 1) + "]}"), "(good)");
  EXPECT_EQ(field_of(body + R"({"kind":"k"}]})"), "jobs");
}

TEST(TimeTextTest, OffsetsFractionsAndLeapDaysAreRead) {
  const auto read = [](const char* text) {
    const auto time = parse_rfc3339(text);
    return time ? to_rfc3339(*time) : std::string("refused");
  };
  EXPECT_EQ(read("2024-02-29T23:59:59.999999999Z"), "2024-02-29T23:59:59.999Z");
  EXPECT_EQ(read("1970-01-01T00:00:00+00:00"), "1970-01-01T00:00:00.000Z");
  EXPECT_EQ(read("2026-01-01T00:30:00-02:00"), "2026-01-01T02:30:00.000Z");
  for (const char* bad :
       {"", "2026-01-01", "2026-01-01T00:00:00", "2026-02-29T00:00:00Z", "2026-01-01T24:00:00Z",
        "2026-01-01T00:00:00.Z", "2026-13-01T00:00:00Z", "9999-01-01T00:00:00Z",
        "2026-01-01T00:00:00Zx", "2026-01-01T00:00:00+2"}) {
    EXPECT_EQ(read(bad), "refused") << bad;
  }
}

TEST(SealedCursorTest, OpensForItsTenantAloneAndHidesWhereItPoints) {
  const Sha256 secret = sha256("secret");
  const auto sealed = seal_cursor(secret, "acme", "123456");

  EXPECT_EQ(open_cursor(secret, "acme", sealed).value(), "123456");
  EXPECT_EQ(open_cursor(secret, "globex", sealed).error().code(), Errc::invalid_argument);
  EXPECT_FALSE(open_cursor(sha256("other"), "acme", sealed));
  EXPECT_FALSE(open_cursor(secret, "acme", "123456"));
  std::string changed = sealed;
  changed.back() = changed.back() == '0' ? '1' : '0';
  EXPECT_FALSE(open_cursor(secret, "acme", changed));
  EXPECT_FALSE(open_cursor(secret, "acme", std::string(96, 'z')));
  EXPECT_NE(seal_cursor(secret, "acme", "123457").substr(32), sealed.substr(32));
}

}  // namespace
}  // namespace rwp::pods
