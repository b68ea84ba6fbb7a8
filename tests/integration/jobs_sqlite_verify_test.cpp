#include "net/sqlite/connection.hpp"
#include <rwp/jobs_sqlite/sqlite_job_store.hpp>

#include <conformance/job_store_conformance.hpp>
#include <fstream>
#include <set>

/// Damage of every kind, planted behind the store's back: verify() names it, and the job.
namespace rwp::tests {
namespace {

using namespace std::chrono_literals;
namespace finding = jobs::finding;
using ::testing::Contains;
using ::testing::ElementsAre;
using ::testing::IsEmpty;
using Kinds = std::set<std::string, std::less<>>;

class SqliteVerifyTest : public ::testing::Test {
 protected:
  SqliteVerifyTest() {
    reopen();
    // One of each: they stand in the order of their names' appearance here.
    succeeded_ = added({.kind = "k", .idempotency_key = "i", .tags = {"t"}, .tenant = "acme"});
    finish(jobs::Succeed{JsonText::trusted(R"({"a":1})")});
    failed_ = added({.kind = "k"});
    finish(jobs::Fail{any_failure()});
    parked_ = added({.kind = "k"});
    finish(jobs::Park{.key = "wake"});
    running_ = added({.kind = "k"});
    claim_one();
    scheduled_ = added({.kind = "k", .delay = 1h});
    ready_ = added({.kind = "k", .queue = "q", .unique = {.key = "u"}});
  }

  void reopen() {
    jobs_sqlite::SqliteOptions options;
    options.path = path_;
    options.clock = clock_;
    store_ = jobs_sqlite::open_sqlite_job_store(runtime_, std::move(options)).value();
  }

  template <class T>
  Result<T> wait(boost::asio::awaitable<Result<T>> operation) {
    return run(runtime_, std::move(operation));
  }

  Uuid added(jobs::NewJob job) { return wait(store_->insert({std::move(job)}))->front()->id; }
  jobs::RunRef claim_one() {
    jobs::ClaimRequest request{.worker = "w", .kinds = kinds_of({"k"})};
    return wait(store_->claim(std::move(request)))->at(0).run;
  }
  void finish(jobs::RunOutcome outcome) {
    jobs::Completion completion{.run = claim_one(), .outcome = std::move(outcome)};
    ASSERT_TRUE(wait(store_->finish({std::move(completion)}))->front().has_value());
  }

  void execute(const std::string& sql) {
    net_sqlite::Connection database(net_sqlite::ConnectionOptions{.path = path_});
    database.execute(sql);
  }
  static std::string seq_of(const Uuid& id) {
    std::string hex;
    for (const char c : id.to_string()) {
      if (c != '-') hex += c;
    }
    return "(SELECT seq FROM job WHERE id = x'" + hex + "')";
  }

