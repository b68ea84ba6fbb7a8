#include <rwp/jobs/verification.hpp>

#include <gmock/gmock.h>

#include <set>
#include <support/postgres_fixture.hpp>

/// Damage of every kind, planted behind the store's back: verify() names it, and the job.
namespace rwp::tests {
namespace {

using namespace std::chrono_literals;
namespace finding = jobs::finding;
using ::testing::Contains;
using ::testing::IsEmpty;
using Kinds = std::set<std::string, std::less<>>;

class PostgresVerifyTest : public PostgresTest {
 protected:
  PostgresVerifyTest() {
    succeeded_ = added({.kind = "k", .idempotency_key = "i", .tags = {"t"}, .tenant = "acme"});
    finish(jobs::Succeed{JsonText::trusted(R"({"a":1})")});
    failed_ = added({.kind = "k"});
    finish(jobs::Fail{Error(Errc::internal, "for a test")});
    parked_ = added({.kind = "k"});
    finish(jobs::Park{.key = "wake"});
    running_ = added({.kind = "k"});
    claim_one();
    scheduled_ = added({.kind = "k", .delay = 1h});
    ready_ = added({.kind = "k", .queue = "q", .unique = {.key = "u"}});
  }

  Uuid added(jobs::NewJob job) { return wait(store_->insert({std::move(job)}))->front()->id; }
  jobs::RunRef claim_one() { return wait(store_->claim(claim_of(1)))->at(0).run; }
  void finish(jobs::RunOutcome outcome) {
    jobs::Completion completion{.run = claim_one(), .outcome = std::move(outcome)};
    ASSERT_TRUE(wait(store_->finish({std::move(completion)}))->front().has_value());
  }

  std::vector<jobs::Finding> verify(std::size_t limit = 1'000) {
    std::vector<jobs::Finding> all;
    std::string cursor;
    double share = 0;
    jobs_ = 0;
    do {
      const auto page = wait(store_->verify(cursor, limit)).value();
      all.insert(all.end(), page.findings.begin(), page.findings.end());
      rescuable_ += page.leases_to_rescue;
      jobs_ += page.jobs;
      EXPECT_GE(page.share, share - 0.001);
      share = page.share;
      cursor = page.next_cursor;
    } while (!cursor.empty());
    EXPECT_NEAR(share, 1, 0.001);
    return all;
  }
  static Kinds kinds(const std::vector<jobs::Finding>& findings) {
    Kinds all;
    for (const auto& one : findings) all.insert(one.kind);
    return all;
  }
  void expect_found(std::string_view kind, const Uuid& id) {
    const auto all = verify();
    const bool named = std::any_of(all.begin(), all.end(), [&](const jobs::Finding& one) {
      return one.kind == kind && one.job_id == id && !one.detail.empty();
    });
    EXPECT_TRUE(named) << kind << " among " << ::testing::PrintToString(kinds(all));
  }
  /// Changes the row of a job in a table.
  void change(const std::string& table, const std::string& what, const Uuid& id) {
    sql("UPDATE rwp." + table + " SET " + what + " WHERE id = '" + id.to_string() + "'");
  }
  void remove(const std::string& table, const Uuid& id) {
    sql("DELETE FROM rwp." + table + " WHERE id = '" + id.to_string() + "'");
  }

