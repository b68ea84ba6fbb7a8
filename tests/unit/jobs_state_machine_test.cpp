#include <rwp/jobs/state_machine.hpp>

#include <gtest/gtest.h>

#include <chrono>

namespace rwp::jobs {
namespace {

using namespace std::chrono_literals;

const TimePoint kNow = TimePoint(std::chrono::hours(24 * 365 * 56));

Lifecycle ready_job(int max_attempts = 20) {
  NewJob job{.kind = "k", .max_attempts = max_attempts};
  return machine::submit(job, kNow, kNow);
}

Lifecycle running_job(int max_attempts = 20) {
  return machine::claim(ready_job(max_attempts), 0, true).value().next;
}

Lifecycle finished(const Lifecycle& job, const RunOutcome& outcome) {
  return machine::finish(job, job.run_token, outcome, kNow).value().next;
}

/// Dies in its process while its handler runs, and is claimed anew.
Lifecycle after_death(const Lifecycle& running) {
  const Lifecycle lost = machine::lose(running).value().next;
  return lost.state == JobState::ready ? machine::claim(lost, 0, true).value().next : lost;
}

const Error kFailure(Errc::unavailable, "upstream is away");

TEST(JobMachineSubmitTest, JobDueNowOrEarlierIsReady) {
  const NewJob job{.kind = "k"};

  EXPECT_EQ(machine::submit(job, kNow, kNow).state, JobState::ready);
  EXPECT_EQ(machine::submit(job, kNow - 1h, kNow).state, JobState::ready);
  EXPECT_EQ(machine::submit(job, kNow - 1h, kNow).run_at, kNow);
}

TEST(JobMachineSubmitTest, JobDueLaterIsScheduledUntilItsTimeHasCome) {
  const NewJob job{.kind = "k"};

  const Lifecycle scheduled = machine::submit(job, kNow + 1s, kNow);

  EXPECT_EQ(scheduled.state, JobState::scheduled);
  EXPECT_EQ(machine::become_due(scheduled, kNow + 999ms).error().code(), Errc::conflict);
  EXPECT_EQ(machine::become_due(scheduled, kNow + 1s).value().next.state, JobState::ready);
  EXPECT_EQ(machine::claim(scheduled, 0, true).error().code(), Errc::conflict);
}

TEST(JobMachineClaimTest, EveryDispatchRaisesTheTokenAndKeepsTheFloor) {
  const Lifecycle first = machine::claim(ready_job(), 0, true).value().next;
  const Lifecycle back = finished(first, HandBack{});
  const Lifecycle second = machine::claim(back, 0, true).value().next;
  const Lifecycle third = machine::claim(finished(second, HandBack{}), 1'000, true).value().next;

  EXPECT_EQ(first.run_token, 1U);
  EXPECT_GT(second.run_token, first.run_token);
  EXPECT_EQ(third.run_token, 1'000U);
}

TEST(JobMachineClaimTest, OnlyAReadyJobCanBeClaimed) {
  EXPECT_EQ(machine::claim(running_job(), 0, true).error().code(), Errc::conflict);
  for (const RunOutcome& outcome :
       {RunOutcome(Succeed{}), RunOutcome(Fail{kFailure}), RunOutcome(Park{.key = "p"}),
        RunOutcome(Snooze{1s}), RunOutcome(Cancelled{})}) {
    EXPECT_EQ(machine::claim(finished(running_job(), outcome), 0, true).error().code(),
              Errc::conflict);
  }
}

TEST(JobMachineStartTest, PrefetchedJobIsStartedOnceByItsHolderAlone) {
  const Lifecycle prefetched = machine::claim(ready_job(), 0, false).value().next;

  const Transition begun = machine::start(prefetched, prefetched.run_token).value();
  const Transition again = machine::start(begun.next, prefetched.run_token).value();

  EXPECT_TRUE(begun.next.started);
  EXPECT_TRUE(begun.changed);
  EXPECT_FALSE(again.changed);
  EXPECT_EQ(machine::start(prefetched, prefetched.run_token + 1).error().code(), Errc::conflict);
}

TEST(JobMachineFinishTest, SuccessEndsTheJobAndClearsMarks) {
  Lifecycle job = after_death(running_job());
  ASSERT_EQ(job.suspect_marks, 1);

  job = finished(job, Succeed{});

  EXPECT_EQ(job.state, JobState::succeeded);
  EXPECT_EQ(job.end_reason, EndReason::none);
  EXPECT_EQ(job.suspect_marks, 0);
  EXPECT_EQ(job.attempt, 0);
}

TEST(JobMachineFinishTest, RetryBurnsAnAttemptAndWaitsForItsDelay) {
  const Lifecycle running = running_job();

  const Transition step =
      machine::finish(running, running.run_token, Retry{kFailure, 30s}, kNow).value();

  EXPECT_EQ(step.next.state, JobState::scheduled);
  EXPECT_EQ(step.next.run_at, kNow + 30s);
  EXPECT_EQ(step.next.attempt, 1);
  ASSERT_TRUE(step.error.has_value());
  EXPECT_EQ(step.error->code(), Errc::unavailable);
}

TEST(JobMachineFinishTest, RetryWithoutDelayIsReadyAtOnce) {
  const Lifecycle job = finished(running_job(), Retry{kFailure, 0ms});

  EXPECT_EQ(job.state, JobState::ready);
  EXPECT_EQ(job.run_at, kNow);
}

TEST(JobMachineFinishTest, TheLastAttemptExhaustsTheJob) {
  Lifecycle job = finished(running_job(2), Retry{kFailure, 0ms});
  ASSERT_EQ(job.state, JobState::ready);

  job = finished(machine::claim(job, 0, true).value().next, Retry{kFailure, 1h});

  EXPECT_EQ(job.state, JobState::failed);
  EXPECT_EQ(job.end_reason, EndReason::exhausted);
  EXPECT_EQ(job.attempt, 2);
}

TEST(JobMachineFinishTest, FailEndsTheJobWhateverAttemptsAreLeft) {
  const Lifecycle job = finished(running_job(), Fail{kFailure});

  EXPECT_EQ(job.state, JobState::failed);
  EXPECT_EQ(job.end_reason, EndReason::error);
  EXPECT_EQ(job.attempt, 1);
}

TEST(JobMachineFinishTest, SnoozeParkAndHandBackBurnNoAttempt) {
  EXPECT_EQ(finished(running_job(), Snooze{1s}).attempt, 0);
  EXPECT_EQ(finished(running_job(), Snooze{1s}).state, JobState::scheduled);
  EXPECT_EQ(finished(running_job(), Snooze{0s}).state, JobState::ready);
  EXPECT_EQ(finished(running_job(), Park{.key = "p"}).attempt, 0);
  EXPECT_EQ(finished(running_job(), HandBack{}).attempt, 0);
  EXPECT_EQ(finished(running_job(), HandBack{}).state, JobState::ready);
}

TEST(JobMachineFinishTest, CrashInAProcessOfItsOwnCountsAtOnceAndBurnsNoAttempt) {
  const Lifecycle once = finished(running_job(), Crashed{kFailure, 1s});
  EXPECT_EQ(once.state, JobState::scheduled);
  EXPECT_EQ(once.attempt, 0);
  EXPECT_EQ(once.crashes, 1);
  EXPECT_EQ(once.suspect_marks, 0);

  Lifecycle job = finished(running_job(), Crashed{kFailure, 0ms});
  for (int i = 1; i < kCrashBudget; ++i) {
    ASSERT_EQ(job.state, JobState::ready);
    job = finished(machine::claim(job, 0, true).value().next, Crashed{kFailure, 0ms});
  }
  EXPECT_EQ(job.state, JobState::failed);
  EXPECT_EQ(job.end_reason, EndReason::crashed);
}

TEST(JobMachineFinishTest, RepeatedCompletionHasNoSecondEffect) {
  const Lifecycle running = running_job();
  const Lifecycle once = finished(running, Retry{kFailure, 0ms});

  const Transition twice =
      machine::finish(once, running.run_token, Retry{kFailure, 0ms}, kNow).value();

  EXPECT_FALSE(twice.changed);
  EXPECT_FALSE(twice.error.has_value());
  EXPECT_EQ(twice.next, once);
}

TEST(JobMachineFinishTest, ZombieIsRefusedThoughTheAttemptNumberIsTheSame) {
  const Lifecycle zombie = running_job();
  const Lifecycle snoozed = finished(zombie, Snooze{0ms});
  const Lifecycle second = machine::claim(snoozed, 0, true).value().next;
  ASSERT_EQ(second.attempt, zombie.attempt);

  EXPECT_EQ(machine::finish(second, zombie.run_token, Succeed{}, kNow).error().code(),
            Errc::conflict);
  EXPECT_EQ(machine::holds(second, zombie.run_token).error().code(), Errc::conflict);
  EXPECT_TRUE(machine::holds(second, second.run_token).has_value());
}

TEST(JobMachineFinishTest, ARunIsStaleFromTheMomentItIsLost) {
  const Lifecycle running = running_job();
  const Lifecycle lost = machine::lose(running).value().next;

  EXPECT_EQ(machine::finish(lost, running.run_token, Succeed{}, kNow).error().code(),
            Errc::conflict);
}

TEST(JobMachineFinishTest, TokenZeroNamesNoRun) {
  EXPECT_EQ(machine::finish(ready_job(), 0, Succeed{}, kNow).error().code(), Errc::conflict);
}

TEST(JobMachineLoseTest, DeathOfAStartedRunMarksTheJobAndBurnsNoAttempt) {
  const Transition step = machine::lose(running_job()).value();

  EXPECT_EQ(step.next.state, JobState::ready);
  EXPECT_EQ(step.next.suspect_marks, 1);
  EXPECT_EQ(step.next.crashes, 0);
  EXPECT_EQ(step.next.attempt, 0);
  EXPECT_TRUE(step.error.has_value());
}

TEST(JobMachineLoseTest, DeathOfAPrefetchedRunMarksNothing) {
  const Transition step = machine::lose(machine::claim(ready_job(), 0, false).value().next).value();

  EXPECT_EQ(step.next.state, JobState::ready);
  EXPECT_EQ(step.next.suspect_marks, 0);
  EXPECT_FALSE(step.error.has_value());
}

TEST(JobMachineLoseTest, OnlyDeathsWhileAloneCountAgainstTheCrashBudget) {
  Lifecycle job = running_job();
  for (int death = 0; death < kMarksToRunAlone; ++death) job = after_death(job);
  ASSERT_TRUE(runs_alone(job));
  ASSERT_EQ(job.crashes, 0);

  for (int death = 0; death < kCrashBudget - 1; ++death) job = after_death(job);
  EXPECT_EQ(job.state, JobState::running);
  job = after_death(job);

  EXPECT_EQ(job.state, JobState::failed);
  EXPECT_EQ(job.end_reason, EndReason::crashed);
}

TEST(JobMachineLoseTest, QuarantinedJobStartsAfreshWhenRetriedByHand) {
  Lifecycle job = running_job();
  while (job.state != JobState::failed) job = after_death(job);

  job = machine::retry(job, kNow).value().next;

  EXPECT_EQ(job.state, JobState::ready);
  EXPECT_EQ(job.suspect_marks, 0);
  EXPECT_EQ(job.crashes, 0);
}

TEST(JobMachineLoseTest, OnlyARunningJobCanBeLost) {
  EXPECT_EQ(machine::lose(ready_job()).error().code(), Errc::conflict);
  EXPECT_EQ(machine::lose(finished(running_job(), Succeed{})).error().code(), Errc::conflict);
}

TEST(JobMachineParkTest, UnparkWithTheKeyIsWonOnceAndRepeatableUntilTheClaim) {
  const Lifecycle parked = finished(running_job(), Park{.key = "batch-7", .timeout = 1h});
  ASSERT_EQ(parked.state, JobState::parked);
  EXPECT_EQ(machine::unpark(parked, "batch-8").error().code(), Errc::conflict);

  const Transition woken = machine::unpark(parked, "batch-7").value();
  const Transition repeated = machine::unpark(woken.next, "batch-7").value();
  const Lifecycle claimed = machine::claim(woken.next, 0, true).value().next;

  EXPECT_EQ(woken.next.state, JobState::ready);
  EXPECT_FALSE(repeated.changed);
  EXPECT_EQ(machine::unpark(claimed, "batch-7").error().code(), Errc::conflict);
  EXPECT_EQ(machine::unpark(finished(claimed, HandBack{}), "batch-7").error().code(),
            Errc::conflict);
}

TEST(JobMachineParkTest, AReadyJobThatWasNeverParkedCannotBeUnparked) {
  EXPECT_EQ(machine::unpark(ready_job(), "").error().code(), Errc::conflict);
  EXPECT_EQ(machine::unpark(ready_job(), "k").error().code(), Errc::conflict);
}

TEST(JobMachineParkTest, ThePastDeadlineWakesAndALateUnparkLoses) {
  const Lifecycle parked = finished(running_job(), Park{.key = "p", .timeout = 1h});

  EXPECT_EQ(machine::park_deadline(parked, kNow + 1h - 1ms).error().code(), Errc::conflict);
  const Lifecycle woken = machine::park_deadline(parked, kNow + 1h).value().next;

  EXPECT_EQ(woken.state, JobState::ready);
  EXPECT_EQ(machine::unpark(woken, "p").error().code(), Errc::conflict);
}

TEST(JobMachineCancelTest, JobsThatWaitAreCancelledAtOnce) {
  const Lifecycle scheduled = finished(running_job(), Snooze{1h});
  const Lifecycle parked = finished(running_job(), Park{.key = "p"});

  for (const Lifecycle& job : {ready_job(), scheduled, parked}) {
    const Transition step = machine::cancel(job);
    EXPECT_EQ(step.next.state, JobState::cancelled);
    EXPECT_EQ(step.next.end_reason, EndReason::cancelled);
    EXPECT_TRUE(step.next.park_key.empty());
  }
}

TEST(JobMachineCancelTest, ARunningJobIsAskedOnce) {
  const Transition asked = machine::cancel(running_job());

  EXPECT_EQ(asked.next.state, JobState::running);
  EXPECT_TRUE(asked.next.cancel_requested);
  EXPECT_FALSE(machine::cancel(asked.next).changed);
}

TEST(JobMachineCancelTest, ARequestTakesEffectWhenTheRunEndsWithoutResult) {
  const Lifecycle asked = machine::cancel(running_job()).next;

  for (const RunOutcome& outcome :
       {RunOutcome(Snooze{1s}), RunOutcome(HandBack{}), RunOutcome(Park{.key = "p"}),
        RunOutcome(Retry{kFailure, 1s}), RunOutcome(Cancelled{})}) {
    const Lifecycle ended = finished(asked, outcome);
    EXPECT_EQ(ended.state, JobState::cancelled);
    EXPECT_FALSE(ended.cancel_requested);
  }
  EXPECT_EQ(machine::lose(asked).value().next.state, JobState::cancelled);
}

TEST(JobMachineCancelTest, AResultThatCameFirstStands) {
  const Lifecycle asked = machine::cancel(running_job()).next;

  EXPECT_EQ(finished(asked, Succeed{}).state, JobState::succeeded);
  EXPECT_EQ(finished(asked, Fail{kFailure}).end_reason, EndReason::error);
}

TEST(JobMachineCancelTest, AnEndedJobStaysAsItIs) {
  const Lifecycle ended = finished(running_job(), Succeed{});

  const Transition step = machine::cancel(ended);

  EXPECT_FALSE(step.changed);
  EXPECT_EQ(step.next, ended);
}

TEST(JobMachineRetryTest, DeadLettersGoBackWithTheirCountersAtZero) {
  const Lifecycle failed = finished(running_job(1), Retry{kFailure, 0ms});

  const Lifecycle again = machine::retry(failed, kNow + 5s).value().next;

  EXPECT_EQ(again.state, JobState::ready);
  EXPECT_EQ(again.end_reason, EndReason::none);
  EXPECT_EQ(again.attempt, 0);
  EXPECT_EQ(again.run_at, kNow + 5s);
  EXPECT_EQ(again.run_token, failed.run_token);
}

TEST(JobMachineRetryTest, AScheduledJobBecomesDueNow) {
  const Lifecycle waiting = finished(running_job(), Retry{kFailure, 1h});

  const Lifecycle now_due = machine::retry(waiting, kNow).value().next;

  EXPECT_EQ(now_due.state, JobState::ready);
  EXPECT_EQ(now_due.run_at, kNow);
}

TEST(JobMachineRetryTest, RepeatingItOnTheReadyJobChangesNothing) {
  const Lifecycle ready = ready_job();

  const Transition step = machine::retry(ready, kNow).value();

  EXPECT_FALSE(step.changed);
  EXPECT_EQ(step.next, ready);
}

TEST(JobMachineRetryTest, RunningParkedAndSucceededJobsAreRefused) {
  EXPECT_EQ(machine::retry(running_job(), kNow).error().code(), Errc::conflict);
  EXPECT_EQ(machine::retry(finished(running_job(), Park{.key = "p"}), kNow).error().code(),
            Errc::conflict);
  EXPECT_EQ(machine::retry(finished(running_job(), Succeed{}), kNow).error().code(),
            Errc::conflict);
}

}  // namespace
}  // namespace rwp::jobs
