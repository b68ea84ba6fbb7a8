#include "support/flaky_job_store.hpp"
#include "support/worker_fixture.hpp"
#include <rwp/core/async.hpp>
#include <rwp/testing/settable_clock.hpp>

#include <atomic>

namespace rwp {
namespace {

using namespace std::chrono_literals;
using jobs::JobState;
using jobs::StopReason;
using tests::Event;

/// A worker whose store fails when it is told to, and whose leases lapse when the clock is set.
class WorkerStoreTest : public tests::WorkerFixture {
 protected:
  WorkerStoreTest() {
    jobs_sqlite::SqliteOptions options;
    options.clock = clock_;
    inner_ = jobs_sqlite::open_sqlite_job_store(control_, std::move(options)).value();
    flaky_ = std::make_shared<tests::FlakyJobStore>(control_, inner_);
    store_ = flaky_;
    options_.lease = 1s;
  }
  ~WorkerStoreTest() override { flaky_->away = false; }

  /// Runs the job's process to death once: claimed, begun, and rescued.
  void die_once(const std::string& kind) {
    jobs::ClaimRequest request{.worker = "doomed", .kinds = {{.kind = kind}}, .lease = 1s};
    auto claimed = tests::run(control_, inner_->claim(request)).value();
    ASSERT_EQ(claimed.size(), 1U);
    if (!claimed[0].started) {
      ASSERT_TRUE(tests::run(control_, inner_->mark_started({claimed[0].run})).has_value());
    }
    clock_->advance(10s);
    ASSERT_EQ(tests::run(control_, inner_->rescue()).value().leases, 1U);
  }

