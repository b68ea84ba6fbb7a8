// Jobs within the user's own transaction, by libpq and by SQL.

#include <rwp/jobs_postgres/transaction.hpp>

#include <future>
#include <libpq-fe.h>
#include <support/postgres_fixture.hpp>

namespace rwp::tests {
namespace {

using jobs::Inserted;
using jobs::JobState;
using jobs_postgres::complete_in;
using jobs_postgres::insert_in;

class PostgresTransactionTest : public PostgresTest {
 protected:
  PostgresTransactionTest() { sql("CREATE TABLE seen (what text)"); }

  using Connection = std::unique_ptr<PGconn, decltype(&PQfinish)>;
  Connection connect() { return {PQconnectdb(url().c_str()), &PQfinish}; }
  static void execute(PGconn* connection, const char* text) {
    const std::unique_ptr<PGresult, decltype(&PQclear)> result(PQexec(connection, text), &PQclear);
    ASSERT_EQ(PQresultStatus(result.get()), PGRES_COMMAND_OK) << PQerrorMessage(connection);
  }
  JobState state(const Uuid& id) { return wait(store_->get({id})).value()[0]->state; }

  std::shared_ptr<jobs::JobStore> store_ = open();
  Connection user_ = connect();
};

TEST_F(PostgresTransactionTest, JobsAreThereWithTheCommitAndNotBefore) {
  execute(user_.get(), "BEGIN");
  execute(user_.get(), "INSERT INTO seen VALUES ('order')");
  const auto answers = insert_in(user_.get(), {{.kind = "k"}, {.kind = "no kind!"}}).value();
  const Uuid id = answers[0]->id;

  EXPECT_EQ(answers[1].error().code(), Errc::invalid_argument);
  EXPECT_TRUE(wait(store_->claim(claim_of(1)))->empty());
  execute(user_.get(), "COMMIT");
  EXPECT_TRUE(jobs_postgres::wake_workers(user_.get()).has_value());
  const auto claimed = wait(store_->claim(claim_of(1))).value();
  ASSERT_EQ(claimed.size(), 1U);
  EXPECT_EQ(claimed[0].run.id, id);
}

TEST_F(PostgresTransactionTest, JobsOfATransactionThatIsRolledBackWereNeverThere) {
  execute(user_.get(), "BEGIN");
  ASSERT_TRUE(insert_in(user_.get(), {{.kind = "k", .idempotency_key = "once"}}).has_value());
  execute(user_.get(), "ROLLBACK");

  EXPECT_TRUE(wait(store_->claim(claim_of(1)))->empty());
  EXPECT_EQ(wait(store_->insert({{.kind = "k", .idempotency_key = "once"}})).value()[0]->outcome,
            Inserted::Outcome::created);
}

TEST_F(PostgresTransactionTest, ASubmitWithTheSameKeyWaitsForTheTransactionAndThenFindsTheJob) {
  execute(user_.get(), "BEGIN");
  const auto first = insert_in(user_.get(), {{.kind = "k", .idempotency_key = "once"}}).value();
  auto second = std::async(std::launch::async, [&] {
    return wait(store_->insert({{.kind = "k", .idempotency_key = "once"}}));
  });

  execute(user_.get(), "COMMIT");

  const auto answer = second.get().value();
  EXPECT_EQ(answer[0]->outcome, Inserted::Outcome::existing);
  EXPECT_EQ(answer[0]->id, first[0]->id);
}

TEST_F(PostgresTransactionTest, CompletionAndTheUsersRowsAreOne) {
  const Uuid id = wait(store_->insert({{.kind = "k"}})).value()[0]->id;
  const auto run_ref = wait(store_->claim(claim_of(1))).value()[0].run;

  execute(user_.get(), "BEGIN");
  execute(user_.get(), "INSERT INTO seen VALUES ('paid')");
  ASSERT_TRUE(complete_in(user_.get(), run_ref, JsonText::trusted("42")).has_value());
  execute(user_.get(), "ROLLBACK");
  EXPECT_EQ(state(id), JobState::running);

  execute(user_.get(), "BEGIN");
  execute(user_.get(), "INSERT INTO seen VALUES ('paid')");
  ASSERT_TRUE(complete_in(user_.get(), run_ref, JsonText::trusted("42")).has_value());
  execute(user_.get(), "COMMIT");
  EXPECT_EQ(state(id), JobState::succeeded);
  EXPECT_EQ(sql("SELECT count(*) FROM seen"), "1");
  // The worker's own completion that follows finds it accepted.
  EXPECT_EQ(wait(store_->finish({{.run = run_ref, .outcome = jobs::Succeed{}}})).value()[0].value(),
            JobState::succeeded);
}

TEST_F(PostgresTransactionTest, CompletionOfAStaleRunIsRefusedAndLeavesTheUserToRollBack) {
  (void)wait(store_->insert({{.kind = "k"}}));
  const auto stale = wait(store_->claim(claim_of(1))).value()[0].run;
  ASSERT_TRUE(wait(store_->finish({{.run = stale, .outcome = jobs::HandBack{}}})).has_value());
  const auto current = wait(store_->claim(claim_of(1))).value()[0].run;

  execute(user_.get(), "BEGIN");
  EXPECT_EQ(complete_in(user_.get(), stale).error().code(), Errc::conflict);
  EXPECT_TRUE(complete_in(user_.get(), current).has_value());
  execute(user_.get(), "COMMIT");
}

TEST_F(PostgresTransactionTest, WithoutAnOpenTransactionNothingIsDone) {
  EXPECT_EQ(insert_in(user_.get(), {{.kind = "k"}}).error().code(), Errc::invalid_argument);
  EXPECT_EQ(complete_in(user_.get(), {.id = Uuid::make_v7(), .token = 1}).error().code(),
            Errc::invalid_argument);
  EXPECT_EQ(insert_in(nullptr, {{.kind = "k"}}).error().code(), Errc::invalid_argument);
}

TEST_F(PostgresTransactionTest, SqlSubmitsWithEveryField) {
  const std::string text =
      sql("SELECT rwp.enqueue('job_ad.enrich', payload => '{\"a\": 1}', queue => 'slow',"
          " priority => 'high', delay => '10 minutes', idempotency_key => 'x', unique_key => 'u',"
          " tenant => 'acme', max_attempts => 3, version => 2, timeout => '5 seconds',"
          " tags => ARRAY['t'], traceparent => 'trace')");

  const auto job = wait(store_->get({Uuid::parse(text).value()})).value()[0].value();
  EXPECT_EQ(job.kind, "job_ad.enrich");
  EXPECT_EQ(job.payload.str(), "{\"a\": 1}");
  EXPECT_EQ(job.queue, "slow");
  EXPECT_EQ(job.priority, jobs::Priority::high);
  EXPECT_EQ(job.state, JobState::scheduled);
  EXPECT_EQ(job.idempotency_key, "x");
  EXPECT_EQ(job.unique_key, "u");
  EXPECT_EQ(job.tenant, "acme");
  EXPECT_EQ(job.max_attempts, 3);
  EXPECT_EQ(job.version, 2);
  EXPECT_EQ(job.timeout, std::chrono::seconds(5));
  EXPECT_EQ(job.tags, std::vector<std::string>{"t"});
  EXPECT_EQ(job.traceparent, "trace");
  // The same submit from here is the same job.
  EXPECT_EQ(wait(store_->insert({{.kind = "job_ad.enrich",
                                  .version = 2,
                                  .payload = job.payload,
                                  .idempotency_key = "x",
                                  .tenant = "acme"}}))
                .value()[0]
                ->id,
            job.id);
}

TEST_F(PostgresTransactionTest, SqlRefusesWhatTheLibraryRefuses) {
  for (const char* bad :
       {"'no kind!'", "'k', payload => '{'", "'k', priority => 'best'", "'k', version => 0",
        "'k', max_attempts => 0", "'k', tags => ARRAY['']", "'k', delay => '-1 s'",
        "'k', queue => ''", "'k', id => gen_random_uuid()", "NULL"}) {
    EXPECT_THROW(sql(std::string("SELECT rwp.enqueue(") + bad + ")"), std::runtime_error) << bad;
  }
  EXPECT_EQ(sql("SELECT count(*) FROM rwp.job"), "0");
}

TEST_F(PostgresTransactionTest, HeartbeatsDoNotWaitForARunThatAnOpenTransactionCompletes) {
  ASSERT_TRUE(wait(store_->insert({{.kind = "k"}, {.kind = "k"}})).has_value());
  const auto claimed = wait(store_->claim(claim_of(2))).value();
  ASSERT_EQ(claimed.size(), 2U);
  execute(user_.get(), "BEGIN");
  ASSERT_TRUE(complete_in(user_.get(), claimed[0].run, JsonText()).has_value());

  const auto held = wait(store_->extend({claimed[0].run, claimed[1].run}, std::chrono::minutes(9)));

  ASSERT_TRUE(held.has_value()) << held.error().to_string();
  EXPECT_TRUE((*held)[0].has_value()) << "it is held until the transaction commits";
  EXPECT_TRUE((*held)[1].has_value());
  EXPECT_EQ(sql("SELECT id FROM rwp.running WHERE lease_ms = 540000"),
            claimed[1].run.id.to_string());
  execute(user_.get(), "COMMIT");
  EXPECT_EQ(state(claimed[0].run.id), JobState::succeeded);
}

}  // namespace
}  // namespace rwp::tests
