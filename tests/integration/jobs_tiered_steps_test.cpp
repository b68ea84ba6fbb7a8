// The protocol's steps, one held up while the others go on: what docs/models/tiered.pml looks at,
// on the real store.

#include "support/cutting_proxy.hpp"
#include "support/tiered_fixture.hpp"

#include <future>

namespace rwp::tests {
namespace {

using namespace std::chrono_literals;
using jobs::JobState;

/// Two stores, of which one's words to Redis can be held back. The other reconciles.
class TieredStepsTest : public TieredTest {
 protected:
  void SetUp() override {
    free_ = open_tiered(url(), redis_.url());
    held_ = open_tiered(url(), "redis://127.0.0.1:" + std::to_string(to_redis_.port()));
  }
  std::string in_redis(const std::string& command) { return redis_.cli(command); }
  bool is_queued(std::size_t count) {
    return eventually([&] { return in_redis("HLEN rwp:{jobs}:q") == std::to_string(count); });
  }

  /// A push that is held up is one command only where the server has its script.
  void push_once() {
    submit(*free_, "k", 1);
    worker_ = work(free_);
    ASSERT_TRUE(eventually([&] { return ended() == 1; }));
    worker_.reset();
  }

  /// Submits a job through the store whose words are held back, and lets the rest of it wait until
  /// its push is among them. A store that does not know yet that Redis is open, or which lane this
  /// is, pushes nothing: then the reconciler hands the job out, and another one is tried.
  Uuid submit_with_its_push_held(const std::string& kind) {
    for (int tries = 0; tries < 60; ++tries) {
      const Uuid id = Uuid::make_v7();
      to_redis_.look_for(std::string(id.bytes.begin(), id.bytes.end()));
      to_redis_.hold(true);
      const auto answer = wait(held_->insert({{.id = id, .kind = kind}}));
      if (!answer) break;
      acknowledged_.insert(id);
      // It is sent before the answer is given; the proxy looks each 20 ms.
      if (eventually([&] { return to_redis_.has_held(); }, 2s)) return id;
      to_redis_.hold(false);
      EXPECT_TRUE(is_queued(acknowledged_.size() - ended()));
    }
    ADD_FAILURE() << "no push was seen";
    return Uuid();
  }