  std::shared_ptr<jobs::JobStore> store_ = open();
  Uuid succeeded_, failed_, parked_, running_, scheduled_, ready_;
  std::size_t rescuable_ = 0;
  std::size_t jobs_ = 0;
};

TEST_F(PostgresVerifyTest, NothingIsFoundWhereNothingIsWrongWhateverThePages) {
  EXPECT_THAT(kinds(verify()), IsEmpty());
  EXPECT_EQ(jobs_, 6U);
  EXPECT_THAT(kinds(verify(1)), IsEmpty());
  EXPECT_EQ(jobs_, 6U);
  EXPECT_EQ(rescuable_, 0U);
}

TEST_F(PostgresVerifyTest, RemovedJobsLeaveNothingToFind) {
  jobs::Retention none{.succeeded = 0ms, .failed = 0ms, .cancelled = 0ms};
  ASSERT_EQ(wait(store_->prune(none))->jobs, 2U);

  EXPECT_THAT(kinds(verify()), IsEmpty());
  EXPECT_EQ(jobs_, 4U);
}

TEST_F(PostgresVerifyTest, JobsAndStatesThatMissEachOtherAreFound) {
  remove("ready", ready_);
  sql("INSERT INTO rwp.waiting SELECT id, 0, lane, priority, 7, attempt, max_attempts, marks,"
      " crashes, 0, token, finished_token, run_at FROM rwp.ended WHERE id = '" +
      succeeded_.to_string() + "'");
  remove("job", parked_);

  expect_found(finding::job_without_state, ready_);
  expect_found(finding::job_in_two_states, succeeded_);
  expect_found(finding::state_without_job, parked_);
  expect_found(finding::counts_differ, Uuid());
}

TEST_F(PostgresVerifyTest, ValuesThatNoJobCanHaveAreFound) {
  change("ended", "attempt = 1000", succeeded_);
  change("ended", "reason = 0", failed_);
  change("waiting", "park_key = NULL", parked_);
  change("waiting", "priority = 9", scheduled_);
  change("running", "finished_token = token", running_);
  for (const Uuid& id : {succeeded_, failed_, parked_, scheduled_}) {
    expect_found(finding::state_invalid, id);
  }
  expect_found(finding::token_invalid, running_);

  change("running", "lease_until = lease_until + 7200000", running_);
  expect_found(finding::lease_endless, running_);
  change("running", "lease_until = 0", running_);
  rescuable_ = 0;
  (void)verify();
  EXPECT_EQ(rescuable_, 1U);
}

TEST_F(PostgresVerifyTest, DocumentsThatAreNoLongerWhatWasWrittenAreFound) {
  change("job", "payload = '{'", parked_);
  change("job", "rare = '['", running_);
  change("ended", "result = ''", succeeded_);
  change("ended", "more = '!'", failed_);

  for (const Uuid& id : {parked_, running_, succeeded_, failed_}) {
    expect_found(finding::document_corrupt, id);
  }
}

TEST_F(PostgresVerifyTest, KeysThatNobodyHoldsOrAnotherAreFound) {
  change("job", "payload = '2'", succeeded_);
  expect_found(finding::ledger_differs, succeeded_);
  sql("DELETE FROM rwp.ledger");
  expect_found(finding::ledger_missing, succeeded_);
  sql("INSERT INTO rwp.ledger VALUES ('\\x00', '" + failed_.to_string() + "', '', 0)");
  expect_found(finding::ledger_malformed, failed_);
  sql("UPDATE rwp.unique_key SET id = '" + failed_.to_string() + "'");
  expect_found(finding::unique_stray, failed_);
  sql("DELETE FROM rwp.unique_key");
  expect_found(finding::unique_missing, ready_);
}

TEST_F(PostgresVerifyTest, AUniqueKeyThatAnotherTookAndWasPrunedWithIsNoDamage) {
  const jobs::UniqueRule while_ready{.key = "one", .states = {jobs::JobState::ready}};
  const jobs::NewJob job{.kind = "k", .priority = jobs::Priority::urgent, .unique = while_ready};
  added(job);
  const jobs::RunRef first = claim_one();
  const Uuid second = added(job);
  ASSERT_NE(second, first.id);
  finish(jobs::Succeed{JsonText::trusted("1")});
  ASSERT_EQ(wait(store_->prune({.succeeded = 0ms, .failed = 0ms, .cancelled = 0ms}))->jobs, 3U);

  EXPECT_THAT(kinds(verify()), IsEmpty()) << "the first still runs";
  jobs::Completion back{.run = first, .outcome = jobs::HandBack{}};
  ASSERT_TRUE(wait(store_->finish({std::move(back)}))->front().has_value());
  EXPECT_THAT(kinds(verify()), IsEmpty()) << "it is ready again";
}

TEST_F(PostgresVerifyTest, AMissingTableIsFoundAndTheRestIsLookedAt) {
  sql("DROP TABLE rwp.unique_key");
  change("waiting", "park_key = NULL", parked_);

  EXPECT_THAT(kinds(verify()), Contains(finding::store_corrupt));
  expect_found(finding::state_invalid, parked_);
}

TEST_F(PostgresVerifyTest, CursorsThatItNeverGaveAreRefused) {
  for (const char* bad : {"x", "9:", "0", "0:zz", "0:'; DROP TABLE rwp.job"}) {
    EXPECT_EQ(wait(store_->verify(bad, 10)).error().code(), Errc::invalid_argument) << bad;
  }
}

}  // namespace
}  // namespace rwp::tests