  std::vector<jobs::Finding> verify(std::size_t limit = 1'000) {
    std::vector<jobs::Finding> all;
    std::string cursor;
    double share = 0;
    do {
      const auto page = wait(store_->verify(cursor, limit)).value();
      all.insert(all.end(), page.findings.begin(), page.findings.end());
      rescuable_ += page.leases_to_rescue;
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

  const TemporaryFolder folder_;
  const std::string path_ = (folder_.path() / "jobs.db").string();
  const std::shared_ptr<ManualClock> clock_ = std::make_shared<ManualClock>();
  Runtime runtime_;
  std::shared_ptr<jobs::JobStore> store_;
  Uuid succeeded_, failed_, parked_, running_, scheduled_, ready_;
  std::size_t rescuable_ = 0;
};

TEST_F(SqliteVerifyTest, NothingIsFoundWhereNothingIsWrongWhateverThePages) {
  EXPECT_THAT(kinds(verify()), IsEmpty());
  EXPECT_THAT(kinds(verify(1)), IsEmpty());
  EXPECT_EQ(rescuable_, 0U);
}

TEST_F(SqliteVerifyTest, LeasesThatAWorkerWillTakeBackAreCountedAndNoDamage) {
  clock_->pass(1h);

  EXPECT_THAT(kinds(verify()), IsEmpty());
  EXPECT_EQ(rescuable_, 1U);
}

TEST_F(SqliteVerifyTest, RemovedJobsLeaveNothingToFind) {
  clock_->pass(48h);
  jobs::Retention none{.succeeded = 0ms, .failed = 0ms, .cancelled = 0ms};
  ASSERT_EQ(wait(store_->prune(none))->jobs, 2U);

  EXPECT_THAT(kinds(verify()), IsEmpty());
}

TEST_F(SqliteVerifyTest, AJobWithoutAStateIsFound) {
  execute("DELETE FROM ready WHERE seq = " + seq_of(ready_));

  expect_found(finding::job_without_state, ready_);
  EXPECT_THAT(kinds(verify()), Contains(finding::counts_differ));
}

TEST_F(SqliteVerifyTest, AJobInTwoStatesIsFound) {
  execute(
      "INSERT INTO ready SELECT (SELECT lane FROM job WHERE job.seq = ended.seq), priority, seq,"
      " attempt, max_attempts, marks, crashes, token, finished_token, run_at, started_at, more"
      " FROM ended WHERE seq = " +
      seq_of(succeeded_));

  expect_found(finding::job_in_two_states, succeeded_);
}

TEST_F(SqliteVerifyTest, StatesWhoseJobIsGoneAreFoundWhateverTheState) {
  execute("DELETE FROM job");

  const auto all = verify();

  const auto orphans = std::count_if(all.begin(), all.end(), [](const auto& one) {
    return one.kind == finding::state_without_job;
  });
  EXPECT_EQ(orphans, 6);
}

TEST_F(SqliteVerifyTest, ImpossibleValuesAreFound) {
  execute("UPDATE ended SET state = 9 WHERE seq = " + seq_of(failed_));
  execute("UPDATE waiting SET attempt = 99 WHERE seq = " + seq_of(scheduled_));
  execute("UPDATE waiting SET more = NULL WHERE seq = " + seq_of(parked_));
  execute("UPDATE ready SET priority = 7 WHERE seq = " + seq_of(ready_));

  for (const Uuid& id : {failed_, scheduled_, parked_, ready_}) {
    expect_found(finding::state_invalid, id);
  }
}

TEST_F(SqliteVerifyTest, AJobThatWaitsInAnotherQueueIsFound) {
  execute("UPDATE ready SET lane = lane + 1 WHERE seq = " + seq_of(ready_));

  expect_found(finding::state_invalid, ready_);
}

TEST_F(SqliteVerifyTest, DocumentsThatAreNoJsonAreFound) {
  execute("UPDATE job SET payload = '{\"half' WHERE seq = " + seq_of(ready_));
  execute("UPDATE job SET rare = 'x' WHERE seq = " + seq_of(succeeded_));
  execute("UPDATE ended SET more = '[' WHERE seq = " + seq_of(failed_));
  execute("UPDATE job SET payload = NULL WHERE seq = " + seq_of(running_));

  for (const Uuid& id : {ready_, succeeded_, failed_, running_}) {
    expect_found(finding::document_corrupt, id);
  }
}

TEST_F(SqliteVerifyTest, LeasesOfNobodyAndWithoutEndAreFound) {
  execute("UPDATE running SET lease_until = lease_until + 36000000000000");
  expect_found(finding::lease_endless, running_);

  execute("DELETE FROM holder");
  expect_found(finding::lease_without_holder, running_);
}

TEST_F(SqliteVerifyTest, TokensThatDoNotFenceAreFound) {
  execute("UPDATE running SET finished_token = token");
  execute("UPDATE ended SET finished_token = token + 1 WHERE seq = " + seq_of(failed_));

  expect_found(finding::token_invalid, running_);
  expect_found(finding::token_invalid, failed_);
}

TEST_F(SqliteVerifyTest, CountsThatAreNotWhatIsThereAreFound) {
  execute("UPDATE lane_count SET jobs = jobs + 1 WHERE lane = 1 AND state = 4");

  const auto all = verify();

  ASSERT_THAT(kinds(all), ElementsAre(finding::counts_differ));
  EXPECT_EQ(all.front().detail,
            "queue 'default', kind 'k': 2 are counted as succeeded, there are 1");
}

TEST_F(SqliteVerifyTest, ANextNumberThatIsTakenIsFound) {
  execute("UPDATE lane_count SET jobs = 2 WHERE lane = 0");
  EXPECT_THAT(kinds(verify()), ElementsAre(finding::sequence_behind));

  execute("DELETE FROM lane_count WHERE lane = 0");
  EXPECT_THAT(kinds(verify()), ElementsAre(finding::sequence_behind));
}

TEST_F(SqliteVerifyTest, ALedgerThatHasForgottenAJobIsFound) {
  execute("DELETE FROM ledger");

  expect_found(finding::ledger_missing, succeeded_);
}

TEST_F(SqliteVerifyTest, ALedgerThatNamesAnotherJobOrPayloadIsFound) {
  execute("UPDATE job SET payload = '[]' WHERE seq = " + seq_of(succeeded_));
  expect_found(finding::ledger_differs, succeeded_);

  execute("UPDATE ledger SET job_id = (SELECT id FROM job WHERE seq = " + seq_of(ready_) + ")");
  expect_found(finding::ledger_differs, succeeded_);
}

TEST_F(SqliteVerifyTest, LedgerEntriesThatAreNoneAreFound) {
  execute("UPDATE ledger SET digest = x'00'");

  expect_found(finding::ledger_malformed, succeeded_);
}

TEST_F(SqliteVerifyTest, ALedgerThatIsNotAskedForARemovedJobIsFound) {
  jobs::Retention none{.succeeded = 0ms, .failed = 0ms, .cancelled = 0ms};
  ASSERT_EQ(wait(store_->prune(none))->jobs, 2U);
  execute("UPDATE meta SET pruned_id_ms = 0");

  expect_found(finding::ledger_missing, failed_);
}

TEST_F(SqliteVerifyTest, UniqueKeysThatNobodyOrTheWrongJobHoldsAreFound) {
  execute("UPDATE unique_key SET seq = " + seq_of(running_));
  expect_found(finding::unique_stray, running_);

  execute("UPDATE unique_key SET seq = 999");
  expect_found(finding::unique_stray, Uuid());

  execute("DELETE FROM unique_key");
  expect_found(finding::unique_missing, ready_);
}

TEST_F(SqliteVerifyTest, AUniqueKeyThatAnotherTookAndWasPrunedWithIsNoDamage) {
  const jobs::UniqueRule while_ready{.key = "one", .states = {jobs::JobState::ready}};
  const jobs::NewJob job{.kind = "k", .priority = jobs::Priority::urgent, .unique = while_ready};
  added(job);
  const jobs::RunRef first = claim_one();
  clock_->pass(1ms);
  const Uuid second = added(job);
  ASSERT_NE(second, first.id);
  finish(jobs::Succeed{JsonText::trusted("1")});
  clock_->pass(24h * 8);
  ASSERT_EQ(wait(store_->prune({.succeeded = 0ms, .failed = 0ms, .cancelled = 0ms}))->jobs, 3U);

  EXPECT_THAT(kinds(verify()), IsEmpty()) << "the first still runs";
  jobs::Completion back{.run = first, .outcome = jobs::HandBack{}};
  ASSERT_TRUE(wait(store_->finish({std::move(back)}))->front().has_value());
  EXPECT_THAT(kinds(verify()), IsEmpty()) << "it is ready again";
}

TEST_F(SqliteVerifyTest, MoneyThatIsMissingFromItsAccountIsFound) {
  const UsageReservation wanted{.id = Uuid::make_v7(clock_->now()),
                                .account = "acme",
                                .amount = Money{5},
                                .limit = Money{100}};
  ASSERT_TRUE(wait(store_->usage().reserve(wanted)).has_value());
  ASSERT_TRUE(wait(store_->usage().settle(wanted.id, "acme", Money{7})).has_value());
  ASSERT_THAT(kinds(verify()), IsEmpty());

  execute("UPDATE account SET settled = 6");

  EXPECT_THAT(kinds(verify()), ElementsAre(finding::usage_differs));
}

TEST_F(SqliteVerifyTest, AnIndexThatHasLostARowIsFound) {
  execute(
      "PRAGMA writable_schema = ON;"
      "UPDATE sqlite_schema SET sql = 'CREATE UNIQUE INDEX job_id ON job (id) WHERE seq > 2'"
      " WHERE name = 'job_id'");

  reopen();

  EXPECT_THAT(kinds(verify()), Contains(finding::store_corrupt));
}

TEST_F(SqliteVerifyTest, ATableThatIsGoneIsFoundAndTheOthersAreStillJudged) {
  execute("DROP TABLE unique_key");
  execute("DELETE FROM ledger");

  const auto found = kinds(verify());

  EXPECT_THAT(found, Contains(finding::store_corrupt));
  EXPECT_THAT(found, Contains(finding::ledger_missing));
}

TEST_F(SqliteVerifyTest, PayloadsInABlobStoreAreNamed) {
  execute("UPDATE job SET payload = NULL, payload_blob = 'payloads/x/y' WHERE seq = " +
          seq_of(ready_));

  std::vector<jobs::BlobReference> blobs;
  std::string cursor;
  do {
    const auto page = wait(store_->verify(cursor, 100)).value();
    blobs.insert(blobs.end(), page.payload_blobs.begin(), page.payload_blobs.end());
    cursor = page.next_cursor;
  } while (!cursor.empty());

  ASSERT_EQ(blobs.size(), 1U);
  EXPECT_EQ(blobs.front().job_id, ready_);
  EXPECT_EQ(blobs.front().key, "payloads/x/y");
}

TEST_F(SqliteVerifyTest, BadArgumentsAreRefused) {
  for (const char* cursor : {"x", "99:", "1", "-1:", "1:'"}) {
    EXPECT_EQ(wait(store_->verify(cursor, 10)).error().code(), Errc::invalid_argument) << cursor;
  }
  EXPECT_EQ(wait(store_->verify("", 0)).error().code(), Errc::invalid_argument);
  EXPECT_EQ(wait(store_->verify("", 10'001)).error().code(), Errc::invalid_argument);
}

}  // namespace
}  // namespace rwp::tests