  std::shared_ptr<testing::SettableClock> clock_ = std::make_shared<testing::SettableClock>();
  std::shared_ptr<jobs::JobStore> inner_;
  std::shared_ptr<tests::FlakyJobStore> flaky_;
};

TEST_F(WorkerStoreTest, CompletionsWaitForAStoreThatIsAwayAndNothingIsClaimedMeanwhile) {
  auto begun = std::make_shared<Event>();
  auto go = std::make_shared<Event>();
  worker().handle_blocking("work", [begun, go](Context&) -> Result<JsonText> {
    begun->set();
    EXPECT_TRUE(go->wait());
    return JsonText::trusted("1");
  });
  const Uuid first = submit("work");
  worker().start();
  ASSERT_TRUE(begun->wait());

  flaky_->away = true;
  go->set();
  ASSERT_TRUE(eventually([this] { return flaky_->failed_finishes > 0; }));
  const int claims = flaky_->claims;
  const Uuid second = submit("work");
  ASSERT_TRUE(eventually([this] { return flaky_->failed_finishes > 2; }));
  EXPECT_EQ(flaky_->claims, claims);
  flaky_->away = false;

  EXPECT_EQ(ended(first).result->str(), "1");
  EXPECT_EQ(ended(second).state, JobState::succeeded);
  EXPECT_EQ(worker().statistics().refused, 0U);
}

TEST_F(WorkerStoreTest, ACompletionWhoseAnswerWasLostCountsOnce) {
  flaky_->finishes_to_lose = 2;
  auto runs = std::make_shared<std::atomic<int>>(0);
  worker().handle("once", [this, runs](Context& context) -> Answer {
    ++*runs;
    jobs::NewJob child = new_job("child");
    (void)context.submit(std::move(child));
    co_return JsonText();
  });
  worker().start();

  EXPECT_EQ(ended(submit("once")).state, JobState::succeeded);
  EXPECT_TRUE(eventually([this] { return worker().statistics().succeeded == 1; }));

  EXPECT_EQ(*runs, 1);
  EXPECT_EQ(worker().statistics().refused, 0U);
  jobs::JobFilter children{.kind = "child"};
  EXPECT_EQ(tests::run(control_, store_->list(std::move(children), "", 10)).value().jobs.size(),
            1U);
}

TEST_F(WorkerStoreTest, ARunThatLostItsLeaseIsToldAndItsEndIsRefused) {
  auto begun = std::make_shared<Event>();
  auto reason = std::make_shared<std::atomic<StopReason>>(StopReason::none);
  auto told = std::make_shared<Event>();
  worker().handle("work", [=](Context& context) -> Answer {
    if (begun->is_set()) co_return JsonText::trusted("2");
    begun->set();
    (void)co_await sleep_for(1h);
    *reason = context.stop_reason();
    told->set();
    co_return JsonText::trusted("1");
  });
  const Uuid id = submit("work");
  worker().start();
  ASSERT_TRUE(begun->wait());

  clock_->advance(10s);
  ASSERT_EQ(tests::run(control_, inner_->rescue()).value().leases, 1U);

  EXPECT_TRUE(told->wait());
  EXPECT_EQ(*reason, StopReason::lease_lost);
  EXPECT_EQ(ended(id).result->str(), "2");
}

TEST_F(WorkerStoreTest, WithoutHeartbeatsTheRunIsStoppedBeforeAnotherMayBegin) {
  auto begun = std::make_shared<Event>();
  auto reason = std::make_shared<std::atomic<StopReason>>(StopReason::none);
  auto told = std::make_shared<Event>();
  worker().handle("work", [=](Context& context) -> Answer {
    begun->set();
    const auto slept = co_await sleep_for(1h);
    *reason = context.stop_reason();
    told->set();
    co_return slept.error();
  });
  submit("work");
  flaky_->heartbeats_fail = true;
  worker().start();
  ASSERT_TRUE(begun->wait());

  EXPECT_TRUE(told->wait());

  EXPECT_EQ(*reason, StopReason::lease_lost);
  EXPECT_GT(log_->count("heartbeat failed"), 0U);
}

TEST_F(WorkerStoreTest, HeartbeatsKeepALongRunWhateverItsAge) {
  auto go = std::make_shared<Event>();
  auto begun = std::make_shared<Event>();
  worker().handle_blocking("long", [begun, go](Context&) -> Result<JsonText> {
    begun->set();
    EXPECT_TRUE(go->wait());
    return JsonText();
  });
  const Uuid id = submit("long");
  worker().start();
  ASSERT_TRUE(begun->wait());

  // Longer than the lease altogether, never so between two heartbeats.
  for (int i = 0; i < 4; ++i) {
    const int before = flaky_->heartbeats;
    clock_->advance(400ms);
    ASSERT_TRUE(eventually([&] { return flaky_->heartbeats > before; }));
    EXPECT_EQ(tests::run(control_, inner_->rescue()).value().leases, 0U);
  }
  go->set();

  EXPECT_EQ(ended(id).state, JobState::succeeded);
}

TEST_F(WorkerStoreTest, ASuspectRunsWithNothingBesideIt) {
  const Uuid suspect = submit("suspect");
  die_once("suspect");
  die_once("suspect");
  auto inside = std::make_shared<std::atomic<int>>(0);
  auto runs = std::make_shared<std::atomic<int>>(0);
  const auto count = [inside, runs](Context&) -> Answer {
    ++*inside;
    ++*runs;
    (void)co_await sleep_for(2ms);
    --*inside;
    co_return JsonText();
  };
  worker().handle("other", count);
  worker().handle("suspect", [inside](Context&) -> Answer {
    EXPECT_EQ(*inside, 0);
    inside->fetch_add(100);
    (void)co_await sleep_for(5ms);
    EXPECT_EQ(*inside, 100);
    inside->fetch_sub(100);
    co_return JsonText();
  });
  std::vector<Uuid> others;
  for (int i = 0; i < 40; ++i) others.push_back(submit("other"));
  worker().start();

  const auto job = ended(suspect);
  for (const Uuid id : others) EXPECT_EQ(ended(id).state, JobState::succeeded);

  EXPECT_EQ(job.state, JobState::succeeded);
  EXPECT_EQ(job.attempt, 0);
  EXPECT_EQ(*runs, 40);
}

TEST_F(WorkerStoreTest, OfTwoSuspectsThatTwoClaimsBringAtOnceOneIsHandedBack) {
  options_.lease = 20s;
  const std::vector<Uuid> suspects{submit("suspect"), submit("suspect")};
  // A claim brings one suspect at most, once it is one: the first dies twice, then the second.
  for (int i = 0; i < 2; ++i) die_once("suspect");
  ASSERT_TRUE(tests::run(control_, inner_->set_priority({suspects[0]}, jobs::Priority::low)));
  for (int i = 0; i < 2; ++i) die_once("suspect");
  ASSERT_TRUE(tests::run(control_, inner_->set_priority({suspects[1]}, jobs::Priority::low)));
  std::vector<jobs::NewJob> others;
  for (int i = 0; i < 9'000; ++i) others.push_back(new_job("other"));
  ASSERT_TRUE(tests::run(control_, inner_->insert(std::move(others))).has_value());
  flaky_->suspects_come_in_pairs = true;
  auto running = std::make_shared<std::atomic<int>>(0);
  worker().handle("other", [running](Context&) -> Answer {
    ++*running;
    --*running;
    co_return JsonText();
  });
  worker().handle("suspect", [running](Context&) -> Answer {
    EXPECT_EQ(running->fetch_add(1), 0);
    (void)co_await sleep_for(5ms);
    EXPECT_EQ(running->fetch_sub(1), 1);
    co_return JsonText();
  });
  worker().start();

  for (const Uuid id : suspects) {
    const auto job = ended(id);
    EXPECT_EQ(job.state, JobState::succeeded);
    EXPECT_EQ(job.attempt, 0);
  }
  EXPECT_GE(flaky_->suspects_held, 2);
  EXPECT_EQ(worker().statistics().refused, 0U);
  EXPECT_TRUE(stopped());
}

TEST_F(WorkerStoreTest, ASuspectBeginsOnlyWhenNoClaimMayBringMore) {
  options_.lease = 20s;
  const Uuid suspect = submit("suspect");
  for (int i = 0; i < 2; ++i) die_once("suspect");
  ASSERT_TRUE(tests::run(control_, inner_->set_priority({suspect}, jobs::Priority::low)));
  std::vector<jobs::NewJob> others;
  for (int i = 0; i < 9'000; ++i) others.push_back(new_job("other"));
  ASSERT_TRUE(tests::run(control_, inner_->insert(std::move(others))).has_value());
  flaky_->claims_lag_behind_suspects = true;
  worker().handle("other", [](Context&) -> Answer { co_return JsonText(); });
  worker().handle("suspect", [flaky = flaky_](Context&) -> Answer {
    EXPECT_EQ(flaky->open_claims, 0);
    co_return JsonText();
  });
  worker().start();

  EXPECT_EQ(ended(suspect).state, JobState::succeeded);
  EXPECT_TRUE(stopped());
}

TEST_F(WorkerStoreTest, ADrainEndsWithoutAStoreThatDoesNotComeBackAndSaysWhatIsLost) {
  auto begun = std::make_shared<Event>();
  auto go = std::make_shared<Event>();
  worker().handle_blocking("work", [begun, go](Context&) -> Result<JsonText> {
    begun->set();
    EXPECT_TRUE(go->wait());
    return JsonText();
  });
  submit("work");
  worker().start();
  ASSERT_TRUE(begun->wait());
  flaky_->away = true;
  go->set();

  EXPECT_TRUE(stopped());

  EXPECT_EQ(log_->count("completion lost: the store did not answer before the worker's end"), 1U);
}

TEST_F(WorkerStoreTest, RescueAndPruneAreDoneByTheWorker) {
  options_.rescue_every = 10ms;
  options_.prune_every = 10ms;
  options_.retention.succeeded = 1h;
  worker().handle("work", [](Context&) -> Answer { co_return JsonText(); });
  const Uuid orphan = submit("work");
  jobs::ClaimRequest request{.worker = "doomed", .kinds = {{.kind = "work"}}, .lease = 1s};
  ASSERT_EQ(tests::run(control_, inner_->claim(request)).value().size(), 1U);
  worker().start();

  clock_->advance(10s);
  EXPECT_EQ(ended(orphan).state, JobState::succeeded);
  clock_->advance(2h);

  EXPECT_TRUE(eventually(
      [&] { return tests::run(control_, inner_->get({orphan})).value().front().has_error(); }));
}

}  // namespace
}  // namespace rwp
