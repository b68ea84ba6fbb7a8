#include <conformance/job_store_conformance.hpp>
#include <set>

namespace rwp::tests {
namespace {

using namespace std::chrono_literals;
using jobs::JobState;
using jobs::NewJob;
using jobs::Priority;
using ::testing::ElementsAre;
using ::testing::UnorderedElementsAre;

TEST_P(JobStoreConformance, ClaimGivesTheJobWithAllThatItsHandlerNeeds) {
  const Uuid id = added({.kind = "k",
                         .payload = JsonText::trusted("{\"a\":1}"),
                         .priority = Priority::high,
                         .max_attempts = 4,
                         .timeout = 5s,
                         .tenant = "acme",
                         .traceparent = "trace"});
  pass_time(3s);

  const jobs::ClaimedJob claimed = claim_one();

  EXPECT_EQ(claimed.run.id, id);
  EXPECT_GT(claimed.run.token, 0U);
  EXPECT_EQ(claimed.kind, "k");
  EXPECT_EQ(claimed.version, 1);
  EXPECT_EQ(claimed.queue, "default");
  EXPECT_EQ(claimed.priority, Priority::high);
  EXPECT_EQ(claimed.payload.str(), "{\"a\":1}");
  EXPECT_EQ(claimed.attempt, 0);
  EXPECT_EQ(claimed.max_attempts, 4);
  EXPECT_EQ(claimed.timeout, 5s);
  EXPECT_EQ(claimed.tenant, "acme");
  EXPECT_EQ(claimed.traceparent, "trace");
  EXPECT_FALSE(claimed.cursor.has_value());
  EXPECT_FALSE(claimed.resume.has_value());
  EXPECT_FALSE(claimed.alone);
  EXPECT_TRUE(claimed.started);
  EXPECT_EQ(claimed.created_at, clock_->now() - 3s);
  EXPECT_EQ(claimed.claimed_at, clock_->now());
  const jobs::Job shown = job(id);
  EXPECT_EQ(shown.state, JobState::running);
  EXPECT_EQ(shown.run_token, claimed.run.token);
  EXPECT_EQ(shown.started_at, clock_->now());
}

TEST_P(JobStoreConformance, AJobIsClaimedOnce) {
  added();

  EXPECT_EQ(claim(10).size(), 1U);
  EXPECT_TRUE(claim(10).empty());
}

TEST_P(JobStoreConformance, ClaimTakesNoMoreThanItsLimit) {
  ASSERT_TRUE(wait(store_->insert(std::vector<NewJob>(5, NewJob{.kind = "k"}))));

  EXPECT_EQ(claim(2).size(), 2U);
  EXPECT_EQ(claim(10).size(), 3U);
}

TEST_P(JobStoreConformance, BetterPriorityGoesFirstThenFirstInFirstOut) {
  const Uuid low = added({.kind = "k", .priority = Priority::low});
  const Uuid normal_1 = added({.kind = "other"});
  const Uuid urgent = added({.kind = "k", .priority = Priority::urgent});
  const Uuid normal_2 = added({.kind = "k"});
  const Uuid high = added({.kind = "other", .queue = "q2", .priority = Priority::high});
  const Uuid normal_3 = added({.kind = "k", .version = 1, .queue = "q2"});

  EXPECT_THAT(ids_of(claim(3)), ElementsAre(urgent, high, normal_1));
  EXPECT_THAT(ids_of(claim(10)), ElementsAre(normal_2, normal_3, low));
}

TEST_P(JobStoreConformance, ChangedPriorityChangesTheOrder) {
  const Uuid first = added();
  const Uuid second = added();

  EXPECT_EQ(set_priority(second, Priority::urgent).value(), JobState::ready);

  EXPECT_EQ(job(second).priority, Priority::urgent);
  EXPECT_THAT(ids_of(claim(10)), ElementsAre(second, first));
}

TEST_P(JobStoreConformance, PriorityOfJobsThatWaitIsChangedAndOfOthersIsAConflict) {
  const Uuid scheduled = added({.kind = "k", .delay = 1h});
  const Uuid running = added();
  const auto claimed = claim_one();

  EXPECT_EQ(set_priority(scheduled, Priority::high).value(), JobState::scheduled);
  EXPECT_EQ(job(scheduled).priority, Priority::high);
  EXPECT_EQ(set_priority(running, Priority::high).error().code(), Errc::conflict);
  ASSERT_TRUE(finish(claimed.run, jobs::Park{.key = "p"}));
  EXPECT_EQ(set_priority(running, Priority::high).value(), JobState::parked);
  ASSERT_TRUE(cancel(running));
  EXPECT_EQ(set_priority(running, Priority::low).error().code(), Errc::conflict);
  EXPECT_EQ(set_priority(Uuid::make_v7(clock_->now()), Priority::low).error().code(),
            Errc::not_found);
  EXPECT_EQ(wait(store_->set_priority({scheduled}, static_cast<Priority>(9))).error().code(),
            Errc::invalid_argument);
}

TEST_P(JobStoreConformance, UnknownKindsAndVersionsStayReadyAndAreCounted) {
  added_of("unknown");
  added({.kind = "k", .version = 3});
  const Uuid known = added({.kind = "k", .version = 2});

  const auto claimed = claim(jobs::ClaimRequest{.kinds = {{"k", 1, 2}}, .limit = 10});

  EXPECT_THAT(ids_of(claimed), ElementsAre(known));
  EXPECT_EQ(count(JobState::ready), 2);
  EXPECT_EQ(count(JobState::running), 1);
  EXPECT_EQ(claim(jobs::ClaimRequest{.kinds = {{"k", 3, 9}, {"unknown"}}, .limit = 10}).size(), 2U);
}

TEST_P(JobStoreConformance, ClaimWithoutKindsTakesNothing) {
  added();

  EXPECT_TRUE(claim(jobs::ClaimRequest{.limit = 10}).empty());
}

TEST_P(JobStoreConformance, ClaimLooksIntoItsQueuesOnly) {
  const Uuid a = added({.kind = "k", .queue = "a"});
  const Uuid b = added({.kind = "k", .queue = "b"});
  const Uuid c = added({.kind = "k", .queue = "c"});

  const auto from = [&](std::vector<std::string> queues) {
    return ids_of(claim(
        jobs::ClaimRequest{.queues = std::move(queues), .kinds = kinds_of({"k"}), .limit = 10}));
  };
  EXPECT_THAT(from({"c", "a", "no-such"}), UnorderedElementsAre(a, c));
  EXPECT_THAT(from({"a"}), ElementsAre());
  EXPECT_THAT(from({}), ElementsAre(b));
}

TEST_P(JobStoreConformance, NothingNewStartsFromAPausedQueue) {
  const Uuid first = added({.kind = "k", .queue = "a"});
  added({.kind = "k", .queue = "a"});
  const auto running = claim_one();
  ASSERT_TRUE(wait(store_->pause("a")));
  added({.kind = "k", .queue = "a"});

  EXPECT_TRUE(claim(10).empty());
  EXPECT_TRUE(counts("a").paused);
  EXPECT_EQ(count(JobState::ready, "a"), 2);
  EXPECT_TRUE(extend(running.run).has_value()) << "what runs goes on";
  EXPECT_TRUE(finish(running.run, jobs::Succeed{}).has_value());
  EXPECT_EQ(state(first), JobState::succeeded);

  ASSERT_TRUE(wait(store_->resume("a")));
  EXPECT_FALSE(counts("a").paused);
  EXPECT_EQ(claim(10).size(), 2U);
}

TEST_P(JobStoreConformance, PauseMayPrecedeTheFirstJobAndBeRepeated) {
  ASSERT_TRUE(wait(store_->pause("later")));
  ASSERT_TRUE(wait(store_->pause("later")));
  added({.kind = "k", .queue = "later"});

  EXPECT_TRUE(claim(10).empty());
  ASSERT_TRUE(wait(store_->resume("later")));
  ASSERT_TRUE(wait(store_->resume("later")));
  EXPECT_EQ(claim(10).size(), 1U);
  EXPECT_EQ(wait(store_->pause("no queue!")).error().code(), Errc::invalid_argument);
}

TEST_P(JobStoreConformance, OnlyTheFirstOfAClaimAreStartedThePrefetchedAreNot) {
  ASSERT_TRUE(wait(store_->insert(std::vector<NewJob>(3, NewJob{.kind = "k"}))));

  const auto claimed = claim(3, 1);

  ASSERT_EQ(claimed.size(), 3U);
  EXPECT_TRUE(claimed[0].started);
  EXPECT_FALSE(claimed[1].started);
  EXPECT_FALSE(claimed[2].started);
}

TEST_P(JobStoreConformance, LapsedLeaseIsRescuedAndTheJobRunsAgainUnderAHigherToken) {
  const Uuid id = added();
  const auto first = claim_one();

  pass_time(kLease - 1s);
  EXPECT_EQ(rescue().leases, 0U);
  EXPECT_EQ(state(id), JobState::running);
  pass_time(2s);
  EXPECT_EQ(rescue().leases, 1U);
  const auto second = claim_one();

  EXPECT_EQ(second.run.id, id);
  EXPECT_GT(second.run.token, first.run.token);
  EXPECT_EQ(second.attempt, 0) << "a lost run burns no attempt";
  EXPECT_EQ(rescue().leases, 0U);
}

TEST_P(JobStoreConformance, HeartbeatKeepsTheLease) {
  const Uuid id = added();
  const auto claimed = claim_one();

  for (int beat = 0; beat < 5; ++beat) {
    pass_time(kLease - 1s);
    ASSERT_TRUE(extend(claimed.run).has_value());
  }
  EXPECT_EQ(rescue().leases, 0U);
  EXPECT_EQ(state(id), JobState::running);
  pass_time(kLease + 1s);
  EXPECT_EQ(rescue().leases, 1U);
}

TEST_P(JobStoreConformance, LeaseThatLapsedButWasNotRescuedCanStillFinish) {
  const Uuid id = added();
  const auto claimed = claim_one();
  pass_time(kLease * 2);

  EXPECT_EQ(finish(claimed.run, jobs::Succeed{}).value(), JobState::succeeded);
  EXPECT_EQ(rescue().leases, 0U);
  EXPECT_EQ(state(id), JobState::succeeded);
}

TEST_P(JobStoreConformance, StepOfTheWallClockEndsNoLease) {
  added();
  claim_one();

  clock_->step_wall(24h);
  EXPECT_EQ(rescue().leases, 0U);
  clock_->step_wall(-48h);
  EXPECT_EQ(rescue().leases, 0U);
}

TEST_P(JobStoreConformance, RescuesThatAreFarApartFindLapsedLeasesAtTheSecondLook) {
  const Uuid id = added();
  claim_one();

  // After a gap the holders may have slept with the machine, and get another chance.
  for (int look = 0; look < 2; ++look) {
    pass_time(5min);
    rescue();
  }

  EXPECT_EQ(state(id), JobState::ready);
}

TEST_P(JobStoreConformance, ParksPastTheirDeadlineAreFoundBehindManyDueJobs) {
  const Uuid parked = added();
  ASSERT_TRUE(finish(claim_one().run, jobs::Park{.key = "p", .timeout = 10s}));
  for (int i = 0; i < 5; ++i) added({.kind = "k", .delay = 1s});
  pass_time(20s);

  EXPECT_EQ(wait(store_->rescue(1))->parks, 1U);

  EXPECT_EQ(state(parked), JobState::ready);
}

TEST_P(JobStoreConformance, RescueTakesNoMoreThanItsLimit) {
  ASSERT_TRUE(wait(store_->insert(std::vector<NewJob>(5, NewJob{.kind = "k"}))));
  ASSERT_EQ(claim(5, 0).size(), 5U);
  pass_time(kLease + 1s);

  EXPECT_EQ(wait(store_->rescue(2))->leases, 2U);
  EXPECT_EQ(wait(store_->rescue(10))->leases, 3U);
  EXPECT_EQ(wait(store_->rescue(0)).error().code(), Errc::invalid_argument);
  EXPECT_EQ(wait(store_->rescue(10'001)).error().code(), Errc::invalid_argument);
}

TEST_P(JobStoreConformance, DeathOfAStartedRunMarksTheJobAsSuspect) {
  const Uuid id = added();
  claim_one();
  lose_run();

  const jobs::Job suspect = job(id);
  EXPECT_EQ(suspect.suspect_marks, 1);
  EXPECT_EQ(suspect.crashes, 0);
  EXPECT_EQ(suspect.attempt, 0);
  ASSERT_EQ(suspect.errors.size(), 1U);
  EXPECT_EQ(suspect.errors[0].attempt, 1);
  EXPECT_EQ(suspect.errors[0].at, clock_->now());
}

TEST_P(JobStoreConformance, LostPrefetchedRunIsMarkedOnlyIfItWasStarted) {
  const Uuid begun = added();
  const Uuid not_begun = added();
  const auto claimed = claim(2, 0);
  ASSERT_TRUE(start(claimed[0].run).has_value());

  pass_time(kLease + 1s);
  ASSERT_EQ(rescue().leases, 2U);

  EXPECT_EQ(job(begun).suspect_marks, 1);
  EXPECT_EQ(job(not_begun).suspect_marks, 0);
  EXPECT_TRUE(job(not_begun).errors.empty());
}

TEST_P(JobStoreConformance, SuspectWithTwoMarksComesAloneOrLastAndOnePerClaim) {
  const Uuid suspect_1 = added({.kind = "k", .priority = Priority::urgent});
  const Uuid suspect_2 = added({.kind = "k", .priority = Priority::urgent});
  for (int death = 0; death < 2; ++death) {
    ASSERT_EQ(claim(2).size(), 2U);
    pass_time(kLease + 1s);
    ASSERT_EQ(rescue().leases, 2U);
  }
  ASSERT_EQ(job(suspect_1).suspect_marks, 2);
  added();
  added();

  std::set<Uuid> seen;
  for (int round = 0; round < 8 && seen.size() < 4; ++round) {
    const auto claimed = claim(10);
    for (std::size_t i = 0; i < claimed.size(); ++i) {
      const Uuid id = claimed[i].run.id;
      EXPECT_TRUE(seen.insert(id).second);
      EXPECT_EQ(claimed[i].alone, id == suspect_1 || id == suspect_2);
      EXPECT_TRUE(!claimed[i].alone || i + 1 == claimed.size()) << "a suspect must be the last";
    }
  }
  EXPECT_EQ(seen.size(), 4U);
}

TEST_P(JobStoreConformance, DeathsWhileAloneQuarantineTheJobUntilItIsRetriedByHand) {
  const Uuid id = added();
  for (int death = 0; death < 4; ++death) {
    const auto claimed = claim_one();
    ASSERT_EQ(claimed.alone, death >= 2);
    // It waits for its neighbours to end before it begins.
    ASSERT_EQ(claimed.started, !claimed.alone);
    ASSERT_TRUE(start(claimed.run).has_value());
    lose_run();
  }
  EXPECT_EQ(job(id).crashes, 2);
  ASSERT_TRUE(start(claim_one().run).has_value());
  pass_time(kLease + 1s);

  const jobs::Rescued rescued = rescue();

  EXPECT_EQ(rescued.leases, 1U);
  EXPECT_EQ(rescued.quarantined, 1U);
  EXPECT_EQ(state(id), JobState::failed);
  EXPECT_EQ(job(id).end_reason, jobs::EndReason::crashed);
  EXPECT_EQ(job(id).attempt, 0);
  EXPECT_TRUE(job(id).finished_at.has_value());
  EXPECT_TRUE(claim().empty());

  EXPECT_EQ(retry(id).value(), JobState::ready);
  EXPECT_EQ(job(id).crashes, 0);
  EXPECT_FALSE(claim_one().alone);
}

TEST_P(JobStoreConformance, SuccessClearsMarks) {
  const Uuid id = added();
  claim_one();
  lose_run();

  ASSERT_TRUE(finish(claim_one().run, jobs::Succeed{}));

  EXPECT_EQ(job(id).suspect_marks, 0);
}

TEST_P(JobStoreConformance, RebootEndsAllLeases) {
  if (!GetParam().is_shared) GTEST_SKIP() << "keeps nothing beyond its life";
  const Uuid id = added();
  claim_one();

  store_.reset();
  clock_->reboot();
  store_ = open_another();

  EXPECT_EQ(rescue().leases, 1U);
  EXPECT_EQ(state(id), JobState::ready);
}

TEST_P(JobStoreConformance, ClaimsOfTwoStoresDoNotOverlap) {
  if (!GetParam().is_shared) GTEST_SKIP() << "one store alone sees these jobs";
  auto other = open_another();
  ASSERT_TRUE(wait(store_->insert(std::vector<NewJob>(20, NewJob{.kind = "k"}))));

  std::set<Uuid> seen;
  for (int round = 0; round < 10; ++round) {
    for (const auto& store : {store_, other}) {
      const auto claimed =
          wait(store->claim({.kinds = kinds_of({"k"}), .limit = 1, .lease = kLease})).value();
      ASSERT_EQ(claimed.size(), 1U);
      EXPECT_TRUE(seen.insert(claimed[0].run.id).second);
    }
  }
  EXPECT_EQ(seen.size(), 20U);
}

TEST_P(JobStoreConformance, LeasesOfAStoreThatWasClosedEndAtOnce) {
  if (!GetParam().is_shared) GTEST_SKIP() << "one store alone sees these jobs";
  auto holder = open_another();
  const Uuid id = added();
  ASSERT_EQ(wait(holder->claim({.kinds = kinds_of({"k"}), .limit = 1, .lease = kLease}))->size(),
            1U);
  ASSERT_EQ(rescue().leases, 0U) << "its holder lives";

  holder.reset();

  EXPECT_EQ(rescue().leases, 1U);
  EXPECT_EQ(state(id), JobState::ready);
}

}  // namespace
}  // namespace rwp::tests
