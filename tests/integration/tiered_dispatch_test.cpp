#include "support/dispatch_fixture.hpp"

#include <set>

namespace rwp::tests {
namespace {

using jobs::Priority;
using jobs::RunRef;
using jobs_tiered::ClaimedTicket;
using jobs_tiered::PushOutcome;
using jobs_tiered::Ticket;
using jobs_tiered::TicketPlace;
using jobs_tiered::WithdrawOutcome;
using ::testing::ElementsAre;
using ::testing::IsEmpty;
using ::testing::SizeIs;
using Where = TicketPlace::Where;
using namespace std::chrono_literals;

class TieredDispatchTest : public DispatchFixture {};

TEST_F(TieredDispatchTest, ATicketIsClaimedOnceWithItsBody) {
  Ticket pushed = ticket(7);
  pushed.token = 5;
  pushed.body = std::string("\0payload\xff", 9);
  ASSERT_EQ(push({pushed}), std::vector{PushOutcome::queued});

  const auto claimed = claim({7}, 10);

  ASSERT_THAT(claimed, SizeIs(1));
  EXPECT_EQ(claimed[0].id, pushed.id);
  EXPECT_EQ(claimed[0].token, 5U);
  EXPECT_EQ(claimed[0].lane, 7);
  EXPECT_EQ(claimed[0].body, pushed.body);
  EXPECT_TRUE(claimed[0].started);
  EXPECT_FALSE(claimed[0].must_check);
  EXPECT_THAT(claim({7}, 10), IsEmpty());
  EXPECT_EQ(where(pushed.id), Where::leased);
}

TEST_F(TieredDispatchTest, TheBestPriorityComesFirstThenTheOrderOverAllLanes) {
  std::vector<Ticket> tickets;
  const auto add = [&](std::int64_t lane, Priority priority, std::int64_t seq) {
    Ticket made = ticket(lane, priority);
    made.seq = seq;
    made.body = std::to_string(static_cast<int>(priority)) + "/" + std::to_string(seq);
    tickets.push_back(made);
  };
  for (std::int64_t seq = 40; seq > 0; --seq) add(seq % 3, Priority::normal, seq);
  add(1, Priority::low, 0);
  add(2, Priority::urgent, 50);
  add(0, Priority::urgent, 49);
  push(tickets);

  std::vector<std::string> order;
  for (const ClaimedTicket& each : claim({0, 1, 2}, 100)) order.push_back(each.body);

  ASSERT_THAT(order, SizeIs(43));
  EXPECT_EQ(order[0], "0/49");
  EXPECT_EQ(order[1], "0/50");
  for (std::size_t i = 1; i <= 40; ++i) EXPECT_EQ(order[i + 1], "2/" + std::to_string(i));
  EXPECT_EQ(order[42], "3/0");
}

TEST_F(TieredDispatchTest, LanesOfPausedQueuesAndLanesNotAskedForAreLeftOut) {
  push({ticket(1), ticket(2), ticket(3)});
  ASSERT_TRUE(run(runtime_, dispatch_->set_paused("queue-2", true)).has_value());

  EXPECT_THAT(lanes_of(claim({1, 2}, 10)), ElementsAre(1));
  ASSERT_TRUE(run(runtime_, dispatch_->set_paused("queue-2", false)).has_value());
  EXPECT_THAT(lanes_of(claim({1, 2}, 10)), ElementsAre(2));
}

TEST_F(TieredDispatchTest, AClaimEndsByCountByBytesAndAtWhatRunsAlone) {
  std::vector<Ticket> tickets;
  for (int i = 0; i < 6; ++i) {
    tickets.push_back(ticket(1));
    tickets.back().body = std::string(100, 'x');
  }
  tickets[4].alone = true;
  push(tickets);

  EXPECT_THAT(claim({1}, 1), SizeIs(1));
  jobs_tiered::TicketClaim small = claim_of({1}, 10);
  small.max_bytes = 250;
  EXPECT_THAT(run(runtime_, dispatch_->claim(small)).value(), SizeIs(2));
  small.max_bytes = 1;
  EXPECT_THAT(run(runtime_, dispatch_->claim(small)).value(), SizeIs(1));
  const auto last = claim({1}, 10);
  ASSERT_THAT(last, SizeIs(1));
  EXPECT_TRUE(last[0].alone);
  EXPECT_FALSE(last[0].started);
  EXPECT_THAT(claim({1}, 10), SizeIs(1));
}

TEST_F(TieredDispatchTest, OnlyTheFirstAreLeasedAsStarted) {
  push({ticket(1), ticket(1), ticket(1)});
  auto request = claim_of({1}, 3);
  request.start = 1;
  const auto claimed = run(runtime_, dispatch_->claim(request)).value();

  ASSERT_THAT(claimed, SizeIs(3));
  EXPECT_TRUE(claimed[0].started);
  EXPECT_FALSE(claimed[1].started);
  const auto noted = run(runtime_, dispatch_->mark_started({run_of(claimed[1])})).value();
  EXPECT_TRUE(noted[0].has_value());
  const auto places =
      run(runtime_, dispatch_->look({claimed[0].id, claimed[1].id, claimed[2].id})).value();
  EXPECT_TRUE(places[0].started);
  EXPECT_TRUE(places[1].started);
  EXPECT_FALSE(places[2].started);
  RunRef stale = run_of(claimed[2]);
  ++stale.token;
  const auto refused = run(runtime_, dispatch_->mark_started({stale})).value();
  EXPECT_EQ(refused[0].error().code(), Errc::conflict);
}

TEST_F(TieredDispatchTest, ATicketThatIsKnownIsNotQueuedTwiceAndAnOlderOneIsReplaced) {
  Ticket first = ticket(1);
  first.token = 3;
  push({first});
  EXPECT_EQ(push({first}), std::vector{PushOutcome::queued});
  Ticket older = first;
  older.token = 2;
  older.seq += 10;
  push({older});
  EXPECT_EQ(window(1).jobs, 1U);
  Ticket newer = first;
  newer.token = 4;
  newer.priority = Priority::urgent;
  newer.body = "newer";
  push({newer});
  ASSERT_TRUE(run(runtime_, dispatch_->read_windows({1})).has_value());
  EXPECT_EQ(window(1).jobs, 0U);
  EXPECT_EQ(window(1).bytes, 0U);

  const auto claimed = claim({1}, 10);

  ASSERT_THAT(claimed, SizeIs(1));
  EXPECT_EQ(claimed[0].token, 4U);
  EXPECT_EQ(claimed[0].body, "newer");
  // Its lease has this token.
  push({newer});
  EXPECT_THAT(claim({1}, 10), IsEmpty());
  // A newer one is given out beside the lease, which then ends.
  newer.token = 5;
  push({newer});
  const auto again = claim({1}, 10);
  ASSERT_THAT(again, SizeIs(1));
  const auto beaten = run(runtime_, dispatch_->extend({run_of(claimed[0])}, 30s)).value();
  EXPECT_EQ(beaten[0].error().code(), Errc::conflict);
}

TEST_F(TieredDispatchTest, TwoTicketsOfOneJobInOneCallAreOne) {
  Ticket first = ticket(1);
  Ticket second = first;
  second.token = 2;
  push({first, second});

  const auto claimed = claim({1}, 10);

  ASSERT_THAT(claimed, SizeIs(1));
  EXPECT_EQ(claimed[0].token, 2U);
}

TEST_F(TieredDispatchTest, AWindowIsBoundedByCountAndBytes) {
  use({.window_jobs = 3, .window_bytes = 1'000});
  EXPECT_THAT(push({ticket(1), ticket(1), ticket(1), ticket(1)}),
              ElementsAre(PushOutcome::queued, PushOutcome::queued, PushOutcome::queued,
                          PushOutcome::full));
  EXPECT_EQ(window(1).room, 0U);
  // Each lane and priority has a window of its own.
  Ticket large = ticket(1, Priority::high);
  large.body = std::string(900, 'x');
  Ticket another = ticket(1, Priority::high);
  another.body = std::string(101, 'x');
  EXPECT_THAT(push({large, another}), ElementsAre(PushOutcome::queued, PushOutcome::full));
  EXPECT_EQ(window(1, Priority::high).bytes, 900U);

  EXPECT_THAT(claim({1}, 1), SizeIs(1));
  EXPECT_EQ(push({another}), std::vector{PushOutcome::queued});
  EXPECT_EQ(window(1, Priority::high).bytes, 101U);
}

TEST_F(TieredDispatchTest, ReleasedLeasesAreGoneAndStaleReleasesDoNothing) {
  push({ticket(1), ticket(1)});
  const auto claimed = claim({1}, 2);
  RunRef stale = run_of(claimed[0]);
  ++stale.token;
  ASSERT_TRUE(run(runtime_, dispatch_->release({stale, run_of(claimed[1])})).has_value());

  EXPECT_EQ(where(claimed[0].id), Where::leased);
  EXPECT_EQ(where(claimed[1].id), Where::absent);
  EXPECT_EQ(server_.cli("ZCARD rwp:{jobs}:e"), "1");
}

TEST_F(TieredDispatchTest, WithdrawnJobsDoNotStartAndAbsentOnesAreCheckedLater) {
  Ticket queued = ticket(1);
  Ticket late = ticket(1);
  push({queued, ticket(1)});
  const auto leased = claim({1}, 1);
  // The first in order was leased.
  ASSERT_EQ(leased[0].id, queued.id);
  Ticket waiting = ticket(1);
  push({waiting});
  const auto outcomes =
      run(runtime_,
          dispatch_->withdraw(
              {{waiting.id, waiting.stamp}, {queued.id, queued.stamp}, {late.id, late.stamp}},
              true))
          .value();

  EXPECT_THAT(outcomes, ElementsAre(WithdrawOutcome::removed, WithdrawOutcome::leased,
                                    WithdrawOutcome::absent));
  const auto beaten = run(runtime_, dispatch_->extend({run_of(leased[0])}, 30s)).value();
  EXPECT_TRUE(beaten[0].value().cancel_requested);
  push({late});
  const auto claimed = claim({1}, 10);
  ASSERT_THAT(claimed, SizeIs(2));
  for (const ClaimedTicket& each : claimed) {
    EXPECT_EQ(each.must_check, each.id == late.id);
    EXPECT_EQ(each.started, each.id != late.id);
  }
}

TEST_F(TieredDispatchTest, AWithdrawnJobWhoseNewerTicketComesLateIsChecked) {
  Ticket older = ticket(1);
  Ticket newer = older;
  newer.token = 2;
  newer.stamp = ++stamp_;
  push({older});
  ASSERT_THAT(run(runtime_, dispatch_->withdraw({{newer.id, newer.stamp}}, true)).value(),
              ElementsAre(WithdrawOutcome::removed));

  push({newer});

  const auto claimed = claim({1}, 1);
  ASSERT_THAT(claimed, SizeIs(1));
  EXPECT_EQ(claimed[0].token, 2U);
  EXPECT_TRUE(claimed[0].must_check);
  EXPECT_FALSE(claimed[0].started);
}

TEST_F(TieredDispatchTest, ALeaseLapsesUnlessItIsExtended) {
  push({ticket(1), ticket(1)});
  auto request = claim_of({1}, 2);
  request.lease = 30s;
  const auto claimed = run(runtime_, dispatch_->claim(request)).value();
  // Nothing is believed to have lapsed before it could have been extended.
  EXPECT_THAT(expired(), IsEmpty());
  clock_->pass(29s);
  EXPECT_THAT(expired(), IsEmpty());
  ASSERT_TRUE(run(runtime_, dispatch_->extend({run_of(claimed[0])}, 40s)).value()[0].has_value());
  clock_->pass(2s);

  const auto lapsed = expired();

  ASSERT_THAT(lapsed, SizeIs(1));
  EXPECT_EQ(lapsed[0].id, claimed[1].id);
  EXPECT_EQ(lapsed[0].token, claimed[1].token);
  EXPECT_TRUE(lapsed[0].started);
  // They stay until the record has moved on.
  EXPECT_THAT(expired(), SizeIs(1));
  clock_->pass(40s);
  EXPECT_THAT(expired(), SizeIs(2));
}

TEST_F(TieredDispatchTest, WhatLapsedWhileTheClockSteppedIsNotBelieved) {
  push({ticket(1)});
  (void)claim({1}, 1);
  EXPECT_THAT(expired(), IsEmpty());
  clock_->pass(31s);
  EXPECT_THAT(expired(), SizeIs(1));
  // Redis is reached anew: nobody knows who could beat meanwhile.
  ASSERT_NE(server_.cli("CLIENT KILL TYPE normal"), "0");
  EXPECT_TRUE(eventually([&] {
    const auto lapsed = run(runtime_, dispatch_->expired(10));
    return lapsed && lapsed->empty();
  }));
  // Believed again, after as long once more; the connection may have been lost a second time.
  EXPECT_TRUE(eventually([&] {
    clock_->pass(31s);
    const auto lapsed = run(runtime_, dispatch_->expired(10));
    return lapsed && lapsed->size() == 1;
  }));
}

TEST_F(TieredDispatchTest, LeasesThatAHolderGivesUpLapseAtOnce) {
  push({ticket(1), ticket(1)});
  const auto mine = claim({1}, 1);
  const auto other = connect_dispatch({.holder = "other"});
  const auto others = run(runtime_, other->claim(claim_of({1}, 1))).value();
  ASSERT_THAT(others, SizeIs(1));
  ASSERT_TRUE(run(runtime_, dispatch_->give_up_leases()).has_value());

  const auto lapsed = run(runtime_, other->expired(10)).value();

  ASSERT_THAT(lapsed, SizeIs(1));
  EXPECT_EQ(lapsed[0].id, mine[0].id);
}

TEST_F(TieredDispatchTest, LanesTellWhatStandsInThem) {
  Ticket first = ticket(3);
  Ticket urgent = ticket(3, Priority::urgent);
  push({first, ticket(3), urgent, ticket(4)});
  (void)claim({4}, 1);

  const auto lanes = run(runtime_, dispatch_->lanes()).value();

  ASSERT_THAT(lanes, SizeIs(2));
  EXPECT_EQ(lanes[0].lane, 3);
  EXPECT_EQ(lanes[0].tickets, 3U);
  EXPECT_THAT(lanes[0].heads, ::testing::UnorderedElementsAre(urgent.id, first.id));
  EXPECT_EQ(lanes[1].leases, 1U);
}

TEST_F(TieredDispatchTest, AWaitEndsWhenAnotherPushes) {
  const auto other = connect_dispatch({.holder = "other"});
  EXPECT_THAT(claim({1, 2}, 1), IsEmpty());
  auto waiting = dispatch_->wait_for_work({1, 2}, std::chrono::steady_clock::now() + kGuard);
  UnderWay<void> wait(runtime_, std::move(waiting));
  // What is pushed to another lane is no reason.
  ASSERT_TRUE(run(runtime_, other->push({ticket(9)})).has_value());
  ASSERT_TRUE(run(runtime_, other->push({ticket(2)})).has_value());

  ASSERT_TRUE(wait.outcome().has_value());
  EXPECT_THAT(claim({1, 2}, 1), SizeIs(1));
}

TEST_F(TieredDispatchTest, AWaitForWhatIsThereEndsAtOnceAndOneForNothingAtItsDeadline) {
  push({ticket(1), ticket(1)});
  EXPECT_THAT(claim({1}, 1), SizeIs(1));
  const auto soon = std::chrono::steady_clock::now() + kGuard;
  EXPECT_TRUE(run(runtime_, dispatch_->wait_for_work({1}, soon)).has_value());
  EXPECT_LT(std::chrono::steady_clock::now(), soon);
  EXPECT_THAT(claim({1}, 5), SizeIs(1));

  const auto deadline = std::chrono::steady_clock::now() + 20ms;
  EXPECT_TRUE(run(runtime_, dispatch_->wait_for_work({1}, deadline)).has_value());
}

TEST_F(TieredDispatchTest, AWaitCanBeCancelledAndEndsAtShutDown) {
  EXPECT_THAT(claim({1}, 1), IsEmpty());
  const auto deadline = std::chrono::steady_clock::now() + kGuard;
  UnderWay<void> cancelled(runtime_, dispatch_->wait_for_work({1}, deadline));
  UnderWay<void> ended(runtime_, dispatch_->wait_for_work({1}, deadline));
  cancelled.cancel();
  EXPECT_EQ(cancelled.outcome().error().code(), Errc::cancelled);
  post(runtime_.executor(), [this] { dispatch_->shut_down(); });

  EXPECT_EQ(ended.outcome().error().code(), Errc::unavailable);
  EXPECT_EQ(run(runtime_, dispatch_->claim(claim_of({1}, 1))).error().code(), Errc::unavailable);
}

TEST_F(TieredDispatchTest, ABacklogIsKnownToAll) {
  const auto other = connect_dispatch({.holder = "other"});
  ASSERT_TRUE(run(runtime_, other->push({ticket(1)})).has_value());
  EXPECT_FALSE(window_of(*other, 1).has_backlog);
  await_subscriptions(2);
  ASSERT_TRUE(run(runtime_, dispatch_->set_backlog(1, Priority::normal, true)).has_value());

  EXPECT_TRUE(eventually([&] { return window_of(*other, 1).has_backlog; }));
  ASSERT_TRUE(run(runtime_, dispatch_->read_windows({1, 2})).has_value());
  EXPECT_TRUE(window(1).has_backlog);
  EXPECT_EQ(window(1).jobs, 1U);
  EXPECT_FALSE(window(2).has_backlog);
}

TEST_F(TieredDispatchTest, AMillionJobsThatWaitCostRedisNoMoreThanTheWindow) {
  use({.window_jobs = 2'000, .window_bytes = std::size_t{1} << 20U});
  const auto used = [&] {
    return std::stoul(server_.cli("INFO memory | grep ^used_memory: | cut -d: -f2 | tr -d '\\r'"));
  };
  std::vector<Ticket> tickets;
  for (int i = 0; i < 1'000; ++i) {
    tickets.push_back(ticket(1));
    tickets.back().body = std::string(200, 'x');
  }
  const auto before = used();
  std::size_t queued = 0;
  // As many tickets as a million jobs would be, at most as many as there is room for are taken.
  for (int round = 0; round < 20; ++round) {
    for (Ticket& each : tickets) each.id = Uuid::make_v7();
    const auto outcomes = push(tickets);
    queued +=
        static_cast<std::size_t>(std::count(outcomes.begin(), outcomes.end(), PushOutcome::queued));
  }

  EXPECT_EQ(queued, 2'000U);
  EXPECT_LT(used() - before, 2'000U * 800U + (std::size_t{1} << 20U));
}

TEST_F(TieredDispatchTest, OptionsOfNoUseAreRefused) {
  const auto refused = [&](jobs_tiered::DispatchOptions options) {
    return jobs_tiered::make_redis_dispatch(runtime_, Url::parse(server_.url()).value(),
                                            std::move(options))
        .error()
        .code();
  };
  EXPECT_EQ(refused({.holder = ""}), Errc::invalid_argument);
  EXPECT_EQ(refused({.holder = "h", .name = "a:b"}), Errc::invalid_argument);
  EXPECT_EQ(refused({.window_jobs = 0, .holder = "h"}), Errc::invalid_argument);
}

TEST_F(TieredDispatchTest, ManyThousandLanesAreClaimedFromBestPriorityFirstAndNoneIsLeftOut) {
  constexpr std::int64_t kLanes = 2'500;
  std::vector<std::int64_t> lanes;
  std::vector<Ticket> tickets;
  for (std::int64_t lane = 1; lane <= kLanes; ++lane) {
    lanes.push_back(lane);
    tickets.push_back(ticket(lane));
  }
  for (const std::int64_t lane : {7, 1'500, 2'400})
    tickets.push_back(ticket(lane, Priority::urgent));
  push(tickets);
  ASSERT_TRUE(run(runtime_, dispatch_->set_paused("queue-2400", true)).has_value());

  const auto first = claim(lanes, 2);

  // That of a paused queue is left out.
  EXPECT_THAT(lanes_of(first), ElementsAre(7, 1'500));
  std::set<std::int64_t> seen;
  for (;;) {
    const auto some = claim(lanes, 300);
    if (some.empty()) break;
    for (const std::int64_t lane : lanes_of(some)) EXPECT_TRUE(seen.insert(lane).second) << lane;
  }
  EXPECT_EQ(seen.size(), static_cast<std::size_t>(kLanes - 1));
  EXPECT_FALSE(seen.contains(2'400));
  // Nothing is left, so work is waited for.
  UnderWay<void> waiting(
      runtime_, dispatch_->wait_for_work(lanes, std::chrono::steady_clock::now() + kGuard));
  EXPECT_FALSE(waiting.is_over());
  push({ticket(2'300)});
  EXPECT_TRUE(waiting.outcome().has_value());
  EXPECT_THAT(claim(lanes, 10), SizeIs(1));
}

TEST_F(TieredDispatchTest, WhatIsHandedBackLapsesAtOnceAndHasNotBegun) {
  push({ticket(1), ticket(1)});
  const auto claimed = claim({1}, 2);
  ASSERT_THAT(claimed, SizeIs(2));
  ASSERT_TRUE(claimed[0].started);
  // Once lapses are their holders' own fault.
  ASSERT_THAT(expired(), IsEmpty());

  ASSERT_TRUE(run(runtime_, dispatch_->hand_back({run_of(claimed[0])})).has_value());

  const auto lapsed = expired();
  ASSERT_THAT(lapsed, SizeIs(1));
  EXPECT_EQ(lapsed[0].id, claimed[0].id);
  EXPECT_FALSE(lapsed[0].started);
  // Another's, or of another token, stays.
  const auto stranger = connect_dispatch({.holder = "stranger"});
  ASSERT_TRUE(eventually(
      [&] { return run(runtime_, stranger->hand_back({run_of(claimed[1])})).has_value(); }));
  jobs::RunRef old = run_of(claimed[1]);
  old.token += 1;
  ASSERT_TRUE(run(runtime_, dispatch_->hand_back({old})).has_value());
  EXPECT_THAT(expired(), SizeIs(1));
}

}  // namespace
}  // namespace rwp::tests
