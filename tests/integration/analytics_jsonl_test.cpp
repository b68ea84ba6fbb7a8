#include "support/forked_process.hpp"
#include "support/read_events.hpp"
#include "support/run.hpp"
#include "support/sample_event.hpp"
#include "support/small_disk.hpp"
#include "support/temporary_directory.hpp"
#include <rwp/analytics_jsonl/jsonl_sink.hpp>
#include <rwp/core/async.hpp>
#include <rwp/core/scheme_registry.hpp>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <fstream>
#include <future>
#include <random>
#include <set>
#include <sstream>
#include <sys/stat.h>

namespace rwp::tests {
namespace {

namespace fs = std::filesystem;
using analytics::Event;
using ::testing::ElementsAre;

std::shared_ptr<analytics::Sink> open_sink(Runtime& runtime, const fs::path& path) {
  analytics::JsonlSinkOptions options{.path = path};
  return analytics::open_jsonl_sink(runtime, options).value();
}

std::string read_file(const fs::path& path) {
  std::ostringstream content;
  content << std::ifstream(path, std::ios::binary).rdbuf();
  return content.str();
}

void append_to_file(const fs::path& path, std::string_view text) {
  std::ofstream(path, std::ios::binary | std::ios::app) << text;
}

class JsonlSinkTest : public ::testing::Test {
 protected:
  fs::path path() const { return directory_.path() / "events.jsonl"; }

