#include <rwp/jobs/checked_job.hpp>

#include <algorithm>
#include <conformance/job_store_conformance.hpp>
#include <set>

namespace rwp::tests {
namespace {

using namespace std::chrono_literals;
using jobs::JobFilter;
using jobs::JobState;
using jobs::NewJob;
using ::testing::ElementsAre;
using ::testing::UnorderedElementsAre;

std::vector<Uuid> ids_of(const std::vector<jobs::Job>& listed) {
  std::vector<Uuid> ids;
  for (const jobs::Job& job : listed) ids.push_back(job.id);
  return ids;
}

/// All that match, page after page.
std::vector<Uuid> list_all(Runtime& runtime, jobs::JobStore& store, const JobFilter& filter,
                           std::size_t limit = 100) {
  std::vector<Uuid> all;
  std::string cursor;
  do {
    const auto page = run(runtime, store.list(filter, cursor, limit)).value();
    EXPECT_LE(page.jobs.size(), limit);
    for (const jobs::Job& job : page.jobs) all.push_back(job.id);
    cursor = page.next_cursor;
  } while (!cursor.empty());
  return all;
}

TEST_P(JobStoreConformance, VerifyFindsNothingInAStoreThatWasUsedAsItMayBe) {
  const std::string large = "\"" + std::string(jobs::kMaxInlinePayloadBytes, 'x') + "\"";
  const Uuid succeeded = added({.kind = "k", .idempotency_key = "i", .unique = {.key = "u"}});
  ASSERT_TRUE(finish(claim_one().run, jobs::Succeed{}));
  added({.kind = "k", .unique = {.key = "u"}});
  ASSERT_TRUE(finish(claim_one().run, jobs::Park{.key = "p"}));
  added({.kind = "k", .delay = 1h});
  added({.kind = "k", .payload = JsonText::trusted(large), .max_attempts = 2});
  ASSERT_TRUE(finish(claim_one().run, jobs::Retry{any_failure(), 0ms}));
  claim_one();
  added({.kind = "k", .tenant = "acme"});

  std::size_t jobs_seen = 0;
  std::size_t blobs = 0;
  std::string cursor;
  do {
    const auto page = wait(store_->verify(cursor, 2));
    if (!page && page.error().code() == Errc::unsupported) GTEST_SKIP() << "cannot verify yet";
    ASSERT_TRUE(page.has_value()) << page.error().to_string();
    for (const auto& one : page->findings) ADD_FAILURE() << one.kind << ": " << one.detail;
    jobs_seen += page->jobs;
    blobs += page->payload_blobs.size();
    cursor = page->next_cursor;
  } while (!cursor.empty());

  EXPECT_EQ(jobs_seen, 5U);
  EXPECT_EQ(blobs, 1U);
  EXPECT_EQ(state(succeeded), JobState::succeeded);
}

TEST_P(JobStoreConformance, ErasedJobsAreGoneAndTheirSubmitsAreKnown) {
  const std::string large = "\"" + std::string(jobs::kMaxInlinePayloadBytes, 'x') + "\"";
  NewJob wanted{.kind = "k", .idempotency_key = "i", .unique = {.key = "u"}};
  const Uuid ended = added(wanted);
  ASSERT_TRUE(finish(claim_one().run, jobs::Succeed{}));
  const Uuid of_large = added({.kind = "k", .payload = JsonText::trusted(large)});
  ASSERT_TRUE(finish(claim_one().run, jobs::Fail{any_failure()}));
  const std::string blob = job(of_large).payload_blob;
  const Uuid open = added();
  const Uuid other = added({.kind = "k", .delay = 1h});
  const Uuid nobody = Uuid::make_v7(clock_->now());

  const auto answers = wait(store_->erase({ended, open, of_large, nobody})).value();

  EXPECT_TRUE(answers[0].has_value());
  EXPECT_EQ(answers[1].error().code(), Errc::conflict);
  ASSERT_TRUE(answers[2].has_value());
  EXPECT_EQ(answers[2]->payload_blob, blob);
  EXPECT_EQ(answers[3].error().code(), Errc::not_found);
  EXPECT_EQ(list_all(runtime_, *store_, JobFilter()), (std::vector<Uuid>{other, open}));
  EXPECT_EQ(wait(store_->load_payload(JsonText(), blob)).error().code(), Errc::not_found);
  EXPECT_EQ(wait(store_->erase({ended})).value()[0].error().code(), Errc::not_found);
  const auto again = wait(store_->insert({wanted})).value()[0];
  ASSERT_TRUE(again.has_value()) << again.error().to_string();
  EXPECT_EQ(again->id, ended);
  EXPECT_EQ(again->outcome, jobs::Inserted::Outcome::existing);
  EXPECT_TRUE(wait(store_->scrub()).has_value());
  const auto checked = wait(store_->verify(std::string(), 1'000)).value();
  for (const auto& one : checked.findings) ADD_FAILURE() << one.kind << ": " << one.detail;
}

TEST_P(JobStoreConformance, JobsThatWaitAreCancelledAtOnceAndDoNotStart) {
  const Uuid ready = added();
  const Uuid parked = added_of("other");
  ASSERT_TRUE(finish(claim(jobs::ClaimRequest{.kinds = kinds_of({"other"})}).front().run,
                     jobs::Park{.key = "p"}));
  const Uuid scheduled = added({.kind = "k", .delay = 1h});

  const auto answers = wait(store_->cancel({ready, scheduled, parked})).value();

  for (const auto& answer : answers) EXPECT_EQ(answer.value(), jobs::CancelOutcome::cancelled);
  for (const Uuid& id : {ready, scheduled, parked}) {
    EXPECT_EQ(state(id), JobState::cancelled);
    EXPECT_EQ(job(id).end_reason, jobs::EndReason::cancelled);
    EXPECT_EQ(job(id).finished_at, clock_->now());
    EXPECT_EQ(cancel(id).value(), jobs::CancelOutcome::already_ended);
  }
  pass_time(2h);
  EXPECT_TRUE(claim(10).empty());
  EXPECT_EQ(cancel(Uuid::make_v7(clock_->now())).error().code(), Errc::not_found);
}

TEST_P(JobStoreConformance, EndedJobsStayAsTheyAreWhenCancelled) {
  const Uuid succeeded = added();
  ASSERT_TRUE(finish(claim_one().run, jobs::Succeed{}));
  const Uuid failed = added();
  ASSERT_TRUE(finish(claim_one().run, jobs::Fail{any_failure()}));

  EXPECT_EQ(cancel(succeeded).value(), jobs::CancelOutcome::already_ended);
  EXPECT_EQ(cancel(failed).value(), jobs::CancelOutcome::already_ended);
  EXPECT_EQ(state(succeeded), JobState::succeeded);
  EXPECT_EQ(state(failed), JobState::failed);
}

TEST_P(JobStoreConformance, CancelWhereTakesTheOpenJobsThatMatch) {
  const Uuid wanted = added({.kind = "k", .queue = "a", .tags = {"import"}});
  const Uuid running = added({.kind = "k", .priority = jobs::Priority::urgent, .tags = {"import"}});
  claim_one();
  const Uuid ended = added({.kind = "k", .priority = jobs::Priority::urgent, .tags = {"import"}});
  ASSERT_TRUE(finish(claim_one().run, jobs::Succeed{}));
  const Uuid untagged = added();

  EXPECT_EQ(wait(store_->cancel_where({.tag = "import"})).value(), 2U);

  EXPECT_EQ(state(wanted), JobState::cancelled);
  EXPECT_TRUE(job(running).cancel_requested);
  EXPECT_EQ(state(ended), JobState::succeeded);
  EXPECT_EQ(state(untagged), JobState::ready);
}

TEST_P(JobStoreConformance, CancelWhereTakesMoreThanOnePageOfJobs) {
  ASSERT_TRUE(wait(store_->insert(std::vector<NewJob>(1'300, NewJob{.kind = "k"}))));

  EXPECT_EQ(wait(store_->cancel_where({.kind = "k"})).value(), 1'300U);

  EXPECT_EQ(count(JobState::cancelled), 1'300);
  EXPECT_EQ(count(JobState::ready), 0);
}

TEST_P(JobStoreConformance, RetryPutsDeadLettersBackWithTheirCountersAtZero) {
  const Uuid id = added({.kind = "k", .max_attempts = 1});
  ASSERT_TRUE(finish(claim_one().run, jobs::Retry{any_failure(), 0ms}));
  ASSERT_EQ(state(id), JobState::failed);

  EXPECT_EQ(retry(id).value(), JobState::ready);

  const jobs::Job again = job(id);
  EXPECT_EQ(again.attempt, 0);
  EXPECT_EQ(again.end_reason, jobs::EndReason::none);
  EXPECT_FALSE(again.finished_at.has_value());
  EXPECT_EQ(again.errors.size(), 1U) << "what happened is not forgotten";
  EXPECT_EQ(count(JobState::failed), 0);
  EXPECT_EQ(count(JobState::ready), 1);
  EXPECT_EQ(finish(claim_one().run, jobs::Succeed{}).value(), JobState::succeeded);
}

TEST_P(JobStoreConformance, RetryKeepsWhatWasSubmitted) {
  const NewJob given{.kind = "k",
                     .version = 1,
                     .payload = JsonText::trusted("[1]"),
                     .priority = jobs::Priority::low,
                     .max_attempts = 3,
                     .timeout = 7s,
                     .tags = {"t"},
                     .tenant = "acme",
                     .traceparent = "trace"};
  const Uuid id = added(given);
  const auto first = claim_one();
  ASSERT_TRUE(progress({.run = first.run, .cursor = JsonText::trusted("[9]")}));
  ASSERT_TRUE(finish(first.run, jobs::Fail{any_failure()}));
  ASSERT_TRUE(retry(id));

  const auto second = claim_one();

  EXPECT_GT(second.run.token, first.run.token);
  EXPECT_EQ(second.payload, given.payload);
  EXPECT_EQ(second.priority, jobs::Priority::low);
  EXPECT_EQ(second.max_attempts, 3);
  EXPECT_EQ(second.timeout, 7s);
  EXPECT_EQ(second.tenant, "acme");
  EXPECT_EQ(second.traceparent, "trace");
  EXPECT_EQ(second.cursor, JsonText::trusted("[9]"));
  EXPECT_THAT(job(id).tags, ElementsAre("t"));
}

TEST_P(JobStoreConformance, RetryMakesAScheduledJobDueNow) {
  const Uuid id = added({.kind = "k", .delay = 24h});

  EXPECT_EQ(retry(id).value(), JobState::ready);
  EXPECT_EQ(retry(id).value(), JobState::ready) << "the first answer may have been lost";

  EXPECT_EQ(claim_one().run.id, id);
}

TEST_P(JobStoreConformance, RetryOfRunningParkedAndSucceededJobsIsAConflict) {
  const Uuid id = added();
  const auto claimed = claim_one();
  EXPECT_EQ(retry(id).error().code(), Errc::conflict);
  ASSERT_TRUE(finish(claimed.run, jobs::Park{.key = "p"}));
  EXPECT_EQ(retry(id).error().code(), Errc::conflict);
  ASSERT_TRUE(unpark(id, "p"));
  ASSERT_TRUE(finish(claim_one().run, jobs::Succeed{}));
  EXPECT_EQ(retry(id).error().code(), Errc::conflict);
  EXPECT_EQ(retry(Uuid::make_v7(clock_->now())).error().code(), Errc::not_found);
}

TEST_P(JobStoreConformance, CancelledJobCanBeRetried) {
  const Uuid id = added();
  ASSERT_TRUE(cancel(id));

  EXPECT_EQ(retry(id).value(), JobState::ready);
  EXPECT_EQ(claim_one().run.id, id);
}

TEST_P(JobStoreConformance, RetryWhereTakesTheDeadLettersThatMatch) {
  for (const char* kind : {"k", "k", "other"}) {
    added_of(kind);
    ASSERT_TRUE(finish(claim_one().run, jobs::Fail{any_failure()}));
  }

  EXPECT_EQ(wait(store_->retry_where({.states = {JobState::failed}, .kind = "k"})).value(), 2U);

  EXPECT_EQ(count(JobState::ready), 2);
  EXPECT_EQ(count(JobState::failed), 1);
}

TEST_P(JobStoreConformance, ListShowsTheNewestFirst) {
  const Uuid first = added();
  pass_time(1s);
  const Uuid second = added();
  pass_time(1s);
  const Uuid third = added();

  const auto page = wait(store_->list({}, "", 10)).value();

  EXPECT_THAT(ids_of(page.jobs), ElementsAre(third, second, first));
}

TEST_P(JobStoreConformance, ListFiltersByEveryMember) {
  const auto start = clock_->now();
  const Uuid a = added({.kind = "k", .queue = "q1", .tags = {"x", "y"}, .tenant = "acme"});
  pass_time(1min);
  const Uuid b = added({.kind = "other", .queue = "q1", .tags = {"y"}, .tenant = "globex"});
  pass_time(1min);
  const Uuid c = added({.kind = "k", .queue = "q2", .delay = 1h, .tenant = "acme"});
  ASSERT_TRUE(
      finish(claim(jobs::ClaimRequest{.kinds = kinds_of({"other"})}).front().run, jobs::Succeed{}));

  const auto list = [&](const JobFilter& filter) { return list_all(runtime_, *store_, filter); };
  EXPECT_THAT(list({}), ElementsAre(c, b, a));
  EXPECT_THAT(list({.states = {JobState::ready}}), ElementsAre(a));
  EXPECT_THAT(list({.states = {JobState::succeeded, JobState::scheduled}}), ElementsAre(c, b));
  EXPECT_THAT(list({.queue = "q1"}), ElementsAre(b, a));
  EXPECT_THAT(list({.kind = "k"}), ElementsAre(c, a));
  EXPECT_THAT(list({.tag = "y"}), ElementsAre(b, a));
  EXPECT_THAT(list({.tag = "z"}), ElementsAre());
  EXPECT_THAT(list({.tenant = "acme"}), ElementsAre(c, a));
  EXPECT_THAT(list({.created_from = start + 1min}), ElementsAre(c, b));
  EXPECT_THAT(list({.created_before = start + 1min}), ElementsAre(a));
  EXPECT_THAT(list({.created_from = start + 1min, .created_before = start + 2min}), ElementsAre(b));
  EXPECT_THAT(list({.states = jobs::StateSet::open(), .queue = "q1", .tenant = "acme"}),
              ElementsAre(a));
  EXPECT_THAT(list({.states = jobs::StateSet()}), ElementsAre());
  EXPECT_THAT(list({.queue = "no-such"}), ElementsAre());
}

TEST_P(JobStoreConformance, JobsOfSystemKindsAreLeftOutOfATenantsCountsAndOfListsOnDemand) {
  const Uuid own = added({.kind = "k", .queue = "q", .tenant = "acme"});
  const Uuid system = added({.kind = "rwp.outbox.k", .queue = "q", .tenant = "acme"});

  EXPECT_THAT(list_all(runtime_, *store_, {.tenant = "acme"}), ElementsAre(system, own));
  EXPECT_THAT(list_all(runtime_, *store_, {.tenant = "acme", .without_system = true}),
              ElementsAre(own));
  EXPECT_THAT(list_all(runtime_, *store_, {.without_system = true}), ElementsAre(own));
  EXPECT_EQ(wait(store_->counts("acme")).value().at(0).states[1], 1);
  EXPECT_EQ(wait(store_->counts()).value().at(0).states[1], 2);
  EXPECT_EQ(wait(store_->cancel_where({.tenant = "acme", .without_system = true})).value(), 1U);
  EXPECT_EQ(state(system), JobState::ready);
}

TEST_P(JobStoreConformance, TagsAreMatchedWholeAndLiterally) {
  added({.kind = "k", .tags = {"import-2"}});
  const Uuid percent = added({.kind = "k", .tags = {"100%", "a\"b", "_"}});

  EXPECT_TRUE(list_all(runtime_, *store_, {.tag = "import"}).empty());
  EXPECT_TRUE(list_all(runtime_, *store_, {.tag = "%"}).empty());
  EXPECT_THAT(list_all(runtime_, *store_, {.tag = "_"}), ElementsAre(percent));
  EXPECT_THAT(list_all(runtime_, *store_, {.tag = "a\"b"}), ElementsAre(percent));
}

TEST_P(JobStoreConformance, PagesHoldEachJobOnceThoughNewOnesAreInsertedMeanwhile) {
  std::set<Uuid> before;
  for (int i = 0; i < 25; ++i) before.insert(added());

  std::vector<Uuid> seen;
  std::string cursor;
  do {
    const auto page = wait(store_->list({}, cursor, 4)).value();
    for (const jobs::Job& job : page.jobs) seen.push_back(job.id);
    cursor = page.next_cursor;
    added();
  } while (!cursor.empty());

  const std::set<Uuid> distinct(seen.begin(), seen.end());
  EXPECT_EQ(distinct.size(), seen.size());
  EXPECT_TRUE(std::includes(distinct.begin(), distinct.end(), before.begin(), before.end()));
}

TEST_P(JobStoreConformance, FilteredPagesHoldAllThatMatchWhereverTheyLie) {
  std::vector<Uuid> wanted;
  for (int i = 0; i < 300; ++i) {
    const bool tagged = i % 97 == 0;
    const Uuid id = added({.kind = "k", .tags = {tagged ? "rare" : "common"}});
    if (tagged) wanted.insert(wanted.begin(), id);
  }

  EXPECT_EQ(list_all(runtime_, *store_, {.tag = "rare"}, 2), wanted);
}

TEST_P(JobStoreConformance, BadCursorsAndLimitsAreRefused) {
  added();

  EXPECT_EQ(wait(store_->list({}, "", 0)).error().code(), Errc::invalid_argument);
  EXPECT_EQ(wait(store_->list({}, "", 1'001)).error().code(), Errc::invalid_argument);
  for (const char* bad : {"x", "'; DROP TABLE job", "99999999999999999999999999", "-1x"}) {
    EXPECT_EQ(wait(store_->list({}, bad, 10)).error().code(), Errc::invalid_argument) << bad;
  }
  EXPECT_EQ(wait(store_->list({.kind = "no kind!"}, "", 10)).error().code(),
            Errc::invalid_argument);
}

TEST_P(JobStoreConformance, CountsShowEveryStateOfEveryQueue) {
  const auto end_as = [&](jobs::RunOutcome outcome) {
    added({.kind = "k", .queue = "a", .priority = jobs::Priority::urgent});
    ASSERT_TRUE(finish(claim_one().run, std::move(outcome)));
  };
  end_as(jobs::Succeed{});
  end_as(jobs::Succeed{});
  end_as(jobs::Fail{any_failure()});
  end_as(jobs::Cancelled{});
  end_as(jobs::Park{.key = "p"});
  added({.kind = "k", .queue = "a"});
  claim_one();
  const auto oldest = clock_->now();
  added({.kind = "k", .queue = "a"});
  pass_time(5s);
  added({.kind = "other", .queue = "a"});
  added({.kind = "k", .queue = "a", .delay = 1h});
  added({.kind = "k", .queue = "b", .delay = 1h});

  const auto all = wait(store_->counts()).value();

  ASSERT_EQ(all.size(), 2U);
  EXPECT_EQ(all[0].queue, "a");
  EXPECT_THAT(all[0].states, ElementsAre(1, 2, 1, 1, 2, 1, 1));
  EXPECT_EQ(all[0].oldest_ready, oldest);
  EXPECT_EQ(all[1].queue, "b");
  EXPECT_THAT(all[1].states, ElementsAre(1, 0, 0, 0, 0, 0, 0));
  EXPECT_FALSE(all[1].oldest_ready.has_value());
}

TEST_P(JobStoreConformance, CountsOfATenantAreOfItsJobsAlone) {
  const auto end_as = [&](const char* tenant, jobs::RunOutcome outcome) {
    added({.kind = "k", .queue = "a", .tenant = tenant});
    EXPECT_TRUE(finish(claim_one().run, std::move(outcome)));
  };
  end_as("acme", jobs::Succeed{});
  end_as("globex", jobs::Succeed{});
  end_as("acme", jobs::Fail{any_failure()});
  end_as("acme", jobs::Cancelled{});
  end_as("acme", jobs::Park{.key = "p"});
  added({.kind = "k", .queue = "a", .tenant = "acme"});
  claim_one();
  added({.kind = "k", .queue = "a", .tenant = "globex"});
  pass_time(5s);
  const auto oldest = clock_->now();
  added({.kind = "k", .queue = "a", .priority = jobs::Priority::low, .tenant = "acme"});
  pass_time(5s);
  added({.kind = "other", .queue = "a", .tenant = "acme"});
  added({.kind = "k", .queue = "a", .delay = 1h, .tenant = "acme"});
  added({.kind = "k", .queue = "b"});
  added({.kind = "k", .queue = "c", .tenant = "globex"});
  ASSERT_TRUE(wait(store_->pause("a")));

  const auto of_acme = wait(store_->counts("acme")).value();
  const auto of_nobody = wait(store_->counts("nobody")).value();

  ASSERT_EQ(of_acme.size(), 1U);
  EXPECT_EQ(of_acme[0].queue, "a");
  EXPECT_TRUE(of_acme[0].paused);
  EXPECT_THAT(of_acme[0].states, ElementsAre(1, 2, 1, 1, 1, 1, 1));
  EXPECT_EQ(of_acme[0].oldest_ready, oldest);
  EXPECT_TRUE(of_nobody.empty());
  EXPECT_EQ(wait(store_->counts(std::string(200, 't'))).error().code(), Errc::invalid_argument);
}

TEST_P(JobStoreConformance, PruneRemovesEndedJobsPastTheRetentionOfTheirState) {
  const auto ended = [&](jobs::RunOutcome outcome) {
    const Uuid id = added();
    EXPECT_TRUE(finish(claim_one().run, std::move(outcome)));
    return id;
  };
  const Uuid succeeded = ended(jobs::Succeed{});
  const Uuid failed = ended(jobs::Fail{any_failure()});
  const Uuid cancelled = ended(jobs::Cancelled{});
  const Uuid open = added();
  const jobs::Retention retention{.succeeded = 1h, .failed = 3h, .cancelled = 2h};

  pass_time(59min);
  EXPECT_EQ(prune(retention).jobs, 0U);
  pass_time(2min);
  EXPECT_EQ(prune(retention).jobs, 1U);
  EXPECT_EQ(find(succeeded).error().code(), Errc::not_found);
  pass_time(1h);
  EXPECT_EQ(prune(retention).jobs, 1U);
  EXPECT_EQ(find(cancelled).error().code(), Errc::not_found);
  pass_time(1h);
  EXPECT_EQ(prune(retention).jobs, 1U);
  EXPECT_EQ(find(failed).error().code(), Errc::not_found);
  EXPECT_EQ(state(open), JobState::ready);
  EXPECT_EQ(count(JobState::succeeded) + count(JobState::failed) + count(JobState::cancelled), 0);
  EXPECT_EQ(count(JobState::ready), 1);
}

TEST_P(JobStoreConformance, PruneKeepsToItsLimit) {
  ASSERT_TRUE(wait(store_->insert(std::vector<NewJob>(7, NewJob{.kind = "k"}))));
  for (const auto& claimed : claim(7)) ASSERT_TRUE(finish(claimed.run, jobs::Succeed{}));
  pass_time(1h);

  EXPECT_EQ(prune({.succeeded = 1s, .limit = 5}).jobs, 5U);
  EXPECT_EQ(prune({.succeeded = 1s, .limit = 5}).jobs, 2U);
  EXPECT_EQ(wait(store_->prune({.limit = 0})).error().code(), Errc::invalid_argument);
  EXPECT_EQ(wait(store_->prune({.limit = 100'001})).error().code(), Errc::invalid_argument);
}

TEST_P(JobStoreConformance, EndlessRetentionKeepsEverything) {
  added();
  ASSERT_TRUE(finish(claim_one().run, jobs::Succeed{}));
  pass_time(24h * 365 * 20);
  constexpr auto kForEver = std::chrono::milliseconds::max();

  EXPECT_EQ(prune({.succeeded = kForEver, .failed = kForEver, .cancelled = kForEver}).jobs, 0U);
}

TEST_P(JobStoreConformance, PruneRemovesLargePayloadsToo) {
  const Uuid id = added(
      {.kind = "k", .payload = JsonText::trusted("\"" + std::string(1024 * 1024, 'x') + "\"")});
  const std::string key = job(id).payload_blob;
  ASSERT_TRUE(finish(claim_one().run, jobs::Succeed{}));
  pass_time(1h);

  EXPECT_THAT(prune({.succeeded = 1s}).payload_blobs, ElementsAre(key));

  EXPECT_TRUE(blobs_->blobs.empty());
}

TEST_P(JobStoreConformance, PrunedJobIsGoneForEveryCall) {
  const Uuid id = added();
  const auto claimed = claim_one();
  ASSERT_TRUE(finish(claimed.run, jobs::Succeed{}));
  pass_time(1h);
  ASSERT_EQ(prune({.succeeded = 1s}).jobs, 1U);

  EXPECT_EQ(cancel(id).error().code(), Errc::not_found);
  EXPECT_EQ(retry(id).error().code(), Errc::not_found);
  EXPECT_EQ(extend(claimed.run).error().code(), Errc::not_found);
  EXPECT_EQ(finish(claimed.run, jobs::Succeed{}).error().code(), Errc::not_found);
  EXPECT_TRUE(list_all(runtime_, *store_, {}).empty());
}

TEST_P(JobStoreConformance, RetriedJobIsNotPrunedByItsOldEnd) {
  const Uuid id = added();
  ASSERT_TRUE(finish(claim_one().run, jobs::Fail{any_failure()}));
  pass_time(1h);
  ASSERT_TRUE(retry(id));

  EXPECT_EQ(prune({.failed = 1s}).jobs, 0U);
  EXPECT_EQ(state(id), JobState::ready);
}

}  // namespace
}  // namespace rwp::tests
