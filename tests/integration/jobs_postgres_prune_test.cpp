// Removing old jobs beside others, and when the server's answer is lost.

#include <rwp/core/blob_store.hpp>

#include <future>
#include <libpq-fe.h>
#include <map>
#include <support/cutting_proxy.hpp>
#include <support/postgres_fixture.hpp>
#include <thread>

namespace rwp::tests {
namespace {

using namespace std::chrono_literals;
using boost::asio::awaitable;
using Outcome = jobs::Inserted::Outcome;

class KeptBlobs final : public BlobStore {
 public:
  awaitable<Result<void>> put_blob(std::string key, std::string content) override {
    blobs[key] = std::move(content);
    co_return Result<void>();
  }
  awaitable<Result<std::string>> get_blob(std::string key) override { co_return blobs.at(key); }
  awaitable<Result<void>> remove_blob(std::string key) override {
    blobs.erase(key);
    co_return Result<void>();
  }
  std::map<std::string, std::string> blobs;
};

class PostgresPruneTest : public PostgresTest {
 protected:
  void run_one(jobs::JobStore& store) {
    const auto claimed = wait(store.claim(claim_of(1))).value();
    ASSERT_EQ(claimed.size(), 1U);
    ASSERT_TRUE(wait(store.finish({{.run = claimed[0].run, .outcome = jobs::Succeed{}}})));
  }
  void wait_for_waiters(const char* count) {
    const auto waiters =
        "SELECT count(*) FROM pg_stat_activity WHERE wait_event_type = 'Lock'"
        " AND datname = current_database()";
    while (sql(waiters) != count) std::this_thread::sleep_for(2ms);
  }
  /// Submits a job again while it is being pruned, and answers what came of it.
  Outcome submit_beside_prune(jobs::NewJob again) {
    auto store = open();
    jobs::NewJob first{.id = again.id, .kind = again.kind, .payload = again.payload};
    EXPECT_TRUE(wait(store->insert({std::move(first)})).has_value());
    run_one(*store);
    // A prune that has removed the job, and cannot commit while the user holds the lock.
    const std::unique_ptr<PGconn, decltype(&PQfinish)> user(PQconnectdb(url().c_str()), &PQfinish);
    PQclear(PQexec(user.get(), "BEGIN; SELECT * FROM rwp.mark FOR UPDATE"));
    auto pruning = std::async(std::launch::async,
                              [&] { return wait(store->prune({.succeeded = 0ms})).value(); });
    wait_for_waiters("1");
    auto submitting = std::async(std::launch::async,
                                 [&] { return wait(store->insert({again})).value()[0].value(); });
    wait_for_waiters("2");
    PQclear(PQexec(user.get(), "COMMIT"));
    EXPECT_EQ(pruning.get().jobs, 1U);
    return submitting.get().outcome;
  }
};

TEST_F(PostgresPruneTest, AJobThatIsSubmittedAgainWhileItIsPrunedDoesNotRunAgain) {
  const jobs::NewJob plain{.id = Uuid::make_v7(), .kind = "k"};
  EXPECT_EQ(submit_beside_prune(plain), Outcome::existing);
  EXPECT_EQ(sql("SELECT count(*) FROM rwp.job"), "0");

  const jobs::NewJob later{.id = Uuid::make_v7(), .kind = "k", .delay = 1h};
  EXPECT_EQ(submit_beside_prune(later), Outcome::existing);
  EXPECT_EQ(sql("SELECT count(*) FROM rwp.job"), "0");

  const jobs::NewJob keyed{.id = Uuid::make_v7(), .kind = "k", .unique = {.key = "u"}};
  EXPECT_EQ(submit_beside_prune(keyed), Outcome::existing);
  EXPECT_EQ(sql("SELECT count(*) FROM rwp.job"), "0");
  EXPECT_EQ(sql("SELECT count(*) FROM rwp.ready"), "0");
}

TEST_F(PostgresPruneTest, LargePayloadsAreToldAlsoWhenAnAnswerWasLost) {
  CuttingProxy proxy(server().port());
  const auto blobs = std::make_shared<KeptBlobs>();
  jobs_postgres::PostgresOptions options;
  options.patience = kGuard / 2;
  options.blobs = blobs;
  const auto at =
      Url::parse("postgres://rwp@127.0.0.1:" + std::to_string(proxy.port()) + "/" + database_);
  auto store = jobs_postgres::open_postgres_job_store(runtime_, at.value(), options).value();

  for (const int answers_before : {0, 1}) {
    const JsonText payload = JsonText::trusted('"' + std::string(1024 * 1024, 'x') + '"');
    ASSERT_TRUE(wait(store->insert({{.kind = "k", .payload = payload}})).has_value());
    run_one(*store);
    ASSERT_EQ(blobs->blobs.size(), 1U);

    proxy.lose_answer_after(answers_before);
    EXPECT_EQ(wait(store->prune({.succeeded = 0ms}))->payload_blobs.size(), 1U);
    ASSERT_TRUE(proxy.has_lost_answer());
    EXPECT_TRUE(blobs->blobs.empty());
    EXPECT_EQ(sql("SELECT count(*) FROM rwp.job"), "0");
  }
}

TEST_F(PostgresPruneTest, WhatClaimsHaveTakenIsVacuumedWhenTheQueueHasRunDry) {
  auto store = open();
  ASSERT_TRUE(wait(store->insert(std::vector<jobs::NewJob>(20'500, {.kind = "k"}))).has_value());
  // A table that the server's own is at is passed over.
  sql("ALTER TABLE rwp.ready SET (autovacuum_enabled = false)");
  for (std::size_t claimed = 0; claimed < 20'500;) {
    claimed += wait(store->claim(claim_of(9'000)))->size();
  }

  const auto deadline = std::chrono::steady_clock::now() + kGuard;
  while (sql("SELECT vacuum_count FROM pg_stat_user_tables WHERE relname = 'ready'") == "0") {
    ASSERT_LT(std::chrono::steady_clock::now(), deadline);
    std::this_thread::sleep_for(20ms);
  }
}

}  // namespace
}  // namespace rwp::tests
