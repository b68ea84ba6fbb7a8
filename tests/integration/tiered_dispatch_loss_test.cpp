#include "support/dispatch_fixture.hpp"

namespace rwp::tests {
namespace {

using jobs::RunRef;
using jobs_tiered::ClaimedTicket;
using jobs_tiered::OpenRequest;
using jobs_tiered::Ticket;
using jobs_tiered::TicketPlace;
using ::testing::ElementsAre;
using ::testing::IsEmpty;
using ::testing::SizeIs;
using Where = TicketPlace::Where;
using namespace std::chrono_literals;

/// What Redis forgets, or goes back to.
class TieredDispatchLossTest : public DispatchFixture {
 protected:
  bool is_extended(jobs_tiered::Dispatch& dispatch, const RunRef& run_ref) {
    return run(runtime_, dispatch.extend({run_ref}, 30s)).value().at(0).has_value();
  }
  void await_connection() {
    ASSERT_TRUE(eventually([&] { return run(runtime_, dispatch_->opening()).has_value(); }));
  }
  Errc claim_problem() {
    const auto claimed = run(runtime_, dispatch_->claim(claim_of({1}, 10)));
    return claimed ? Errc::none : claimed.error().code();
  }
};

TEST_F(TieredDispatchLossTest, ADispatchThatHasNotBeenOpenedTakesAndGivesNothing) {
  ASSERT_EQ(server_.cli("FLUSHALL"), "OK");

  EXPECT_EQ(claim_problem(), Errc::unavailable);
  EXPECT_FALSE(is_open(*dispatch_));
  EXPECT_EQ(run(runtime_, dispatch_->push({ticket(1)})).error().code(), Errc::unavailable);
  EXPECT_EQ(run(runtime_, dispatch_->look({Uuid::make_v7()})).error().code(), Errc::unavailable);
  EXPECT_EQ(run(runtime_, dispatch_->expired(1)).error().code(), Errc::unavailable);
  EXPECT_EQ(run(runtime_, dispatch_->withdraw({{Uuid::make_v7(), 1}}, true)).error().code(),
            Errc::unavailable);
  EXPECT_EQ(server_.cli("DBSIZE"), "0");
}

TEST_F(TieredDispatchLossTest, AfterAFlushLeasesArePutBackAndItIsOpenedAfterTheWait) {
  push({ticket(1), ticket(1)});
  const auto claimed = claim({1}, 1);
  ASSERT_EQ(server_.cli("FLUSHALL"), "OK");
  EXPECT_TRUE(is_extended(*dispatch_, run_of(claimed[0])));
  OpenRequest request{.waited = 20s, .watermark = stamp_, .term = 1};
  EXPECT_EQ(run(runtime_, dispatch_->open(request)).error().code(), Errc::unavailable);
  ASSERT_EQ(run(runtime_, dispatch_->opening()).value().waited, 0s);
  clock_->pass(19s);
  EXPECT_EQ(run(runtime_, dispatch_->opening()).value().waited, 19s);
  EXPECT_EQ(run(runtime_, dispatch_->open(request)).error().code(), Errc::unavailable);
  // Lost once more: the wait begins anew.
  ASSERT_EQ(server_.cli("FLUSHALL"), "OK");
  EXPECT_TRUE(is_extended(*dispatch_, run_of(claimed[0])));
  clock_->pass(2s);
  ASSERT_EQ(run(runtime_, dispatch_->opening()).value().waited, 0s);
  clock_->pass(20s);

  ASSERT_TRUE(run(runtime_, dispatch_->open(request)).has_value());

  EXPECT_TRUE(run(runtime_, dispatch_->opening()).value().is_open);
  EXPECT_EQ(where(claimed[0].id), Where::leased);
  EXPECT_THAT(claim({1}, 10), IsEmpty());
  // A push that comes late, of before the loss, is to be checked.
  Ticket late = ticket(1);
  late.stamp = request.watermark;
  push({late, ticket(1)});
  const auto checked = claim({1}, 10);
  ASSERT_THAT(checked, SizeIs(2));
  EXPECT_TRUE(checked[0].must_check);
  EXPECT_FALSE(checked[0].started);
  EXPECT_FALSE(checked[1].must_check);
}

TEST_F(TieredDispatchLossTest, OnAnOpenDispatchALostLeaseIsNotPutBack) {
  push({ticket(1)});
  const auto claimed = claim({1}, 1);
  ASSERT_EQ(server_.cli("DEL rwp:{jobs}:l rwp:{jobs}:e"), "2");

  EXPECT_FALSE(is_extended(*dispatch_, run_of(claimed[0])));
}

TEST_F(TieredDispatchLossTest, AnEmptyRestartedServerIsClosedAndLeasesArePutBackEvenAfterOpening) {
  push({ticket(1), ticket(1)});
  auto request = claim_of({1}, 1);
  request.start = 0;
  const auto claimed = run(runtime_, dispatch_->claim(request)).value();
  ASSERT_TRUE(run(runtime_, dispatch_->mark_started({run_of(claimed[0])})).has_value());
  server_.kill();
  EXPECT_EQ(run(runtime_, dispatch_->claim(claim_of({1}, 1))).error().code(), Errc::unavailable);
  server_.start();
  await_connection();
  EXPECT_EQ(claim_problem(), Errc::unavailable);
  open(*dispatch_);

  // This run's first heartbeat here comes late, and all the same before its lease was missed.
  EXPECT_TRUE(is_extended(*dispatch_, run_of(claimed[0])));

  const auto place = run(runtime_, dispatch_->look({claimed[0].id})).value()[0];
  EXPECT_EQ(place.where, Where::leased);
  EXPECT_EQ(place.token, claimed[0].token);
  EXPECT_TRUE(place.started);
  // From now on it was seen here.
  ASSERT_EQ(server_.cli("DEL rwp:{jobs}:l"), "1");
  EXPECT_FALSE(is_extended(*dispatch_, run_of(claimed[0])));
}

TEST_F(TieredDispatchLossTest, ARestartWithTheFileIsClosedAndItsOldTicketsAreDropped) {
  push({ticket(1)});
  const auto claimed = claim({1}, 1);
  const Ticket old = ticket(1);
  push({old});
  ASSERT_EQ(server_.cli("SAVE"), "OK");
  server_.kill();
  server_.start();
  await_connection();
  EXPECT_EQ(claim_problem(), Errc::unavailable);
  EXPECT_EQ(server_.cli("HLEN rwp:{jobs}:q"), "1");
  EXPECT_TRUE(is_extended(*dispatch_, run_of(claimed[0])));

  open(*dispatch_, {.watermark = stamp_});

  EXPECT_EQ(where(old.id), Where::absent);
  EXPECT_EQ(where(claimed[0].id), Where::leased);
  EXPECT_THAT(claim({1}, 10), IsEmpty());
}

TEST_F(TieredDispatchLossTest, GoneBackToBeforeTheClaimTheRunKeepsItsJob) {
  Ticket job = ticket(1);
  push({job});
  ASSERT_EQ(server_.cli("SAVE"), "OK");
  const auto claimed = claim({1}, 1);
  ASSERT_THAT(claimed, SizeIs(1));
  // As a file of a second ago, or a replica that lagged.
  server_.kill();
  server_.start();
  await_connection();
  ASSERT_EQ(server_.cli("HLEN rwp:{jobs}:q"), "1");

  EXPECT_TRUE(is_extended(*dispatch_, run_of(claimed[0])));
  EXPECT_EQ(server_.cli("HLEN rwp:{jobs}:q"), "0");
  open(*dispatch_);
  EXPECT_EQ(where(job.id), Where::leased);
  EXPECT_THAT(claim({1}, 10), IsEmpty());
}

TEST_F(TieredDispatchLossTest, AnOlderRunDoesNotTakeALeaseFromANewerOne) {
  push({ticket(1)});
  const auto older = claim({1}, 1);
  const auto other = connect_dispatch({.holder = "other"});
  Ticket newer = ticket(1);
  newer.id = older[0].id;
  newer.token = 2;
  push({newer});
  const auto taken = run(runtime_, other->claim(claim_of({1}, 1))).value();
  ASSERT_THAT(taken, SizeIs(1));
  ASSERT_EQ(server_.cli("SAVE"), "OK");
  server_.kill();
  server_.start();
  await_connection();
  ASSERT_TRUE(eventually([&] { return run(runtime_, other->opening()).has_value(); }));

  EXPECT_FALSE(is_extended(*dispatch_, run_of(older[0])));
  EXPECT_TRUE(is_extended(*other, run_of(taken[0])));
}

TEST_F(TieredDispatchLossTest, AMasterThatWasAReplicaMeanwhileIsClosed) {
  push({ticket(1)});
  ASSERT_EQ(server_.cli("CONFIG SET repl-diskless-sync-delay 0"), "OK");
  RedisServer replica({"--repl-diskless-sync-delay", "0", "--replicaof",
                       "127.0.0.1 " + std::to_string(server_.port())});
  ASSERT_TRUE(eventually(
      [&] { return replica.cli("INFO replication | grep -c master_link_status:up") == "1"; }));
  // A first replica changes nothing.
  EXPECT_TRUE(run(runtime_, dispatch_->opening()).value().is_open);
  ASSERT_EQ(replica.cli("REPLICAOF NO ONE"), "OK");
  EXPECT_THAT(claim({1}, 1), SizeIs(1));
  // The old master takes the data of the one that was promoted, in which nothing was claimed; and
  // is made the master again before anybody has opened the other.
  ASSERT_EQ(server_.cli("REPLICAOF 127.0.0.1 " + std::to_string(replica.port())), "OK");
  ASSERT_TRUE(eventually(
      [&] { return server_.cli("INFO replication | grep -c master_link_status:up") == "1"; }));
  ASSERT_EQ(server_.cli("REPLICAOF NO ONE"), "OK");
  await_connection();

  EXPECT_EQ(claim_problem(), Errc::unavailable);
}

TEST_F(TieredDispatchLossTest, AnotherEpochIsClosedAndTheOpenOneIsKnownAgain) {
  post(runtime_.executor(), [this] { dispatch_->set_epoch(1); });
  EXPECT_EQ(claim_problem(), Errc::unavailable);
  post(runtime_.executor(), [this] { dispatch_->set_epoch(0); });

  EXPECT_EQ(claim_problem(), Errc::none);
}

TEST_F(TieredDispatchLossTest, AnEarlierTermOpensNothingAndRaisesNothing) {
  ASSERT_TRUE(run(runtime_, dispatch_->raise_watermark(10, 5)).has_value());
  EXPECT_EQ(run(runtime_, dispatch_->raise_watermark(20, 4)).error().code(), Errc::conflict);
  OpenRequest request{.term = 4};
  EXPECT_EQ(run(runtime_, dispatch_->open(request)).error().code(), Errc::conflict);
  EXPECT_EQ(server_.cli("GET rwp:{jobs}:water"), "10");
  // Nor does a lower stamp.
  ASSERT_TRUE(run(runtime_, dispatch_->raise_watermark(9, 5)).has_value());
  EXPECT_EQ(server_.cli("GET rwp:{jobs}:water"), "10");
}

TEST_F(TieredDispatchLossTest, ClosedByOneItIsClosedForAllUntilItIsOpenedForAll) {
  const auto other = connect_dispatch({.holder = "other"});
  EXPECT_TRUE(run(runtime_, other->opening()).value().is_open);
  await_subscriptions(2);
  ASSERT_TRUE(run(runtime_, dispatch_->close()).has_value());
  EXPECT_TRUE(eventually([&] { return !is_open(*other); }));
  // A wait for work ends when it is opened.
  auto waiting = other->wait_for_work({1}, std::chrono::steady_clock::now() + kGuard);
  UnderWay<void> wait(runtime_, std::move(waiting));
  OpenRequest request;
  request.paused_queues = {"queue-1"};
  open(*dispatch_, request);

  ASSERT_TRUE(wait.outcome().has_value());
  EXPECT_TRUE(eventually([&] { return is_open(*other); }));
  push({ticket(1), ticket(2)});
  EXPECT_THAT(lanes_of(run(runtime_, other->claim(claim_of({1, 2}, 10))).value()), ElementsAre(2));
}

TEST_F(TieredDispatchLossTest, ScriptsThatTheServerHasForgottenAreSentAgain) {
  push({ticket(1)});
  ASSERT_EQ(server_.cli("SCRIPT FLUSH"), "OK");

  EXPECT_THAT(claim({1}, 1), SizeIs(1));
}

TEST_F(TieredDispatchLossTest, WhatIsNoAnswerIsUnavailableAndNoCrash) {
  push({ticket(1)});
  ASSERT_EQ(server_.cli("ZADD rwp:{jobs}:t:1:2 0 short"), "1");
  EXPECT_EQ(claim_problem(), Errc::unavailable);
  await_subscriptions(1);
  ASSERT_EQ(server_.cli("PUBLISH rwp:{jobs}:wake 't x y'"), "1");
  ASSERT_EQ(server_.cli("PUBLISH rwp:{jobs}:wake 'b 1 9 1'"), "1");
  ASSERT_EQ(server_.cli("PUBLISH rwp:{jobs}:wake ''"), "1");

  EXPECT_EQ(push({ticket(5)}).size(), 1U);
}

TEST_F(TieredDispatchLossTest, WithoutAServerCallsAnswerThatItIsAway) {
  push({ticket(1)});
  const auto claimed = claim({1}, 1);
  server_.kill();

  EXPECT_EQ(claim_problem(), Errc::unavailable);
  EXPECT_FALSE(is_open(*dispatch_));
  EXPECT_EQ(run(runtime_, dispatch_->release({run_of(claimed[0])})).error().code(),
            Errc::unavailable);
  server_.start();
  EXPECT_TRUE(eventually([&] {
    return claim_problem() == Errc::unavailable && run(runtime_, dispatch_->opening()).has_value();
  }));
}

/// Two records on one Redis, under one name.
class TieredDispatchOwnerTest : public TieredDispatchLossTest {
 protected:
  void SetUp() override {
    TieredDispatchLossTest::SetUp();
    if (IsSkipped()) return;
    name(*dispatch_, "one");
    ASSERT_TRUE(run(runtime_, dispatch_->opening()).value().is_open);
    other_ = connect_dispatch({.holder = "other"});
    name(*other_, "two");
  }
  void name(jobs_tiered::Dispatch& dispatch, const std::string& record) {
    std::promise<void> told;
    post(runtime_.executor(), [&] {
      dispatch.set_database(record);
      told.set_value();
    });
    told.get_future().get();
  }
  Errc refusal(jobs_tiered::Dispatch& dispatch) {
    std::promise<Errc> told;
    post(runtime_.executor(), [&] {
      const auto problem = dispatch.is_of_another();
      told.set_value(problem ? problem->code() : Errc::none);
    });
    return told.get_future().get();
  }

