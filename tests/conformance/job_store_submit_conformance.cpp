#include <rwp/core/async.hpp>

#include <atomic>
#include <conformance/job_store_conformance.hpp>
#include <latch>
#include <set>

namespace rwp::tests {
namespace {

using namespace std::chrono_literals;
using jobs::Inserted;
using jobs::JobState;
using jobs::NewJob;
using ::testing::ElementsAre;

JsonText json(const char* text) { return JsonText::parse(text).value(); }

JsonText string_of_size(std::size_t bytes) {
  return JsonText::trusted("\"" + std::string(bytes - 2, 'x') + "\"");
}

NewJob with_key(std::string key, const char* payload = "{\"a\":1}") {
  return NewJob{.kind = "k", .payload = json(payload), .idempotency_key = std::move(key)};
}

NewJob unique_job(std::string key, jobs::StateSet states = jobs::StateSet::open(),
                  std::chrono::milliseconds period = 0ms) {
  return NewJob{.kind = "k", .unique = {.key = std::move(key), .states = states, .period = period}};
}

TEST_P(JobStoreConformance, SubmittedJobIsKeptWithAllItsFields) {
  NewJob given{.id = Uuid::make_v7(clock_->now()),
               .kind = "job_ad.enrich",
               .version = 3,
               .queue = "slow",
               .payload = json("{\"title\": \"Köchin\"}"),
               .priority = jobs::Priority::high,
               .max_attempts = 7,
               .timeout = 90s,
               .idempotency_key = "once",
               .unique = {.key = "ad/1"},
               .tags = {"import", "nightly"},
               .tenant = "acme",
               .traceparent = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01"};

  const Inserted answer = submit(given).value();
  const jobs::Job kept = job(given.id);

  EXPECT_EQ(answer.id, given.id);
  EXPECT_EQ(answer.outcome, Inserted::Outcome::created);
  EXPECT_EQ(kept.id, given.id);
  EXPECT_EQ(kept.kind, given.kind);
  EXPECT_EQ(kept.version, 3);
  EXPECT_EQ(kept.queue, "slow");
  EXPECT_EQ(kept.payload, given.payload);
  EXPECT_EQ(kept.state, JobState::ready);
  EXPECT_EQ(kept.priority, jobs::Priority::high);
  EXPECT_EQ(kept.max_attempts, 7);
  EXPECT_EQ(kept.timeout, 90s);
  EXPECT_EQ(kept.idempotency_key, "once");
  EXPECT_EQ(kept.unique_key, "ad/1");
  EXPECT_THAT(kept.tags, ElementsAre("import", "nightly"));
  EXPECT_EQ(kept.tenant, "acme");
  EXPECT_EQ(kept.traceparent, given.traceparent);
  EXPECT_EQ(kept.created_at, clock_->now());
  EXPECT_EQ(kept.run_at, clock_->now());
  EXPECT_EQ(kept.attempt, 0);
  EXPECT_EQ(kept.run_token, 0U);
  EXPECT_FALSE(kept.started_at.has_value());
  EXPECT_FALSE(kept.finished_at.has_value());
  EXPECT_FALSE(kept.result.has_value());
  EXPECT_TRUE(kept.errors.empty());
}

TEST_P(JobStoreConformance, UnknownIdIsNotFound) {
  EXPECT_EQ(find(Uuid::make_v7(clock_->now())).error().code(), Errc::not_found);
}

TEST_P(JobStoreConformance, RepeatedSubmitOfAnIdAnswersTheSameJob) {
  const NewJob given{.id = Uuid::make_v7(clock_->now()), .kind = "k", .payload = json("[1]")};

  EXPECT_EQ(submit(given)->outcome, Inserted::Outcome::created);
  const Inserted again = submit(given).value();

  EXPECT_EQ(again.outcome, Inserted::Outcome::existing);
  EXPECT_EQ(again.id, given.id);
  EXPECT_EQ(count(JobState::ready), 1);
}

TEST_P(JobStoreConformance, AnotherPayloadUnderAKnownIdIsAConflict) {
  NewJob given{.id = Uuid::make_v7(clock_->now()), .kind = "k", .payload = json("[1]")};
  ASSERT_TRUE(submit(given).has_value());

  given.payload = json("[2]");

  EXPECT_EQ(submit(given).error().code(), Errc::conflict);
  EXPECT_EQ(job(given.id).payload, json("[1]"));
}

TEST_P(JobStoreConformance, RepeatedSubmitIsKnownAlsoAfterTheJobHasEnded) {
  const NewJob given{.id = Uuid::make_v7(clock_->now()), .kind = "k", .payload = json("[1]")};
  ASSERT_TRUE(submit(given).has_value());
  ASSERT_TRUE(finish(claim_one().run, jobs::Succeed{}).has_value());

  EXPECT_EQ(submit(given)->outcome, Inserted::Outcome::existing);
  EXPECT_TRUE(claim().empty());
}

TEST_P(JobStoreConformance, IdsTooOldOrTooFarAheadOfTheStoresClockAreRefused) {
  EXPECT_EQ(submit({.id = Uuid::make_v7(clock_->now() - 24h * 7 - 1s), .kind = "k"}).error().code(),
            Errc::invalid_argument);
  EXPECT_EQ(submit({.id = Uuid::make_v7(clock_->now() + 24h + 1s), .kind = "k"}).error().code(),
            Errc::invalid_argument);
  EXPECT_TRUE(submit({.id = Uuid::make_v7(clock_->now() - 24h * 6), .kind = "k"}).has_value());
}

TEST_P(JobStoreConformance, SameIdempotencyKeyAndPayloadAnswerTheSameJob) {
  const Uuid first = added(with_key("order-1"));

  const Inserted again = submit(with_key("order-1")).value();

  EXPECT_EQ(again.id, first);
  EXPECT_EQ(again.outcome, Inserted::Outcome::existing);
  EXPECT_EQ(count(JobState::ready), 1);
}

TEST_P(JobStoreConformance, SameIdempotencyKeyWithAnotherPayloadIsAConflict) {
  added(with_key("order-1", "{\"a\":1}"));

  // Other bytes, though the same meaning: keys vouch for bytes.
  EXPECT_EQ(submit(with_key("order-1", "{\"a\": 1}")).error().code(), Errc::conflict);
  EXPECT_EQ(count(JobState::ready), 1);
}

TEST_P(JobStoreConformance, IdempotencyKeysBelongToTheirTenant) {
  NewJob acme = with_key("order-1");
  acme.tenant = "acme";
  NewJob globex = with_key("order-1", "{\"b\":2}");
  globex.tenant = "globex";

  const Uuid first = added(acme);
  const Uuid second = added(globex);

  EXPECT_NE(first, second);
  EXPECT_EQ(submit(acme)->id, first);
  EXPECT_EQ(submit(globex)->id, second);
}

TEST_P(JobStoreConformance, ATenantCannotReachIntoAnothersKeys) {
  NewJob one = with_key("b");
  one.tenant = "a";
  NewJob two = with_key("ab");
  two.tenant = "";
  NewJob three = with_key("");
  three.tenant = "ab";
  three.unique.key = "x";

  const std::set<Uuid> ids{added(one), added(two), added(three)};

  EXPECT_EQ(ids.size(), 3U);
}

TEST_P(JobStoreConformance, LedgerOutlivesThePrunedJobBySevenDays) {
  const Uuid by_key = added(with_key("order-1"));
  const NewJob with_id{.id = Uuid::make_v7(clock_->now()), .kind = "k", .payload = json("[1]")};
  ASSERT_TRUE(submit(with_id).has_value());
  for (const auto& claimed : claim(2)) ASSERT_TRUE(finish(claimed.run, jobs::Succeed{}));
  pass_time(1h);
  ASSERT_EQ(prune({.succeeded = 1s}).jobs, 2U);
  ASSERT_EQ(find(by_key).error().code(), Errc::not_found);
  ASSERT_EQ(find(with_id.id).error().code(), Errc::not_found);

  pass_time(24h * 7 - 2h);
  prune({.succeeded = 1s});

  EXPECT_EQ(submit(with_key("order-1"))->id, by_key);
  EXPECT_EQ(submit(with_key("order-1", "[2]")).error().code(), Errc::conflict);
  EXPECT_EQ(submit(with_id)->outcome, Inserted::Outcome::existing);
  NewJob other = with_id;
  other.payload = json("[2]");
  EXPECT_EQ(submit(other).error().code(), Errc::conflict);

  pass_time(2h);
  EXPECT_GE(prune({.succeeded = 1s}).ledger_entries, 1U);
  EXPECT_EQ(submit(with_key("order-1"))->outcome, Inserted::Outcome::created);
}

TEST_P(JobStoreConformance, LedgerIsNeverShorterThanTheJob) {
  NewJob later = with_key("yearly");
  later.delay = 24h * 365;
  const Uuid first = added(later);

  pass_time(24h * 30);
  NewJob again = with_key("yearly");
  again.delay = 24h * 365;
  EXPECT_EQ(submit(again)->id, first);
  prune({});

  EXPECT_EQ(submit(again)->id, first);
  EXPECT_EQ(submit(with_key("yearly", "[2]")).error().code(), Errc::conflict);
}

TEST_P(JobStoreConformance, UniqueKeyThatStandsCollapsesTheSubmit) {
  const Uuid first = added(unique_job("ad/1"));

  const Inserted second = submit(unique_job("ad/1")).value();

  EXPECT_EQ(second.id, first);
  EXPECT_EQ(second.outcome, Inserted::Outcome::collapsed);
  EXPECT_EQ(count(JobState::ready), 1);
  EXPECT_NE(added(unique_job("ad/2")), first);
}

TEST_P(JobStoreConformance, RepeatedSubmitOfTheUniqueJobItselfIsExistingNotCollapsed) {
  NewJob given = unique_job("ad/1");
  given.id = Uuid::make_v7(clock_->now());
  ASSERT_TRUE(submit(given).has_value());

  EXPECT_EQ(submit(given)->outcome, Inserted::Outcome::existing);
}

TEST_P(JobStoreConformance, UniqueKeysBelongToTheirTenant) {
  NewJob acme = unique_job("ad/1");
  acme.tenant = "acme";

  EXPECT_NE(added(unique_job("ad/1")), added(acme));
}

TEST_P(JobStoreConformance, UniqueKeyStandsInEveryOpenStateAndIsFreeAfterTheEnd) {
  const Uuid first = added(unique_job("ad/1"));

  auto claimed = claim_one();
  EXPECT_EQ(submit(unique_job("ad/1"))->id, first) << "running";
  ASSERT_TRUE(finish(claimed.run, jobs::Snooze{1h}));
  EXPECT_EQ(submit(unique_job("ad/1"))->id, first) << "scheduled";
  ASSERT_TRUE(retry(first));
  ASSERT_TRUE(finish(claim_one().run, jobs::Park{.key = "p"}));
  EXPECT_EQ(submit(unique_job("ad/1"))->id, first) << "parked";
  ASSERT_TRUE(unpark(first, "p"));
  ASSERT_TRUE(finish(claim_one().run, jobs::Succeed{}));

  EXPECT_EQ(submit(unique_job("ad/1"))->outcome, Inserted::Outcome::created);
}

TEST_P(JobStoreConformance, UniqueKeyStandsInTheStatesThatTheSubmitNames) {
  const auto all = jobs::StateSet::all();
  const Uuid first = added(unique_job("ad/1", all));
  ASSERT_TRUE(finish(claim_one().run, jobs::Succeed{}));

  EXPECT_EQ(submit(unique_job("ad/1", all))->id, first);
  EXPECT_EQ(submit(unique_job("ad/1", {JobState::succeeded}))->outcome,
            Inserted::Outcome::collapsed);
  EXPECT_EQ(submit(unique_job("ad/1", {JobState::failed}))->outcome, Inserted::Outcome::created);
}

TEST_P(JobStoreConformance, UniqueKeyStandsForItsPeriod) {
  const Uuid first = added(unique_job("ad/1", jobs::StateSet::all(), 1h));

  pass_time(59min);
  EXPECT_EQ(submit(unique_job("ad/1", jobs::StateSet::all(), 1h))->id, first);
  pass_time(2min);
  EXPECT_EQ(submit(unique_job("ad/1", jobs::StateSet::all(), 1h))->outcome,
            Inserted::Outcome::created);
}

TEST_P(JobStoreConformance, CancelledUniqueJobFreesItsKey) {
  const Uuid first = added(unique_job("ad/1"));
  ASSERT_TRUE(cancel(first));

  EXPECT_EQ(submit(unique_job("ad/1"))->outcome, Inserted::Outcome::created);
}

TEST_P(JobStoreConformance, RetryByHandWhoseUniqueKeyIsTakenIsAConflict) {
  const Uuid first = added(unique_job("ad/1"));
  ASSERT_TRUE(finish(claim_one().run, jobs::Fail{any_failure()}));
  const Uuid second = added(unique_job("ad/1"));

  EXPECT_EQ(retry(first).error().code(), Errc::conflict);
  EXPECT_EQ(state(first), JobState::failed);
  EXPECT_EQ(state(second), JobState::ready);

  ASSERT_TRUE(cancel(second));
  EXPECT_EQ(retry(first).value(), JobState::ready);
  EXPECT_EQ(submit(unique_job("ad/1"))->id, first);
}

TEST_P(JobStoreConformance, DelayedJobIsScheduledUntilItsTimeHasCome) {
  const Uuid delayed = added({.kind = "k", .delay = 10min});
  const Uuid at = added({.kind = "k", .run_at = clock_->now() + 20min});
  const Uuid both = added({.kind = "k", .run_at = clock_->now() + 20min, .delay = 10min});

  EXPECT_EQ(state(delayed), JobState::scheduled);
  EXPECT_EQ(job(at).run_at, clock_->now() + 20min);
  EXPECT_EQ(count(JobState::scheduled), 3);
  EXPECT_TRUE(claim(10).empty());
  pass_time(10min);
  EXPECT_THAT(ids_of(claim(10)), ElementsAre(delayed));
  pass_time(10min);
  EXPECT_THAT(ids_of(claim(10)), ElementsAre(at));
  pass_time(10min);
  EXPECT_THAT(ids_of(claim(10)), ElementsAre(both));
}

TEST_P(JobStoreConformance, JobDueInThePastIsReadyNow) {
  const Uuid late = added({.kind = "k", .run_at = clock_->now() - 24h});

  EXPECT_EQ(state(late), JobState::ready);
  EXPECT_THAT(ids_of(claim()), ElementsAre(late));
}

TEST_P(JobStoreConformance, ABadItemFailsAlone) {
  std::vector<NewJob> batch(5, NewJob{.kind = "k"});
  batch[1].kind = "no kind!";
  batch[3].max_attempts = 0;

  const auto answers = wait(store_->insert(batch)).value();

  ASSERT_EQ(answers.size(), 5U);
  for (const std::size_t good : {0U, 2U, 4U}) EXPECT_TRUE(answers[good].has_value());
  for (const std::size_t bad : {1U, 3U}) {
    EXPECT_EQ(answers[bad].error().code(), Errc::invalid_argument);
  }
  EXPECT_EQ(count(JobState::ready), 3);
}

TEST_P(JobStoreConformance, AConflictInABatchFailsAlone) {
  added(with_key("taken", "[1]"));

  const auto answers =
      wait(store_->insert({{.kind = "k"}, with_key("taken", "[2]"), {.kind = "k"}})).value();

  EXPECT_TRUE(answers[0].has_value());
  EXPECT_EQ(answers[1].error().code(), Errc::conflict);
  EXPECT_TRUE(answers[2].has_value());
  EXPECT_EQ(count(JobState::ready), 3);
}

TEST_P(JobStoreConformance, TwinsWithinABatchBecomeOneJob) {
  NewJob twin{.id = Uuid::make_v7(clock_->now()), .kind = "k"};

  const auto answers = wait(store_->insert({twin, twin, with_key("x"), with_key("x"),
                                            unique_job("u"), unique_job("u")}))
                           .value();

  EXPECT_EQ(answers[0]->outcome, Inserted::Outcome::created);
  EXPECT_EQ(answers[1]->outcome, Inserted::Outcome::existing);
  EXPECT_EQ(answers[3]->id, answers[2]->id);
  EXPECT_EQ(answers[3]->outcome, Inserted::Outcome::existing);
  EXPECT_EQ(answers[5]->id, answers[4]->id);
  EXPECT_EQ(answers[5]->outcome, Inserted::Outcome::collapsed);
  EXPECT_EQ(count(JobState::ready), 3);
}

TEST_P(JobStoreConformance, BatchesOfThousandsAreAnsweredItemByItemInTheirOrder) {
  constexpr std::size_t kJobs = 2'500;
  std::vector<NewJob> batch(kJobs, NewJob{.kind = "k"});
  for (std::size_t i = 0; i < kJobs; ++i) {
    batch[i].payload = JsonText::trusted(std::to_string(i));
  }

  std::vector<Uuid> ids;
  for (const auto& answer : wait(store_->insert(batch)).value()) ids.push_back(answer->id);
  const auto kept = wait(store_->get(ids)).value();
  const auto claimed = claim(kJobs);
  std::vector<jobs::Completion> completions;
  for (const auto& job : claimed) {
    completions.push_back({.run = job.run, .outcome = jobs::Succeed{job.payload}});
  }
  const auto finished = wait(store_->finish(std::move(completions))).value();
  const auto ended = wait(store_->wait_for_end(ids, SteadyTime::max())).value();

  ASSERT_EQ(kept.size(), kJobs);
  ASSERT_EQ(claimed.size(), kJobs);
  ASSERT_EQ(finished.size(), kJobs);
  ASSERT_EQ(ended.size(), kJobs);
  for (std::size_t i = 0; i < kJobs; ++i) {
    ASSERT_EQ(kept[i]->payload, batch[i].payload);
    ASSERT_EQ(claimed[i].run.id, ids[i]) << "first in, first out";
    ASSERT_EQ(finished[i].value(), JobState::succeeded);
    ASSERT_EQ(ended[i]->result, batch[i].payload);
  }
  EXPECT_EQ(count(JobState::succeeded), static_cast<std::int64_t>(kJobs));
}

TEST_P(JobStoreConformance, NoItemsNoAnswers) {
  EXPECT_TRUE(wait(store_->insert({})).value().empty());
  EXPECT_TRUE(wait(store_->get({})).value().empty());
  EXPECT_TRUE(wait(store_->finish({})).value().empty());
  EXPECT_TRUE(wait(store_->extend({}, kLease)).value().empty());
  EXPECT_TRUE(wait(store_->mark_started({})).value().empty());
  EXPECT_TRUE(wait(store_->progress({})).value().empty());
  EXPECT_TRUE(wait(store_->unpark({})).value().empty());
  EXPECT_TRUE(wait(store_->cancel({})).value().empty());
  EXPECT_TRUE(wait(store_->retry({})).value().empty());
}

boost::asio::awaitable<void> submit_one(std::shared_ptr<jobs::JobStore> store, NewJob job,
                                        std::atomic<int>* accepted, std::latch* all_answered) {
  std::vector<NewJob> one;
  one.push_back(std::move(job));
  const auto answers = co_await store->insert(std::move(one));
  if (answers && answers->front()) ++*accepted;
  all_answered->count_down();
}

TEST_P(JobStoreConformance, ConcurrentSinglesAreAllAnsweredAndABadOneFailsAlone) {
  constexpr int kCallers = 64;
  std::atomic<int> accepted{0};
  std::latch all_answered(kCallers);

  for (int i = 0; i < kCallers; ++i) {
    NewJob job{.kind = i % 8 == 0 ? "no kind!" : "k"};
    spawn(runtime_.executor(), submit_one(store_, std::move(job), &accepted, &all_answered));
  }
  all_answered.wait();

  EXPECT_EQ(accepted.load(), 56);
  EXPECT_EQ(count(JobState::ready), 56);
}

TEST_P(JobStoreConformance, ConcurrentSubmitsOfOneKeyMakeOneJob) {
  constexpr int kCallers = 32;
  std::atomic<int> accepted{0};
  std::latch all_answered(kCallers);

  for (int i = 0; i < kCallers; ++i) {
    spawn(runtime_.executor(), submit_one(store_, with_key("same"), &accepted, &all_answered));
  }
  all_answered.wait();

  EXPECT_EQ(accepted.load(), kCallers);
  EXPECT_EQ(count(JobState::ready), 1);
}

TEST_P(JobStoreConformance, LargePayloadLiesInTheBlobStore) {
  const JsonText large = string_of_size(2 * 1024 * 1024);

  const Uuid id = added({.kind = "k", .payload = large});
  const jobs::ClaimedJob claimed = claim_one();

  EXPECT_EQ(job(id).payload_blob, claimed.payload_blob);
  EXPECT_TRUE(claimed.payload.is_null());
  ASSERT_EQ(blobs_->blobs.size(), 1U);
  EXPECT_EQ(blobs_->blobs.begin()->first, claimed.payload_blob);
  EXPECT_EQ(wait(store_->load_payload(claimed.payload, claimed.payload_blob)).value(), large);
}

TEST_P(JobStoreConformance, PayloadAtTheLimitStaysInTheRow) {
  const JsonText at_limit = string_of_size(jobs::kMaxInlinePayloadBytes);

  const Uuid id = added({.kind = "k", .payload = at_limit});

  EXPECT_TRUE(blobs_->blobs.empty());
  EXPECT_EQ(job(id).payload, at_limit);
}

TEST_P(JobStoreConformance, LargePayloadIsRefusedWithoutABlobStore) {
  auto bare = open_on_real_clock();

  const auto answers =
      wait(bare->insert({{.kind = "k", .payload = string_of_size(1024 * 1024 + 1)}, {.kind = "k"}}))
          .value();

  EXPECT_EQ(answers[0].error().code(), Errc::invalid_argument);
  EXPECT_TRUE(answers[1].has_value());
}

TEST_P(JobStoreConformance, SubmitWhoseLargePayloadCannotBeStoredFailsAlone) {
  blobs_->away = true;

  const auto answers =
      wait(store_->insert(
               {{.kind = "k", .payload = string_of_size(1024 * 1024 + 1)}, {.kind = "k"}}))
          .value();

  EXPECT_EQ(answers[0].error().code(), Errc::unavailable);
  EXPECT_TRUE(answers[1].has_value());
  EXPECT_EQ(count(JobState::ready), 1);
}

TEST_P(JobStoreConformance, LargePayloadOfACollapsedOrRefusedSubmitIsRemoved) {
  NewJob first{.kind = "k", .payload = string_of_size(1024 * 1024 + 1), .idempotency_key = "once"};
  NewJob repeated = first;
  NewJob other = first;
  other.payload = string_of_size(1024 * 1024 + 2);
  added(std::move(first));

  EXPECT_EQ(submit(std::move(repeated))->outcome, Inserted::Outcome::existing);
  EXPECT_EQ(submit(std::move(other)).error().code(), Errc::conflict);

  EXPECT_EQ(blobs_->blobs.size(), 1U);
}

TEST_P(JobStoreConformance, RefusedSecondSubmitLeavesTheStandingJobItsLargePayload) {
  added(with_key("taken", "[1]"));
  NewJob large{
      .id = Uuid::make_v7(clock_->now()), .kind = "k", .payload = string_of_size(1024 * 1024 + 1)};
  ASSERT_TRUE(submit(large).has_value());

  // The same id and payload, now under a key that another payload has.
  large.idempotency_key = "taken";
  EXPECT_EQ(submit(large).error().code(), Errc::conflict);

  EXPECT_TRUE(blobs_->blobs.contains(job(large.id).payload_blob));
}

TEST_P(JobStoreConformance, HostileTextIsKeptByteForByte) {
  const std::string hostile = "'; DROP TABLE job; -- \" \\ % _ \xF0\x9F\x92\xA9 \xE2\x80\xAE {}[]";
  NewJob given{.kind = "k",
               .payload = json("{\"'\":\"\\u0000 \\\"; --\"}"),
               .idempotency_key = hostile,
               .unique = {.key = hostile + std::string(512 - hostile.size(), 'x')},
               .tags = {hostile.substr(0, 20), "%"},
               .tenant = hostile};

  const Uuid id = added(given);
  const jobs::Job kept = job(id);

  EXPECT_EQ(kept.idempotency_key, given.idempotency_key);
  EXPECT_EQ(kept.unique_key, given.unique.key);
  EXPECT_EQ(kept.tags, given.tags);
  EXPECT_EQ(kept.tenant, hostile);
  EXPECT_EQ(kept.payload, given.payload);
  EXPECT_EQ(submit(given)->id, id);
}

TEST_P(JobStoreConformance, JobsAreThereWhenTheStoreIsOpenedAgain) {
  if (!GetParam().is_shared) GTEST_SKIP() << "keeps nothing beyond its life";
  const Uuid waiting = added({.kind = "k", .payload = json("[1]"), .delay = 1h});
  const Uuid running = added_of("k");
  const auto claimed = claim_one();

  store_.reset();
  store_ = open_another();

  EXPECT_EQ(job(waiting).payload, json("[1]"));
  EXPECT_EQ(state(waiting), JobState::scheduled);
  EXPECT_EQ(job(running).run_token, claimed.run.token);
}

}  // namespace
}  // namespace rwp::tests
