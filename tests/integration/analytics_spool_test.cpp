#include "analytics_spool/parcel.hpp"
#include "support/run.hpp"
#include "support/sample_event.hpp"
#include <rwp/analytics_spool/forwarder.hpp>
#include <rwp/analytics_spool/spool.hpp>
#include <rwp/core/runtime.hpp>
#include <rwp/jobs_sqlite/sqlite_job_store.hpp>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <condition_variable>
#include <functional>
#include <map>
#include <mutex>
#include <set>

namespace rwp::tests {
namespace {

using namespace std::chrono_literals;
using analytics::Event;
using analytics::Kept;
using analytics::SpooledEvent;
using ::testing::Each;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::SizeIs;

/// Keeps what arrives; refuses an event named "bad", and everything while it is down. Threads: safe
/// to share.
class RecordingSink final : public analytics::Sink {
 public:
  void set_down(bool down, Errc why = Errc::unavailable) {
    const std::lock_guard lock(mutex_);
    down_ = down;
    why_ = why;
  }
  std::vector<Event> events() const {
    const std::lock_guard lock(mutex_);
    return events_;
  }
  /// False: not within the guard.
  bool wait_until(
      const std::function<bool(const std::vector<Event>& events, int failures)>& is_so) {
    std::unique_lock lock(mutex_);
    return changed_.wait_for(lock, kGuard, [&] { return is_so(events_, failures_); });
  }
  bool wait_for(std::size_t count) {
    return wait_until([count](const auto& events, int) { return events.size() >= count; });
  }
  bool wait_for_failures(int count) {
    return wait_until([count](const auto&, int failures) { return failures >= count; });
  }

 private:
  boost::asio::awaitable<Result<void>> do_deliver(std::vector<Event> events) override {
    const std::lock_guard lock(mutex_);
    changed_.notify_all();
    if (down_) {
      ++failures_;
      co_return Error(why_, "down");
    }
    for (const Event& event : events) {
      if (event.name == "bad") co_return Error(Errc::invalid_argument, "bad event");
    }
    events_.insert(events_.end(), events.begin(), events.end());
    co_return Result<void>();
  }
  boost::asio::awaitable<Result<std::vector<Uuid>>> do_find_delivered(
      std::vector<Uuid> ids) override {
    const std::lock_guard lock(mutex_);
    std::vector<Uuid> found;
    for (const Event& event : events_) {
      if (std::find(ids.begin(), ids.end(), event.id) != ids.end()) found.push_back(event.id);
    }
    co_return found;
  }

  mutable std::mutex mutex_;
  std::condition_variable changed_;
  bool down_ = false;
  Errc why_ = Errc::unavailable;
  int failures_ = 0;
  std::vector<Event> events_;
};

SpooledEvent spooled(std::string client, std::string name = "job_viewed") {
  SpooledEvent one;
  one.event = sample_event();
  one.event.client_id = std::move(client);
  one.event.name = std::move(name);
  return one;
}

class SpoolTest : public ::testing::Test {
 protected:
  SpoolTest() { open({"one"}); }

  void open(std::vector<std::string> sinks, std::size_t max_parcels = 1'000) {
    analytics::SpoolOptions options;
    options.store = store_;
    options.sinks = std::move(sinks);
    options.max_parcels = max_parcels;
    options.metrics = metrics_;
    spool_ = std::make_shared<analytics::Spool>(std::move(options));
  }

  /// What became of each: "taken", "repeated" or the error's code; of all the same when the store
  /// failed as a whole.
  std::vector<std::string> keep(std::vector<SpooledEvent> events) {
    const std::size_t count = events.size();
    const auto kept = run(runtime_, spool_->keep(std::move(events)));
    if (!kept) return std::vector<std::string>(count, std::string(to_string(kept.error().code())));
    std::vector<std::string> outcomes;
    for (const auto& each : *kept) {
      outcomes.push_back(!each                  ? std::string(to_string(each.error().code()))
                         : *each == Kept::taken ? "taken"
                                                : "repeated");
    }
    return outcomes;
  }