  std::shared_ptr<jobs_tiered::Dispatch> other_;
};

TEST_F(TieredDispatchOwnerTest, WhatAnotherRecordHandsOutIsLeftAlone) {
  push({ticket(1), ticket(1)});
  const auto claimed = claim({1}, 1);
  const std::string before = server_.cli("DBSIZE");

  EXPECT_FALSE(run(runtime_, other_->opening()).has_value());
  EXPECT_EQ(refusal(*other_), Errc::conflict);
  EXPECT_EQ(run(runtime_, other_->open({})).error().code(), Errc::unavailable);
  EXPECT_EQ(run(runtime_, other_->push({ticket(1)})).error().code(), Errc::unavailable);
  EXPECT_EQ(run(runtime_, other_->claim(claim_of({1}, 10))).error().code(), Errc::unavailable);
  EXPECT_FALSE(run(runtime_, other_->release({run_of(claimed[0])})).has_value());
  EXPECT_FALSE(run(runtime_, other_->set_paused("queue-1", true)).has_value());
  EXPECT_FALSE(run(runtime_, other_->raise_watermark(1'000'000, 1'000)).has_value());
  EXPECT_FALSE(run(runtime_, other_->close()).has_value());

  EXPECT_FALSE(is_open(*other_));
  EXPECT_EQ(server_.cli("DBSIZE"), before);
  EXPECT_TRUE(is_extended(*dispatch_, run_of(claimed[0])));
  const auto rest = claim({1}, 10);
  ASSERT_THAT(rest, SizeIs(1));
  EXPECT_FALSE(rest[0].must_check);
  EXPECT_EQ(refusal(*dispatch_), Errc::none);
}

TEST_F(TieredDispatchOwnerTest, ARedisThatForgotWhoseItWasBelongsToWhoeverOpensIt) {
  ASSERT_FALSE(run(runtime_, other_->opening()).has_value());
  ASSERT_EQ(server_.cli("FLUSHALL"), "OK");

  open(*other_);

  EXPECT_EQ(refusal(*other_), Errc::none);
  EXPECT_EQ(claim_problem(), Errc::unavailable);
  EXPECT_EQ(refusal(*dispatch_), Errc::conflict);
}

TEST_F(TieredDispatchOwnerTest, ADispatchThatAnOlderProgramOpenedIsGivenItsName) {
  ASSERT_EQ(server_.cli("DEL rwp:{jobs}:db"), "1");

  // Each is its own until one of them says whose it is.
  EXPECT_EQ(claim_problem(), Errc::none);
  ASSERT_TRUE(run(runtime_, dispatch_->opening()).value().is_open);

  EXPECT_EQ(server_.cli("GET rwp:{jobs}:db"), "one");
  EXPECT_FALSE(run(runtime_, other_->opening()).has_value());
}

}  // namespace
}  // namespace rwp::tests