  RedisServer redis_;
  CuttingProxy to_redis_{redis_.port()};
  std::shared_ptr<jobs::JobStore> free_;
  std::shared_ptr<jobs::JobStore> held_;
  std::unique_ptr<jobs::Worker> worker_;
};

TEST_F(TieredStepsTest, APushThatComesWhileItsJobRunsUnderALaterTicketIsDropped) {
  push_once();
  to_redis_.hold(true);
  submit(*held_, "slow", 1);
  worker_ = work(free_);
  ASSERT_TRUE(eventually([&] { return runs_.active() == 1; })) << "it was handed out anew";

  to_redis_.hold(false);
  submit(*held_, "k", 1);

  ASSERT_TRUE(eventually([&] { return ended() == 2; }));
  work_off(free_, {&worker_});
  worker_.reset();
  expect_each_once();
  EXPECT_EQ(runs_.begun(), 3U);
}

TEST_F(TieredStepsTest, APushThatComesAfterItsJobHasEndedStartsNothing) {
  push_once();
  submit_with_its_push_held("k");
  worker_ = work(free_);
  ASSERT_TRUE(eventually([&] { return ended() == acknowledged_.size(); }))
      << "the reconciler finds that it is missed";
  const std::size_t begun = runs_.begun();
  EXPECT_EQ(begun, acknowledged_.size());

  to_redis_.hold(false);
  submit(*held_, "k", 1);

  ASSERT_TRUE(eventually([&] { return ended() == acknowledged_.size(); }));
  // The late ticket is there, and is checked before it would run.
  ASSERT_TRUE(eventually([&] { return in_redis("HLEN rwp:{jobs}:q") == "0"; }));
  worker_.reset();
  expect_each_once();
  EXPECT_EQ(runs_.begun(), begun + 1);
}

TEST_F(TieredStepsTest, WhoWaitsForAnEndHearsOfItWhileRedisIsAway) {
  submit(*free_, "slow", 1);
  const Uuid id = *acknowledged_.begin();
  worker_ = work(free_);
  ASSERT_TRUE(eventually([&] { return runs_.active() == 1; }));
  auto waiting = std::async(std::launch::async, [&] {
    return wait(held_->wait_for_end({id}, std::chrono::steady_clock::now() + kGuard));
  });

  redis_.kill();
  runs_.release();

  const auto answers = waiting.get().value();
  EXPECT_EQ(answers.at(0)->state, JobState::succeeded);
  redis_.start();
  worker_.reset();
  expect_each_once();
}

TEST_F(TieredStepsTest, ARunThatEndedAndWhoseLeaseStayedIsNotRunAgain) {
  submit(*held_, "slow", 1);
  worker_ = work(held_);
  ASSERT_TRUE(eventually([&] { return runs_.active() == 1; }));

  to_redis_.hold(true);
  runs_.release();
  ASSERT_TRUE(eventually([&] { return ended() == 1; }));
  ASSERT_EQ(in_redis("HLEN rwp:{jobs}:l"), "1");
  const auto other = work(free_);
  ASSERT_TRUE(eventually([&] {
    clock_->pass(kLease);
    return in_redis("HLEN rwp:{jobs}:l") == "0";
  }));
  to_redis_.hold(false);

  worker_.reset();
  expect_each_once();
}

TEST_F(TieredStepsTest, ARunThatAUsersTransactionCompletesEndsOnceAndItsLeaseGoes) {
  submit(*free_, "slow", 1);
  worker_ = work(free_);
  ASSERT_TRUE(eventually([&] { return runs_.active() == 1; }));
  const auto [id, token] = runs_.tokens().at(0);

  ASSERT_EQ(
      sql("SELECT rwp.complete('" + id.to_string() + "', " + std::to_string(token) + ", '42')"),
      "t");
  runs_.release();

  EXPECT_TRUE(
      eventually([&] { return runs_.active() == 0 && in_redis("HLEN rwp:{jobs}:l") == "0"; }));
  worker_.reset();
  expect_each_once();
  EXPECT_EQ(sql("SELECT result FROM rwp.ended"), "42");
}

TEST_F(TieredStepsTest, ACancellationThatRedisWasNotToldOfIsFinishedByTheReconciler) {
  submit(*free_, "k", 3);
  ASSERT_TRUE(is_queued(3));
  const std::vector<Uuid> ids(acknowledged_.begin(), acknowledged_.end());

  to_redis_.hold(true);
  const auto answers = wait(held_->cancel({ids[0]})).value();
  EXPECT_EQ(answers.at(0).value(), jobs::CancelOutcome::requested) << "not yet";
  ASSERT_TRUE(eventually([&] {
    return wait(free_->get({ids[0]})).value().at(0).value().state == JobState::cancelled;
  }));
  to_redis_.hold(false);

  worker_ = work(free_);
  ASSERT_TRUE(eventually([&] { return ended() == 3; }));
  worker_.reset();
  EXPECT_EQ(runs_.begun(), 2U) << "what was cancelled did not start";
  EXPECT_EQ(sql("SELECT count(*) FROM rwp.ended WHERE state = 4"), "2");
}

TEST_F(TieredStepsTest, AReconcilerThatIsFollowedByAnotherWritesNothingMore) {
  const auto open_record = [&] {
    return jobs_postgres::open_postgres_record(runtime_, Url::parse(url()).value(),
                                               jobs_postgres::PostgresOptions())
        .value();
  };
  submit(*free_, "k", 1);
  ASSERT_TRUE(is_queued(1));
  const Uuid id = *acknowledged_.begin();
  free_.reset();
  held_.reset();
  const auto before = open_record();
  const auto after = open_record();
  const auto old = wait(before->lead(15s)).value();
  ASSERT_TRUE(old.is_leader);
  EXPECT_FALSE(wait(after->lead(15s)).value().is_leader);

  // It is stopped for longer than it may lead.
  sql("UPDATE rwp.dispatch SET leader_until = 0");
  const auto now = wait(after->lead(15s)).value();
  ASSERT_TRUE(now.is_leader);
  EXPECT_GT(now.term, old.term);

  EXPECT_EQ(wait(before->take_back({{.id = id, .token = 1}}, old.term)).error().code(),
            Errc::conflict);
  EXPECT_EQ(wait(after->take_back({{.id = id, .token = 1}}, now.term)).value().at(0).value(),
            JobState::ready);
  // A token is taken back once.
  EXPECT_FALSE(wait(after->take_back({{.id = id, .token = 1}}, now.term)).value().at(0));
}

TEST_F(TieredStepsTest, ATicketThatWasCheckedIsNotTakenBackByWhoMissedItBefore) {
  submit(*free_, "k", 1);
  ASSERT_TRUE(is_queued(1));
  const Uuid id = *acknowledged_.begin();
  free_.reset();
  held_.reset();
  const auto record = jobs_postgres::open_postgres_record(runtime_, Url::parse(url()).value(),
                                                          jobs_postgres::PostgresOptions())
                          .value();
  const std::int64_t missed = wait(record->dispatch_records({id})).value().at(0).stamp;

  EXPECT_TRUE(wait(record->confirm_tickets({{.id = id, .token = 1}})).value().at(0).has_value());

  const auto late = wait(record->take_back({{.id = id, .token = 1, .stamp = missed}}, {}));
  EXPECT_EQ(late.value().at(0).error().code(), Errc::conflict) << "it may run";
  const std::int64_t now = wait(record->dispatch_records({id})).value().at(0).stamp;
  EXPECT_GT(now, missed);
  const auto taken = wait(record->take_back({{.id = id, .token = 1, .stamp = now}}, {}));
  EXPECT_EQ(taken.value().at(0).value(), JobState::ready);
  EXPECT_EQ(wait(record->confirm_tickets({{.id = id, .token = 1}})).value().at(0).error().code(),
            Errc::conflict);
}

}  // namespace
}  // namespace rwp::tests