  std::unique_ptr<analytics::SpoolForwarder> forward_to(
      std::map<std::string, std::shared_ptr<RecordingSink>> sinks) {
    analytics::SpoolForwarderOptions options;
    options.store = store_;
    options.first_wait = 1ms;
    options.longest_wait = 20ms;
    for (auto& [name, sink] : sinks) {
      analytics::NamedSink named;
      named.name = name;
      named.sink = sink;
      options.sinks.push_back(std::move(named));
    }
    auto forwarder = std::make_unique<analytics::SpoolForwarder>(std::move(options));
    forwarder->start();
    return forwarder;
  }

  std::vector<jobs::Job> parcels(jobs::StateSet states = jobs::StateSet::all()) {
    jobs::JobFilter filter;
    filter.kind = analytics::kParcelKind;
    filter.states = states;
    return run(runtime_, store_->list(filter, "", 1'000)).value().jobs;
  }

  /// Waits until no parcel is open.
  bool wait_until_empty() {
    const auto until = std::chrono::steady_clock::now() + kGuard;
    while (!parcels(jobs::StateSet::open()).empty()) {
      if (std::chrono::steady_clock::now() > until) return false;
      (void)run(runtime_, pause());
    }
    return true;
  }
  static boost::asio::awaitable<Result<void>> pause() { co_return co_await sleep_for(2ms); }

  Runtime runtime_;
  std::shared_ptr<observability::Metrics> metrics_ = observability::make_metrics();
  std::shared_ptr<jobs::JobStore> store_ =
      jobs_sqlite::open_sqlite_job_store(runtime_, jobs_sqlite::SqliteOptions()).value();
  std::shared_ptr<analytics::Spool> spool_;
  std::shared_ptr<RecordingSink> sink_ = std::make_shared<RecordingSink>();
};

TEST_F(SpoolTest, EventsOfAClientShareAParcelOfAtMost25) {
  std::vector<SpooledEvent> events;
  for (int i = 0; i < 60; ++i) events.push_back(spooled(i % 2 == 0 ? "a" : "b"));
  for (SpooledEvent& each : events) each.event.id = Uuid::make_v7();

  EXPECT_THAT(keep(events), Each("taken"));

  EXPECT_THAT(parcels(), SizeIs(4));
}

TEST_F(SpoolTest, EventsAboutSomebodyAreFoundByTheirTagAndKeepTheirOrder) {
  std::vector<SpooledEvent> events;
  for (const char* about : {"", "ana", "ana", "bob", "ana", "no tag: ä"}) {
    events.push_back(spooled("a"));
    if (*about != '\0') events.back().event.parameters["candidate"] = std::string(about);
  }
  EXPECT_THAT(keep(events), Each("taken"));
  jobs::JobFilter filter;
  filter.tag = "subject:ana";

  const auto about_ana = run(runtime_, store_->list(filter, "", 100)).value().jobs;

  EXPECT_THAT(parcels(), SizeIs(5));
  EXPECT_THAT(about_ana, SizeIs(2));
  const auto started = forward_to({{"one", sink_}});
  ASSERT_TRUE(sink_->wait_for(events.size()));
  std::vector<Uuid> sent;
  std::vector<Uuid> arrived;
  for (const SpooledEvent& one : events) sent.push_back(one.event.id);
  for (const Event& one : sink_->events()) arrived.push_back(one.id);
  EXPECT_EQ(arrived, sent);
}

TEST_F(SpoolTest, ARepetitionIsRecognisedTogetherAndAmongOthers) {
  const SpooledEvent first = spooled("a");
  const SpooledEvent second = spooled("a");
  const SpooledEvent third = spooled("a");

  EXPECT_THAT(keep({first, second}), Each("taken"));
  EXPECT_THAT(keep({first, second}), Each("repeated"));
  const auto mixed = keep({second, third});

  EXPECT_THAT(mixed, ElementsAre("repeated", "taken"));
  EXPECT_THAT(parcels(), SizeIs(2));
}

TEST_F(SpoolTest, ARequestThatIsRepeatedAfterARestartIsRecognisedByTheStore) {
  const std::vector<SpooledEvent> events{spooled("a"), spooled("a")};
  EXPECT_THAT(keep(events), Each("taken"));
  open({"one"});

  EXPECT_THAT(keep(events), Each("repeated"));
  auto other = events;
  other[0].event.parameters["job_id"] = std::string("43");
  open({"one"});

  EXPECT_THAT(keep(other), Each("conflict"));
  EXPECT_THAT(parcels(), SizeIs(1));
}

TEST_F(SpoolTest, AnotherEventUnderAnIdIsAConflictAndTheOthersAreKept) {
  const SpooledEvent first = spooled("a");
  EXPECT_THAT(keep({first}), Each("taken"));
  SpooledEvent other = first;
  other.event.name = "job_saved";

  const auto answers = keep({other, spooled("a")});

  EXPECT_THAT(answers, ElementsAre("conflict", "taken"));
}

TEST_F(SpoolTest, TenantsDoNotShareIds) {
  const SpooledEvent first = spooled("a");
  SpooledEvent other = first;
  other.event.tenant = "agency-2";

  EXPECT_THAT(keep({first}), Each("taken"));
  EXPECT_THAT(keep({other}), Each("taken"));
}

TEST_F(SpoolTest, AFullSpoolRefusesWhatIsNewAndKeepsWhatIsOld) {
  open({"one"}, 2);
  EXPECT_THAT(keep({spooled("a")}), Each("taken"));
  EXPECT_THAT(keep({spooled("a")}), Each("taken"));

  EXPECT_THAT(keep({spooled("a")}), Each("unavailable"));
  EXPECT_THAT(parcels(), SizeIs(2));
}

TEST_F(SpoolTest, AnEventWithoutATimeHasThatOfItsArrival) {
  SpooledEvent untimed = spooled("a");
  untimed.timed = false;
  EXPECT_THAT(keep({untimed}), Each("taken"));
  untimed.event.time += 1h;
  EXPECT_THAT(keep({untimed}), Each("repeated"));
  const auto forwarder = forward_to({{"one", sink_}});

  ASSERT_TRUE(sink_->wait_for(1));

  EXPECT_EQ(sink_->events()[0].time, parcels()[0].created_at);
}

TEST_F(SpoolTest, EventsOfAClientArriveInTheOrderInWhichTheyWereTakenThroughAnOutage) {
  sink_->set_down(true);
  const auto forwarder = forward_to({{"one", sink_}});
  std::map<std::string, std::vector<Uuid>> sent;
  const auto send = [&] {
    for (int i = 0; i < 40; ++i) {
      const std::string client = "client-" + std::to_string(i % 10);
      SpooledEvent one = spooled(client);
      sent[client].push_back(one.event.id);
      EXPECT_THAT(keep({one}), Each("taken"));
    }
  };
  send();
  ASSERT_TRUE(sink_->wait_for_failures(3));
  send();
  sink_->set_down(false);
  ASSERT_TRUE(sink_->wait_for(80));

  ASSERT_TRUE(wait_until_empty());
  std::map<std::string, std::vector<Uuid>> arrived;
  for (const Event& event : sink_->events()) arrived[event.client_id].push_back(event.id);
  EXPECT_EQ(arrived, sent);
  EXPECT_THAT(parcels({jobs::JobState::succeeded}), SizeIs(80));
}

TEST_F(SpoolTest, ASinkThatIsDownHoldsNoOtherUpAndHasNothingDoubled) {
  open({"one", "two"});
  const auto other = std::make_shared<RecordingSink>();
  other->set_down(true);
  const auto forwarder = forward_to({{"one", sink_}, {"two", other}});
  for (int i = 0; i < 20; ++i) {
    EXPECT_THAT(keep({spooled("client-" + std::to_string(i))}), Each("taken"));
  }

  EXPECT_TRUE(sink_->wait_for(20));
  EXPECT_TRUE(other->wait_for_failures(5));
  other->set_down(false);
  EXPECT_TRUE(other->wait_for(20));
  ASSERT_TRUE(wait_until_empty());

  EXPECT_THAT(sink_->events(), SizeIs(20));
  EXPECT_THAT(other->events(), SizeIs(20));
}

TEST_F(SpoolTest, ASinkThatIsFullLosesWhatIsNewAndCountsIt) {
  open({"one", "two"}, 3);
  const auto stuck = std::make_shared<RecordingSink>();
  stuck->set_down(true);
  for (int i = 0; i < 3; ++i) EXPECT_THAT(keep({spooled("a")}), Each("taken"));
  // The room of the first is known again once a second.
  const auto forwarder = forward_to({{"one", sink_}, {"two", stuck}});
  ASSERT_TRUE(sink_->wait_for(3));
  const auto until = std::chrono::steady_clock::now() + kGuard;
  while (keep({spooled("a")})[0] == "unavailable" && std::chrono::steady_clock::now() < until) {
    (void)run(runtime_, pause());
  }

  ASSERT_TRUE(sink_->wait_for(4));
  EXPECT_THAT(metrics_->expose(), HasSubstr(R"(rwp_spool_dropped_events_total{sink="two"} 1)"));
}

TEST_F(SpoolTest, ARefusedEventFailsAloneAndIsNamed) {
  const SpooledEvent bad = spooled("a", "bad");
  EXPECT_THAT(keep({spooled("a"), bad, spooled("a")}), Each("taken"));
  EXPECT_THAT(keep({spooled("a")}), Each("taken"));
  const auto forwarder = forward_to({{"one", sink_}});

  ASSERT_TRUE(sink_->wait_for(3));
  ASSERT_TRUE(wait_until_empty());

  EXPECT_THAT(sink_->events(), SizeIs(3));
  const auto failed = parcels({jobs::JobState::failed});
  ASSERT_THAT(failed, SizeIs(1));
  EXPECT_THAT(failed[0].errors.back().message, HasSubstr(bad.event.id.to_string()));
}

TEST_F(SpoolTest, WhatIsNoFaultOfTheEventsIsWaitedFor) {
  for (const Errc why : {Errc::unauthenticated, Errc::permission_denied, Errc::unsupported}) {
    const auto sink = std::make_shared<RecordingSink>();
    sink->set_down(true, why);
    const auto forwarder = forward_to({{"one", sink}});
    EXPECT_THAT(keep({spooled("a"), spooled("a")}), Each("taken"));

    ASSERT_TRUE(sink->wait_for_failures(3));
    EXPECT_THAT(parcels({jobs::JobState::failed}), IsEmpty()) << to_string(why);
    sink->set_down(false);

    ASSERT_TRUE(sink->wait_for(2));
    ASSERT_TRUE(wait_until_empty());
  }
}

TEST_F(SpoolTest, WhatAStoppedForwarderHeldIsDeliveredByTheNext) {
  sink_->set_down(true);
  {
    const auto forwarder = forward_to({{"one", sink_}});
    for (int i = 0; i < 10; ++i) {
      EXPECT_THAT(keep({spooled("a")}), Each("taken"));
    }
    ASSERT_TRUE(sink_->wait_for_failures(1));
    forwarder->stop();
    ASSERT_TRUE(forwarder->wait_stopped(std::chrono::steady_clock::now() + kGuard));
  }
  EXPECT_THAT(parcels({jobs::JobState::ready}), SizeIs(10));
  sink_->set_down(false);

  const auto next = forward_to({{"one", sink_}});

  ASSERT_TRUE(sink_->wait_for(10));
  ASSERT_TRUE(wait_until_empty());
  EXPECT_THAT(sink_->events(), SizeIs(10));
}

TEST_F(SpoolTest, ALaneIsOneForwardersAtATimeAndMovesOnWhenItStops) {
  const auto other = std::make_shared<RecordingSink>();
  auto first = forward_to({{"one", sink_}});
  EXPECT_THAT(keep({spooled("a")}), Each("taken"));
  ASSERT_TRUE(sink_->wait_for(1));
  const auto second = forward_to({{"one", other}});
  for (int i = 0; i < 50; ++i) EXPECT_THAT(keep({spooled("a")}), Each("taken"));
  ASSERT_TRUE(sink_->wait_for(51));
  EXPECT_THAT(other->events(), IsEmpty());

  first.reset();
  EXPECT_THAT(keep({spooled("a")}), Each("taken"));

  EXPECT_TRUE(other->wait_for(1));
}

TEST_F(SpoolTest, ACancelledParcelIsNotDelivered) {
  const auto forwarder = forward_to({});
  EXPECT_THAT(keep({spooled("a")}), Each("taken"));
  const auto waiting = parcels();
  ASSERT_TRUE(run(runtime_, store_->cancel({waiting[0].id})).has_value());
  EXPECT_THAT(keep({spooled("a")}), Each("taken"));

  const auto started = forward_to({{"one", sink_}});

  ASSERT_TRUE(wait_until_empty());
  EXPECT_THAT(sink_->events(), SizeIs(1));
}

}  // namespace
}  // namespace rwp::tests
