#include <conformance/job_store_conformance.hpp>
#include <future>

namespace rwp::tests {
namespace {

using namespace std::chrono_literals;
using jobs::JobState;
using jobs::NewJob;
using jobs::RunRef;

JsonText json(const char* text) { return JsonText::parse(text).value(); }

TEST_P(JobStoreConformance, SuccessKeepsTheResult) {
  const Uuid id = added();
  const auto claimed = claim_one();
  pass_time(2s);

  EXPECT_EQ(finish(claimed.run, jobs::Succeed{json("{\"ok\":true}")}).value(), JobState::succeeded);

  const jobs::Job ended = job(id);
  EXPECT_EQ(ended.state, JobState::succeeded);
  EXPECT_EQ(ended.end_reason, jobs::EndReason::none);
  EXPECT_EQ(ended.result, json("{\"ok\":true}"));
  EXPECT_EQ(ended.finished_at, clock_->now());
  EXPECT_EQ(ended.started_at, clock_->now() - 2s);
}

TEST_P(JobStoreConformance, RepeatedCompletionAnswersTheSameAndInsertsItsChildrenOnce) {
  added();
  const auto claimed = claim_one();
  const NewJob child{.id = Uuid::make_v7(clock_->now()), .kind = "other"};
  const NewJob nameless{.kind = "other"};

  EXPECT_EQ(finish(claimed.run, jobs::Succeed{json("1")}, {child, nameless}).value(),
            JobState::succeeded);
  EXPECT_EQ(finish(claimed.run, jobs::Succeed{json("2")}, {child, nameless}).value(),
            JobState::succeeded);

  EXPECT_EQ(job(claimed.run.id).result, json("1"));
  EXPECT_EQ(count(JobState::ready), 2);
  EXPECT_EQ(count(JobState::succeeded), 1);
}

TEST_P(JobStoreConformance, RepeatedRetryCompletionBurnsOneAttempt) {
  const Uuid id = added();
  const auto claimed = claim_one();

  ASSERT_TRUE(finish(claimed.run, jobs::Retry{any_failure(), 0ms}));
  EXPECT_EQ(finish(claimed.run, jobs::Retry{any_failure(), 0ms}).value(), JobState::ready);

  EXPECT_EQ(job(id).attempt, 1);
  EXPECT_EQ(job(id).errors.size(), 1U);
}

TEST_P(JobStoreConformance, TwinCompletionsWithinABatchCountOnce) {
  const Uuid id = added();
  const auto claimed = claim_one();
  const jobs::Completion completion{.run = claimed.run,
                                    .outcome = jobs::Retry{any_failure(), 0ms},
                                    .children = {{.kind = "other"}}};

  const auto answers = wait(store_->finish({completion, completion})).value();

  EXPECT_EQ(answers[0].value(), JobState::ready);
  EXPECT_EQ(answers[1].value(), JobState::ready);
  EXPECT_EQ(job(id).attempt, 1);
  EXPECT_EQ(count(JobState::ready), 2);
}

TEST_P(JobStoreConformance, ChildrenAreInsertedWithTheCompletion) {
  added();
  const auto claimed = claim_one();
  const NewJob child{.id = Uuid::make_v7(claimed.claimed_at),
                     .kind = "other",
                     .payload = json("[1]"),
                     .delay = 1min};

  ASSERT_TRUE(finish(claimed.run, jobs::Succeed{}, {child}));

  EXPECT_EQ(job(child.id).payload, json("[1]"));
  EXPECT_EQ(state(child.id), JobState::scheduled);
}

TEST_P(JobStoreConformance, AChildThatBreaksARuleRefusesTheWholeCompletion) {
  const Uuid id = added();
  const auto claimed = claim_one();
  const NewJob good{.id = Uuid::make_v7(clock_->now()), .kind = "other"};

  const auto answer = finish(claimed.run, jobs::Succeed{}, {good, {.kind = "no kind!"}});

  EXPECT_EQ(answer.error().code(), Errc::invalid_argument);
  EXPECT_EQ(state(id), JobState::running);
  EXPECT_EQ(find(good.id).error().code(), Errc::not_found);
  EXPECT_EQ(finish(claimed.run, jobs::Succeed{}).value(), JobState::succeeded);
}

TEST_P(JobStoreConformance, AChildWhoseKeyIsTakenByAnotherPayloadRefusesTheWholeCompletion) {
  added({.kind = "other", .payload = json("[1]"), .delay = 1h, .idempotency_key = "taken"});
  const Uuid id = added();
  const auto claimed = claim_one();
  const NewJob good{.id = Uuid::make_v7(clock_->now()), .kind = "fresh", .queue = "fresh"};
  const NewJob clash{.kind = "other", .payload = json("[2]"), .idempotency_key = "taken"};

  const auto answer = finish(claimed.run, jobs::Succeed{}, {good, clash});

  ASSERT_FALSE(answer.has_value());
  EXPECT_EQ(state(id), JobState::running);
  EXPECT_EQ(find(good.id).error().code(), Errc::not_found);
  EXPECT_EQ(count(JobState::ready, "fresh"), 0);
  EXPECT_EQ(finish(claimed.run, jobs::Succeed{}, {good}).value(), JobState::succeeded);
  EXPECT_EQ(count(JobState::ready, "fresh"), 1);
}

TEST_P(JobStoreConformance, AChildThatAUniqueKeyCollapsesIsNoFailure) {
  added({.kind = "other", .delay = 1h, .unique = {.key = "ad/1"}});
  added();

  EXPECT_EQ(finish(claim_one().run, jobs::Succeed{}, {{.kind = "other", .unique = {.key = "ad/1"}}})
                .value(),
            JobState::succeeded);
  EXPECT_EQ(count(JobState::scheduled), 1);
  EXPECT_EQ(count(JobState::ready), 0);
}

TEST_P(JobStoreConformance, LargePayloadOfAChildLiesInTheBlobStore) {
  added();
  const JsonText large = JsonText::trusted("\"" + std::string(1024 * 1024, 'x') + "\"");
  const NewJob child{.id = Uuid::make_v7(clock_->now()), .kind = "other", .payload = large};

  ASSERT_TRUE(finish(claim_one().run, jobs::Succeed{}, {child}));

  const jobs::Job kept = job(child.id);
  EXPECT_EQ(wait(store_->load_payload(kept.payload, kept.payload_blob)).value(), large);
}

TEST_P(JobStoreConformance, ACompletionThatRacesARescueHasOneWinner) {
  if (!GetParam().is_shared) GTEST_SKIP() << "one store alone sees these jobs";
  auto rescuer = open_another();
  for (int round = 0; round < 20; ++round) {
    const Uuid id = added();
    const RunRef run = claim_one().run;
    pass_time(kLease + 1s);
    auto rescued = std::async(std::launch::async, [&] { return wait(rescuer->rescue()); });

    const auto finished = finish(run, jobs::Succeed{});

    const std::size_t leases = rescued.get()->leases;
    if (finished) {
      EXPECT_EQ(leases, 0U);
      EXPECT_EQ(state(id), JobState::succeeded);
    } else {
      EXPECT_EQ(finished.error().code(), Errc::conflict);
      EXPECT_EQ(leases, 1U);
      EXPECT_EQ(state(id), JobState::ready);
      ASSERT_TRUE(cancel(id));
    }
  }
}

TEST_P(JobStoreConformance, ChildrenOfAStaleCompletionAreNotInserted) {
  added();
  const auto claimed = claim_one();
  lose_run();
  const NewJob child{.id = Uuid::make_v7(clock_->now()), .kind = "other"};

  EXPECT_EQ(finish(claimed.run, jobs::Succeed{}, {child}).error().code(), Errc::conflict);

  EXPECT_EQ(find(child.id).error().code(), Errc::not_found);
}

TEST_P(JobStoreConformance, ARunInABatchThatIsRefusedLeavesItsNeighboursAlone) {
  const Uuid first = added();
  const Uuid second = added();
  const auto claimed = claim(2);
  std::vector<jobs::Completion> batch(3);
  batch[0] = {.run = claimed[0].run, .outcome = jobs::Succeed{}};
  batch[1] = {.run = {.id = Uuid::make_v7(clock_->now()), .token = 1}, .outcome = jobs::Succeed{}};
  batch[2] = {.run = claimed[1].run, .outcome = jobs::Park{}};

  const auto answers = wait(store_->finish(batch)).value();

  EXPECT_EQ(answers[0].value(), JobState::succeeded);
  EXPECT_EQ(answers[1].error().code(), Errc::not_found);
  EXPECT_EQ(answers[2].error().code(), Errc::invalid_argument);
  EXPECT_EQ(state(first), JobState::succeeded);
  EXPECT_EQ(state(second), JobState::running);
}

TEST_P(JobStoreConformance, RetryWaitsForItsDelayAndKeepsTheError) {
  const Uuid id = added();
  const auto claimed = claim_one();

  EXPECT_EQ(finish(claimed.run, jobs::Retry{any_failure(), 30s}).value(), JobState::scheduled);

  const jobs::Job waiting = job(id);
  EXPECT_EQ(waiting.attempt, 1);
  EXPECT_EQ(waiting.run_at, clock_->now() + 30s);
  ASSERT_EQ(waiting.errors.size(), 1U);
  EXPECT_EQ(waiting.errors[0].attempt, 1);
  EXPECT_EQ(waiting.errors[0].at, clock_->now());
  EXPECT_EQ(waiting.errors[0].code, "unavailable");
  EXPECT_EQ(waiting.errors[0].message, any_failure().message());
  EXPECT_TRUE(claim().empty());
  pass_time(30s);
  EXPECT_EQ(claim_one().attempt, 1);
}

TEST_P(JobStoreConformance, TheLastAttemptThatFailsExhaustsTheJob) {
  const Uuid id = added({.kind = "k", .max_attempts = 2});
  ASSERT_TRUE(finish(claim_one().run, jobs::Retry{any_failure(), 0ms}));

  EXPECT_EQ(finish(claim_one().run, jobs::Retry{any_failure(), 1h}).value(), JobState::failed);

  EXPECT_EQ(job(id).end_reason, jobs::EndReason::exhausted);
  EXPECT_EQ(job(id).attempt, 2);
  EXPECT_EQ(job(id).errors.size(), 2U);
}

TEST_P(JobStoreConformance, FailEndsTheJobForGood) {
  const Uuid id = added();

  EXPECT_EQ(finish(claim_one().run, jobs::Fail{Error(Errc::invalid_argument, "no title")}).value(),
            JobState::failed);

  const jobs::Job failed = job(id);
  EXPECT_EQ(failed.end_reason, jobs::EndReason::error);
  EXPECT_EQ(failed.errors.back().code, "invalid_argument");
  EXPECT_EQ(failed.errors.back().message, "no title");
  EXPECT_EQ(failed.finished_at, clock_->now());
  EXPECT_FALSE(failed.result.has_value());
}

TEST_P(JobStoreConformance, OnlyTheNewestTwentyErrorsAreKept) {
  const Uuid id = added({.kind = "k", .max_attempts = 100});

  for (int attempt = 1; attempt <= 25; ++attempt) {
    const Error error(Errc::internal, "attempt " + std::to_string(attempt));
    ASSERT_TRUE(finish(claim_one().run, jobs::Retry{error, 0ms}));
  }

  const jobs::Job tried = job(id);
  ASSERT_EQ(tried.errors.size(), jobs::kMaxErrorsKept);
  EXPECT_EQ(tried.errors.front().message, "attempt 6");
  EXPECT_EQ(tried.errors.back().message, "attempt 25");
  EXPECT_EQ(tried.errors.back().attempt, 25);
}

TEST_P(JobStoreConformance, AnyBytesOfAnErrorsMessageAreKeptAsText) {
  const Uuid id = added();
  const Error error(Errc::internal,
                    std::string("bad \xFF\0 'bytes\"", 14) + std::string(1024 * 1024, 'x'));

  ASSERT_TRUE(finish(claim_one().run, jobs::Fail{error}));

  const std::string kept = job(id).errors.front().message;
  EXPECT_LE(kept.size(), 4096U);
  EXPECT_EQ(kept.rfind("bad \xEF\xBF\xBD\xEF\xBF\xBD 'bytes", 0), 0U);
}

TEST_P(JobStoreConformance, SnoozeBurnsNoAttempt) {
  const Uuid id = added();

  EXPECT_EQ(finish(claim_one().run, jobs::Snooze{5min}).value(), JobState::scheduled);

  EXPECT_EQ(job(id).attempt, 0);
  EXPECT_TRUE(job(id).errors.empty());
  EXPECT_TRUE(claim().empty());
  pass_time(5min);
  EXPECT_EQ(claim_one().run.id, id);
}

TEST_P(JobStoreConformance, HandBackIsReadyAtOnceAndBurnsNoAttempt) {
  const Uuid id = added();

  EXPECT_EQ(finish(claim_one().run, jobs::HandBack{}).value(), JobState::ready);

  EXPECT_EQ(job(id).attempt, 0);
  EXPECT_EQ(job(id).suspect_marks, 0);
  EXPECT_EQ(claim_one().run.id, id);
}

TEST_P(JobStoreConformance, CrashOfARunsOwnProcessCountsAtOnceAndEndsTheJobAtItsBudget) {
  const Uuid id = added();
  const Error death(Errc::internal, "died \xFF");

  EXPECT_EQ(finish(claim_one().run, jobs::Crashed{death, 5min}).value(), JobState::scheduled);
  EXPECT_EQ(job(id).crashes, 1);
  EXPECT_EQ(job(id).attempt, 0);
  ASSERT_EQ(job(id).errors.size(), 1U);
  EXPECT_EQ(job(id).errors.front().message, "died \xEF\xBF\xBD");
  pass_time(5min);
  EXPECT_EQ(finish(claim_one().run, jobs::Crashed{any_failure(), 0ms}).value(), JobState::ready);
  EXPECT_EQ(finish(claim_one().run, jobs::Crashed{any_failure(), 0ms}).value(), JobState::failed);

  EXPECT_EQ(job(id).end_reason, jobs::EndReason::crashed);
}

TEST_P(JobStoreConformance, EveryDispatchRaisesTheToken) {
  added();
  std::uint64_t last = 0;

  for (const jobs::RunOutcome& outcome :
       {jobs::RunOutcome(jobs::HandBack{}), jobs::RunOutcome(jobs::Snooze{0ms}),
        jobs::RunOutcome(jobs::Retry{any_failure(), 0ms}), jobs::RunOutcome(jobs::HandBack{})}) {
    const auto claimed = claim_one();
    EXPECT_GT(claimed.run.token, last);
    last = claimed.run.token;
    ASSERT_TRUE(finish(claimed.run, outcome));
  }
}

/// A run that is no longer the job's: everything of it is refused.
#define EXPECT_REFUSED_EVERYWHERE(old_run)                                               \
  EXPECT_EQ(extend(old_run).error().code(), Errc::conflict);                             \
  EXPECT_EQ(start(old_run).error().code(), Errc::conflict);                              \
  EXPECT_EQ(progress({.run = old_run, .progress = 0.5}).error().code(), Errc::conflict); \
  EXPECT_EQ(finish(old_run, jobs::Succeed{}).error().code(), Errc::conflict)

TEST_P(JobStoreConformance, ZombieIsRefusedAfterItsRescue) {
  const Uuid id = added();
  const RunRef zombie = claim_one().run;
  lose_run();

  EXPECT_REFUSED_EVERYWHERE(zombie);
  EXPECT_EQ(state(id), JobState::ready);
}

TEST_P(JobStoreConformance, ZombieIsRefusedWhileAnotherRunHoldsTheJob) {
  const Uuid id = added();
  const RunRef zombie = claim_one().run;
  lose_run();
  const RunRef current = claim_one().run;

  EXPECT_REFUSED_EVERYWHERE(zombie);
  EXPECT_EQ(job(id).progress, 0);
  EXPECT_EQ(finish(current, jobs::Succeed{}).value(), JobState::succeeded);
  EXPECT_REFUSED_EVERYWHERE(zombie);
}

TEST_P(JobStoreConformance, ZombieOfASnoozedJobIsRefusedThoughTheAttemptIsTheSame) {
  added();
  const auto zombie = claim_one();
  ASSERT_TRUE(finish(zombie.run, jobs::Snooze{0ms}));
  const auto current = claim_one();
  ASSERT_EQ(current.attempt, zombie.attempt);

  EXPECT_REFUSED_EVERYWHERE(zombie.run);
  EXPECT_EQ(finish(current.run, jobs::Succeed{}).value(), JobState::succeeded);
}

TEST_P(JobStoreConformance, RunsAreFoundWithoutTheHandleToo) {
  const Uuid id = added();
  RunRef named = claim_one().run;
  named.handle = 0;

  EXPECT_TRUE(extend(named).has_value());
  EXPECT_TRUE(start(named).has_value());
  EXPECT_TRUE(progress({.run = named, .progress = 0.5}).has_value());
  EXPECT_EQ(finish(named, jobs::Succeed{}).value(), JobState::succeeded);
  EXPECT_EQ(state(id), JobState::succeeded);
}

TEST_P(JobStoreConformance, RunsOfAJobThatIsGoneAreNotFound) {
  const RunRef nowhere{.id = Uuid::make_v7(clock_->now()), .token = 1};

  EXPECT_EQ(extend(nowhere).error().code(), Errc::not_found);
  EXPECT_EQ(start(nowhere).error().code(), Errc::not_found);
  EXPECT_EQ(progress({.run = nowhere}).error().code(), Errc::not_found);
  EXPECT_EQ(finish(nowhere, jobs::Succeed{}).error().code(), Errc::not_found);
}

TEST_P(JobStoreConformance, PrefetchedRunIsStartedOnceAndRepeatably) {
  const Uuid id = added();
  const RunRef run = claim(1, 0).front().run;

  EXPECT_TRUE(start(run).has_value());
  EXPECT_TRUE(start(run).has_value());

  lose_run();
  EXPECT_EQ(job(id).suspect_marks, 1);
}

TEST_P(JobStoreConformance, ProgressNoteAndCursorAreShownAndGivenToTheNextRun) {
  const Uuid id = added();
  const RunRef run = claim_one().run;

  ASSERT_TRUE(progress({.run = run, .progress = 0.25, .note = "page 1"}));
  ASSERT_TRUE(progress({.run = run, .cursor = json("{\"page\":1}")}));

  EXPECT_EQ(job(id).progress, 0.25);
  EXPECT_EQ(job(id).progress_note, "page 1");
  EXPECT_EQ(job(id).cursor, json("{\"page\":1}"));
  ASSERT_TRUE(finish(run, jobs::Retry{any_failure(), 0ms}));
  EXPECT_EQ(claim_one().cursor, json("{\"page\":1}"));
}

TEST_P(JobStoreConformance, CursorSurvivesTheDeathOfItsRun) {
  added();
  const RunRef run = claim_one().run;
  ASSERT_TRUE(progress({.run = run, .cursor = json("[7]")}));
  lose_run();

  EXPECT_EQ(claim_one().cursor, json("[7]"));
}

TEST_P(JobStoreConformance, ABadProgressUpdateFailsAlone) {
  added();
  added();
  const auto claimed = claim(2);

  const auto answers = wait(store_->progress({{.run = claimed[0].run, .progress = 2.0},
                                              {.run = claimed[1].run, .progress = 0.5}}))
                           .value();

  EXPECT_EQ(answers[0].error().code(), Errc::invalid_argument);
  EXPECT_TRUE(answers[1].has_value());
  EXPECT_EQ(job(claimed[1].run.id).progress, 0.5);
}

TEST_P(JobStoreConformance, LeaseOutsideItsRangeIsRefused) {
  added();
  const RunRef run = claim_one().run;

  EXPECT_EQ(wait(store_->extend({run}, 999ms)).error().code(), Errc::invalid_argument);
  EXPECT_EQ(wait(store_->extend({run}, 2h)).error().code(), Errc::invalid_argument);
}

TEST_P(JobStoreConformance, ParkedJobWaitsForItsKeyAndIsGivenTheValue) {
  const Uuid id = added();
  EXPECT_EQ(finish(claim_one().run, jobs::Park{.key = "batch-7", .timeout = 1h}).value(),
            JobState::parked);
  EXPECT_EQ(job(id).park_key, "batch-7");
  EXPECT_TRUE(claim().empty());

  EXPECT_EQ(unpark(id, "batch-8").error().code(), Errc::conflict);
  EXPECT_EQ(unpark(id, "batch-7", json("{\"done\":1}")).value(), JobState::ready);

  const auto resumed = claim_one();
  ASSERT_TRUE(resumed.resume.has_value());
  EXPECT_EQ(resumed.resume->key, "batch-7");
  EXPECT_EQ(resumed.resume->value, json("{\"done\":1}"));
  EXPECT_EQ(resumed.attempt, 0);
}

TEST_P(JobStoreConformance, UnparkIsWonOnceAndRepeatableUntilTheClaim) {
  const Uuid id = added();
  ASSERT_TRUE(finish(claim_one().run, jobs::Park{.key = "p"}));

  EXPECT_EQ(unpark(id, "p", json("1")).value(), JobState::ready);
  EXPECT_EQ(unpark(id, "p", json("2")).value(), JobState::ready);
  const auto resumed = claim_one();

  EXPECT_EQ(resumed.resume->value, json("1")) << "whoever wins";
  EXPECT_EQ(unpark(id, "p", json("3")).error().code(), Errc::conflict);
}

TEST_P(JobStoreConformance, ParkPastItsDeadlineRunsAgainWithoutAValue) {
  const Uuid id = added();
  ASSERT_TRUE(finish(claim_one().run, jobs::Park{.key = "p", .timeout = 10min}));

  pass_time(10min - 1s);
  EXPECT_EQ(rescue().parks, 0U);
  pass_time(2s);
  EXPECT_EQ(rescue().parks, 1U);

  EXPECT_EQ(unpark(id, "p").error().code(), Errc::conflict);
  const auto resumed = claim_one();
  ASSERT_TRUE(resumed.resume.has_value());
  EXPECT_EQ(resumed.resume->key, "p");
  EXPECT_FALSE(resumed.resume->value.has_value());
}

TEST_P(JobStoreConformance, ResumeIsForTheNextRunUntilOneHasEndedWithIt) {
  const Uuid id = added();
  ASSERT_TRUE(finish(claim_one().run, jobs::Park{.key = "p"}));
  ASSERT_TRUE(unpark(id, "p", json("1")));
  claim_one();
  lose_run();

  const auto after_death = claim_one();

  ASSERT_TRUE(after_death.resume.has_value()) << "what the job waited for must not be lost";
  EXPECT_EQ(after_death.resume->value, json("1"));
}

TEST_P(JobStoreConformance, UnparkOfJobsThatAreNotParked) {
  const Uuid ready = added();

  EXPECT_EQ(unpark(ready, "p").error().code(), Errc::conflict);
  EXPECT_EQ(unpark(ready, "").error().code(), Errc::invalid_argument);
  EXPECT_EQ(unpark(Uuid::make_v7(clock_->now()), "p").error().code(), Errc::not_found);
}

TEST_P(JobStoreConformance, ParkAgainUnderAnotherKey) {
  const Uuid id = added();
  ASSERT_TRUE(finish(claim_one().run, jobs::Park{.key = "a"}));
  ASSERT_TRUE(unpark(id, "a"));
  ASSERT_TRUE(finish(claim_one().run, jobs::Park{.key = "b"}));

  EXPECT_EQ(unpark(id, "a").error().code(), Errc::conflict);
  EXPECT_EQ(unpark(id, "b").value(), JobState::ready);
}

TEST_P(JobStoreConformance, CancellationIsToldWithEveryHeartbeat) {
  const Uuid id = added();
  const RunRef run = claim_one().run;
  EXPECT_FALSE(extend(run)->cancel_requested);

  EXPECT_EQ(cancel(id).value(), jobs::CancelOutcome::requested);

  EXPECT_TRUE(extend(run)->cancel_requested);
  EXPECT_TRUE(start(run)->cancel_requested);
  EXPECT_TRUE(progress({.run = run})->cancel_requested);
  EXPECT_TRUE(job(id).cancel_requested);
  EXPECT_EQ(finish(run, jobs::Cancelled{}).value(), JobState::cancelled);
  EXPECT_EQ(job(id).end_reason, jobs::EndReason::cancelled);
}

TEST_P(JobStoreConformance, CompletionThatComesBeforeTheCancellationStands) {
  const Uuid id = added();
  const RunRef run = claim_one().run;
  ASSERT_TRUE(cancel(id));

  EXPECT_EQ(finish(run, jobs::Succeed{json("1")}).value(), JobState::succeeded);

  EXPECT_EQ(job(id).result, json("1"));
  EXPECT_EQ(cancel(id).value(), jobs::CancelOutcome::already_ended);
}

TEST_P(JobStoreConformance, CancelledJobDoesNotRunAgainAfterARetryOrALostRun) {
  const Uuid retried = added();
  const RunRef first = claim_one().run;
  ASSERT_TRUE(cancel(retried));
  EXPECT_EQ(finish(first, jobs::Retry{any_failure(), 0ms}).value(), JobState::cancelled);

  const Uuid lost = added();
  claim_one();
  ASSERT_TRUE(cancel(lost));
  lose_run();

  EXPECT_EQ(state(lost), JobState::cancelled);
  EXPECT_TRUE(claim().empty());
}

}  // namespace
}  // namespace rwp::tests