  TemporaryDirectory directory_;
};

TEST_F(JsonlSinkTest, ATornLineIsCutOffOnOpening) {
  Runtime runtime;
  const Event whole = sample_event();
  const Event next = sample_event();
  ASSERT_TRUE(run(runtime, open_sink(runtime, path())->deliver({whole})).has_value());
  append_to_file(path(), R"({"id":"0190a5c2-7b1e-7000-8000-0000)");

  ASSERT_TRUE(run(runtime, open_sink(runtime, path())->deliver({next})).has_value());

  EXPECT_THAT(read_events(path()), ElementsAre(whole, next));
}

TEST_F(JsonlSinkTest, DeliveredEventsAreFoundByTheirIds) {
  Runtime runtime;
  const auto sink = open_sink(runtime, path());
  Event first = sample_event();
  const Event last = sample_event();
  const Event never = sample_event();
  // As text, an id is no event's.
  first.parameters["note"] = "{\"id\":\"" + never.id.to_string() + "\"}";
  ASSERT_TRUE(run(runtime, sink->deliver({first})).has_value());
  for (int i = 0; i < 300; ++i) {
    ASSERT_TRUE(run(runtime, sink->deliver(std::vector<Event>(20, sample_event()))).has_value());
  }
  ASSERT_TRUE(run(runtime, sink->deliver({last})).has_value());

  const auto found = run(runtime, sink->find_delivered({never.id, last.id, first.id}));

  ASSERT_TRUE(found.has_value());
  EXPECT_THAT(*found, ElementsAre(first.id, last.id));
  EXPECT_TRUE(run(runtime, sink->find_delivered({}))->empty());
}

TEST_F(JsonlSinkTest, DeliveredEventsAreSoughtInTheFileThatIsThere) {
  Runtime runtime;
  const auto sink = open_sink(runtime, path());
  const Event event = sample_event();
  ASSERT_TRUE(run(runtime, sink->deliver({event})).has_value());
  fs::remove(path());

  const auto found = run(runtime, sink->find_delivered({event.id}));

  ASSERT_TRUE(found.has_value());
  EXPECT_TRUE(found->empty());
}

TEST_F(JsonlSinkTest, ALineTornByAnotherProcessIsCutOffWhileOpen) {
  Runtime runtime;
  const auto sink = open_sink(runtime, path());
  const Event whole = sample_event();
  const Event next = sample_event();
  ASSERT_TRUE(run(runtime, sink->deliver({whole})).has_value());
  for (const std::string& torn :
       {std::string("{"), std::string("{\"id\":\"0190\",\"na"), std::string(100, '\0')}) {
    append_to_file(path(), torn);
    ASSERT_TRUE(run(runtime, sink->deliver({next})).has_value());
  }

  EXPECT_THAT(read_events(path()), ElementsAre(whole, next, next, next));
}

TEST_F(JsonlSinkTest, ALastLineThatOnlyLacksItsEndIsKept) {
  Runtime runtime;
  const Event whole = sample_event();
  append_to_file(path(), to_json(whole).view());
  const Event next = sample_event();

  ASSERT_TRUE(run(runtime, open_sink(runtime, path())->deliver({next})).has_value());

  EXPECT_THAT(read_events(path()), ElementsAre(whole, next));
}

TEST_F(JsonlSinkTest, TextThatIsNotOursIsNeverCutOff) {
  Runtime runtime;
  append_to_file(path(), "a note by hand");

  open_sink(runtime, path());

  EXPECT_EQ(read_file(path()), "a note by hand\n");
}

TEST_F(JsonlSinkTest, AFileMovedAwayIsLeftAlone) {
  Runtime runtime;
  const auto sink = open_sink(runtime, path());
  const Event first = sample_event();
  const Event second = sample_event();
  ASSERT_TRUE(run(runtime, sink->deliver({first})).has_value());
  fs::rename(path(), directory_.path() / "events.1.jsonl");

  ASSERT_TRUE(run(runtime, sink->deliver({second})).has_value());

  EXPECT_THAT(read_events(directory_.path() / "events.1.jsonl"), ElementsAre(first));
  EXPECT_THAT(read_events(path()), ElementsAre(second));
}

boost::asio::awaitable<void> keep_outcome(std::shared_ptr<analytics::Sink> sink,
                                          std::vector<Event> events,
                                          std::shared_ptr<std::promise<Errc>> outcome) {
  const auto delivered = co_await sink->deliver(std::move(events));
  outcome->set_value(delivered ? Errc::none : delivered.error().code());
}

TEST_F(JsonlSinkTest, ACancelledDeliveryEndsAtOnceAndTakesNoOtherWithIt) {
  Runtime runtime(RuntimeOptions{.name = "test", .blocking_threads = 1});
  const auto sink = open_sink(runtime, path());
  std::promise<void> release;
  post(runtime.blocking(), [held = release.get_future().share()] { held.wait(); });
  const Event first = sample_event();
  const Event second = sample_event();
  const auto outcome = std::make_shared<std::promise<Errc>>();
  const auto other_outcome = std::make_shared<std::promise<Errc>>();
  Task task(runtime.executor(), keep_outcome(sink, {first}, outcome), [](std::exception_ptr) {});
  spawn(runtime.executor(), keep_outcome(sink, {second}, other_outcome));

  task.cancel();

  EXPECT_EQ(outcome->get_future().get(), Errc::cancelled);
  release.set_value();
  EXPECT_EQ(other_outcome->get_future().get(), Errc::none);
  EXPECT_THAT(read_events(path()), ElementsAre(first, second));
}

TEST_F(JsonlSinkTest, WhatStandsInTheWayOfAFileIsNoFaultOfTheEvents) {
  Runtime runtime;
  const auto sink = open_sink(runtime, path());
  fs::remove(path());
  fs::create_directory(path());
  // Not invalid_argument, by which a spool would give the events up.
  EXPECT_EQ(run(runtime, sink->deliver({sample_event()})).error().code(), Errc::unsupported);

  fs::remove(path());

  EXPECT_TRUE(run(runtime, sink->deliver({sample_event()})).has_value());
}

TEST_F(JsonlSinkTest, TheSchemeMakesFileAndDirectories) {
  Runtime runtime;
  SchemeRegistry registry;
  analytics::register_jsonl(registry);
  const fs::path deep = directory_.path() / "a/b/events.jsonl";

  const auto sink = registry.open<analytics::Sink>("jsonl:" + deep.string(), runtime).value();

  EXPECT_TRUE(fs::is_regular_file(deep));
  EXPECT_EQ(fs::status(deep).permissions(), fs::perms::owner_read | fs::perms::owner_write);
}

TEST_F(JsonlSinkTest, TheSchemeRefusesWhatIsNoFile) {
  Runtime runtime;
  SchemeRegistry registry;
  analytics::register_jsonl(registry);
  ASSERT_EQ(::mkfifo((directory_.path() / "pipe").c_str(), 0600), 0);
  append_to_file(directory_.path() / "file", "x");
  const std::string base = "jsonl:" + directory_.path().string();

  for (const std::string& url :
       {base, base + "/", base + "/pipe", base + "/file/events.jsonl",
        base + "/events.jsonl?rotate=daily", std::string("jsonl:"), base + "/a%00b"}) {
    EXPECT_EQ(registry.open<analytics::Sink>(url, runtime).error().code(), Errc::invalid_argument)
        << url;
  }
}

/// 0 when a delivery that does not fit leaves nothing behind, and a smaller one is taken.
int overfill(const fs::path& path) {
  Runtime runtime;
  const auto sink = open_sink(runtime, path);
  const Event before = sample_event();
  const Event after = sample_event();
  if (!run(runtime, sink->deliver({before}))) return 1;
  const auto refused = run(runtime, sink->deliver(std::vector<Event>(3000, sample_event())));
  if (refused.has_value() || refused.error().code() != Errc::unavailable) return 2;
  if (!run(runtime, sink->deliver({after}))) return 3;
  const std::vector<Event> kept{before, after};
  return read_events(path) == kept && !::testing::Test::HasFailure() ? 0 : 4;
}

TEST_F(JsonlSinkTest, ADeliveryThatFindsTheDiskFullLeavesNothingBehind) {
  const int outcome = run_on_small_disk(directory_.path(), [&] { return overfill(path()); });

  if (outcome == kSkipped) GTEST_SKIP() << "no small file system can be mounted here";
  EXPECT_EQ(outcome, 0);
}

TEST_F(JsonlSinkTest, ADeliveryAboveTheFileSizeLimitLeavesNothingBehind) {
  EXPECT_EQ(run_with_file_size_limit(std::size_t{100} << 10U, [&] { return overfill(path()); }), 0);
}

int deliver_until_killed(const fs::path& path, int pipe) {
  Runtime runtime;
  const auto sink = open_sink(runtime, path);
  for (int count = 1;; count = count % 40 + 1) {
    std::vector<Event> events;
    for (int i = 0; i < count; ++i) events.push_back(sample_event(std::string(90, 'j')));
    const std::vector<Event> sent = events;
    if (!run(runtime, sink->deliver(std::move(events)))) return 1;
    for (const Event& event : sent) {
      if (::write(pipe, &event.id, sizeof event.id) != sizeof event.id) return 2;
    }
  }
}

TEST_F(JsonlSinkTest, WhenWritersAreKilledNoAcknowledgedEventIsLostAndEveryLineIsWhole) {
  std::mt19937 random(42);
  std::set<Uuid> acknowledged;
  for (int round = 0; round < 10; ++round) {
    const auto work = [&](int pipe) { return deliver_until_killed(path(), pipe); };
    ForkedProcess one(work);
    ForkedProcess other(work);
    Uuid id;
    const auto until = std::uniform_int_distribution<int>(1, 400)(random);
    for (int i = 0; i < until && one.read(id); ++i) acknowledged.insert(id);
    one.kill();
    // The other goes on over what the first one left.
    for (int i = 0; i < 50 && other.read(id); ++i) acknowledged.insert(id);
    other.kill();
    while (one.read(id)) acknowledged.insert(id);
    while (other.read(id)) acknowledged.insert(id);
  }
  Runtime runtime;
  open_sink(runtime, path());  // Mends what the last round left.

  std::set<Uuid> found;
  for (const Event& event : read_events(path())) found.insert(event.id);

  EXPECT_GT(acknowledged.size(), 100U);
  EXPECT_TRUE(std::includes(found.begin(), found.end(), acknowledged.begin(), acknowledged.end()));
}

}  // namespace
}  // namespace rwp::tests
