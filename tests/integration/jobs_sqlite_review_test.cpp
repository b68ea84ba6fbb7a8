#include "net/sqlite/connection.hpp"
#include <rwp/jobs_sqlite/sqlite_job_store.hpp>

#include <chrono>
#include <conformance/job_store_conformance.hpp>
#include <set>
#include <thread>

/// Files that several stores share: who is taken for dead, who waits for whom, what one group of
/// commits may not mix up.
namespace rwp::tests {
namespace {

using namespace std::chrono_literals;

class SqliteSharedFileTest : public ::testing::Test {
 protected:
  std::shared_ptr<jobs::JobStore> open(std::chrono::milliseconds busy_timeout = 10s) {
    jobs_sqlite::SqliteOptions options;
    options.path = path_;
    options.clock = clock_;
    options.busy_timeout = busy_timeout;
    return jobs_sqlite::open_sqlite_job_store(runtime_, std::move(options)).value();
  }

  template <class T>
  Result<T> wait(boost::asio::awaitable<Result<T>> operation) {
    return run(runtime_, std::move(operation));
  }

  static jobs::ClaimRequest request(std::chrono::milliseconds lease = 30s) {
    return {.worker = "w", .kinds = kinds_of({"k"}), .limit = 10, .start = 10, .lease = lease};
  }

  Uuid added(jobs::JobStore& store) {
    jobs::NewJob job{.kind = "k"};
    return wait(store.insert({std::move(job)}))->front()->id;
  }

  const TemporaryFolder folder_;
  const std::string path_ = (folder_.path() / "jobs.db").string();
  const std::shared_ptr<ManualClock> clock_ = std::make_shared<ManualClock>();
  Runtime runtime_;
};

TEST_F(SqliteSharedFileTest, AnIdleStoreIsNotTakenForDeadAfterManyOthersHaveOpened) {
  const auto idle = open();
  {
    net_sqlite::Connection database(net_sqlite::ConnectionOptions{.path = path_});
    database.execute(
        "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 1500)"
        " INSERT INTO holder (name, boot_id, lock_file)"
        " SELECT name, boot_id, lock_file FROM n, holder WHERE id = 1");
  }
  const auto other = open();
  added(*idle);
  ASSERT_EQ(wait(idle->claim(request()))->size(), 1U);

  const auto rescued = wait(other->rescue()).value();

  EXPECT_EQ(rescued.leases, 0U);
  net_sqlite::Connection database(net_sqlite::ConnectionOptions{.path = path_});
  auto left = database.query("SELECT count(*) FROM holder");
  ASSERT_TRUE(left.step());
  EXPECT_LT(left.integer(0), 1'100) << "the dead ones are removed";
}

TEST_F(SqliteSharedFileTest, CallersWaitForTheWriteLockTogetherAndNotOneAfterAnother) {
  const auto store = open(300ms);
  net_sqlite::Connection stalled(net_sqlite::ConnectionOptions{.path = path_});
  stalled.execute("BEGIN IMMEDIATE");
  const auto insert_one = [](std::shared_ptr<jobs::JobStore> into,
                             std::vector<Errc>* codes) -> boost::asio::awaitable<void> {
    jobs::NewJob job{.kind = "k"};
    std::vector<jobs::NewJob> jobs(1, std::move(job));
    const auto answer = co_await into->insert(std::move(jobs));
    codes->push_back(answer ? Errc::none : answer.error().code());
  };

  std::vector<Errc> codes;
  const auto asked = std::chrono::steady_clock::now();
  post(runtime_.executor(), [&] {
    for (int i = 0; i < 20; ++i) spawn(runtime_.executor(), insert_one(store, &codes));
  });
  // In turn after the others.
  const auto last = wait(store->pause("other"));
  const auto took = std::chrono::steady_clock::now() - asked;
  stalled.execute("ROLLBACK");

  EXPECT_EQ(last.error().code(), Errc::unavailable);
  EXPECT_EQ(codes, std::vector<Errc>(20, Errc::unavailable));
  EXPECT_LT(took, 3s) << "twenty times the timeout is six seconds";
  added(*store);
}

TEST_F(SqliteSharedFileTest, LapsedLeasesGetASecondChanceAfterTheWriteLockWasOutOfReach) {
  const auto worker = open();
  const auto rescuer = open(50ms);
  added(*worker);
  const auto claimed = wait(worker->claim(request())).value();
  ASSERT_EQ(claimed.size(), 1U);
  net_sqlite::Connection stalled(net_sqlite::ConnectionOptions{.path = path_});
  stalled.execute("BEGIN IMMEDIATE");
  clock_->pass(60s);
  ASSERT_EQ(wait(rescuer->rescue()).error().code(), Errc::unavailable);
  stalled.execute("ROLLBACK");

  EXPECT_EQ(wait(rescuer->rescue())->leases, 0U);
  clock_->pass(31s);
  EXPECT_EQ(wait(rescuer->rescue())->leases, 1U);
}

TEST_F(SqliteSharedFileTest, ALeaseCountsFromWhenTheWriteLockWasHad) {
  const auto store = open();
  const auto rescuer = open();
  added(*store);
  net_sqlite::Connection stalled(net_sqlite::ConnectionOptions{.path = path_});
  stalled.execute("BEGIN IMMEDIATE");
  std::vector<jobs::ClaimedJob> claimed;
  std::thread claims([&] { claimed = wait(store->claim(request(2s))).value(); });
  // The claim is on its way when both threads of the pool have been busy with it for a while.
  std::this_thread::sleep_for(200ms);
  clock_->pass(5s);
  stalled.execute("ROLLBACK");
  claims.join();
  ASSERT_EQ(claimed.size(), 1U);

  EXPECT_EQ(wait(rescuer->rescue())->leases, 0U) << "it has just been claimed";
}

TEST_F(SqliteSharedFileTest, ASubmitAgainBesideThePruningOfItsJobMakesNoSecondJob) {
  const auto store = open();
  const Uuid id = added(*store);
  const auto claimed = wait(store->claim(request())).value();
  ASSERT_EQ(claimed.size(), 1U);
  jobs::Completion completion{.run = claimed.front().run, .outcome = jobs::Succeed{}};
  ASSERT_TRUE(wait(store->finish({std::move(completion)}))->front().has_value());
  struct Step {
    static boost::asio::awaitable<void> insert(std::shared_ptr<jobs::JobStore> into, Uuid with) {
      jobs::NewJob job{.id = with, .kind = "k"};
      std::vector<jobs::NewJob> jobs(1, std::move(job));
      (void)co_await into->insert(std::move(jobs));
    }
    static boost::asio::awaitable<void> prune(std::shared_ptr<jobs::JobStore> of) {
      jobs::Retention none{.succeeded = 0ms};
      (void)co_await of->prune(none);
    }
  };

  // Together, so that one transaction carries all three.
  post(runtime_.executor(), [&] {
    spawn(runtime_.executor(), Step::insert(store, Uuid()));
    spawn(runtime_.executor(), Step::prune(store));
    spawn(runtime_.executor(), Step::insert(store, id));
  });
  const auto counted = wait(store->pause("other"));

  ASSERT_TRUE(counted.has_value());
  EXPECT_EQ(wait(store->get({id}))->front().error().code(), Errc::not_found);
  EXPECT_EQ(wait(store->claim(request()))->size(), 1U) << "the other one";
}

TEST_F(SqliteSharedFileTest, ManyMayOpenANewFileAtOnce) {
  for (int round = 0; round < 10; ++round) {
    const std::string path = (folder_.path() / ("new-" + std::to_string(round))).string();
    std::vector<std::thread> threads;
    std::vector<std::string> problems(8);
    for (auto& problem : problems) {
      threads.emplace_back([this, &path, &problem] {
        jobs_sqlite::SqliteOptions options;
        options.path = path;
        const auto opened = jobs_sqlite::open_sqlite_job_store(runtime_, std::move(options));
        if (!opened) problem = opened.error().to_string();
      });
    }
    for (auto& thread : threads) thread.join();
    for (const auto& problem : problems) EXPECT_EQ(problem, "");
  }
}

TEST_F(SqliteSharedFileTest, AKindTooManyIsRefusedAlone) {
  const auto store = open();
  std::vector<jobs::NewJob> jobs;
  for (int i = 0; i < 10'000; ++i) {
    jobs::NewJob job{.kind = "k" + std::to_string(i)};
    jobs.push_back(std::move(job));
  }
  ASSERT_TRUE(wait(store->insert(std::move(jobs))).has_value());
  jobs::NewJob known{.kind = "k1"};
  jobs::NewJob unknown{.kind = "one-too-many"};

  const auto answers = wait(store->insert({std::move(known), std::move(unknown)}));

  ASSERT_TRUE(answers.has_value()) << answers.error().to_string();
  EXPECT_TRUE((*answers)[0].has_value());
  EXPECT_EQ((*answers)[1].error().code(), Errc::invalid_argument);
}

TEST_F(SqliteSharedFileTest, AnIdempotencyKeyAnswersTheJobThatItsSubmitCollapsedInto) {
  const auto store = open();
  const auto submit = [&](std::string key) {
    jobs::NewJob job{.kind = "k", .idempotency_key = std::move(key), .unique = {.key = "u"}};
    return wait(store->insert({std::move(job)}))->front().value();
  };
  const Uuid standing = submit("first").id;
  ASSERT_EQ(submit("second").outcome, jobs::Inserted::Outcome::collapsed);
  ASSERT_TRUE(wait(store->cancel({standing}))->front().has_value());

  const auto again = submit("second");

  EXPECT_EQ(again.id, standing);
  EXPECT_EQ(again.outcome, jobs::Inserted::Outcome::existing);
  EXPECT_EQ(submit("third").outcome, jobs::Inserted::Outcome::created);
}

TEST_F(SqliteSharedFileTest, APageOfLargeJobsIsShortAndTheNextGoesOn) {
  const auto store = open();
  constexpr std::size_t kJobs = 40;
  for (std::size_t i = 0; i < kJobs; ++i) {
    jobs::NewJob job{.kind = "k",
                     .payload = JsonText::trusted("\"" + std::string(1'000'000, 'x') + "\"")};
    ASSERT_TRUE(wait(store->insert({std::move(job)}))->front().has_value());
  }

  std::set<Uuid> seen;
  std::size_t pages = 0;
  std::string cursor;
  do {
    const auto page = wait(store->list({}, cursor, 1'000)).value();
    EXPECT_LT(page.jobs.size(), kJobs);
    for (const auto& job : page.jobs) EXPECT_TRUE(seen.insert(job.id).second);
    cursor = page.next_cursor;
  } while (!cursor.empty() && ++pages < kJobs);

  EXPECT_EQ(seen.size(), kJobs);
}

TEST_F(SqliteSharedFileTest, PruningStaysNearWhatFallsDueHoweverManyJobsAreKept) {
  const auto store = open();
  const auto end_some = [&](std::size_t count) {
    std::vector<jobs::NewJob> jobs;
    for (std::size_t i = 0; i < count; ++i) {
      jobs::NewJob job{.kind = "k"};
      jobs.push_back(std::move(job));
    }
    ASSERT_TRUE(wait(store->insert(std::move(jobs))).has_value());
    jobs::ClaimRequest all = request();
    all.limit = 10'000;
    std::vector<jobs::Completion> completions;
    for (const auto& claimed : wait(store->claim(std::move(all))).value()) {
      jobs::Completion completion{.run = claimed.run, .outcome = jobs::Succeed{}};
      completions.push_back(std::move(completion));
    }
    ASSERT_EQ(completions.size(), count);
    ASSERT_TRUE(wait(store->finish(std::move(completions))).has_value());
  };
  end_some(3);
  clock_->pass(30min);
  end_some(7'000);
  const jobs::Retention an_hour{.succeeded = 1h};
  ASSERT_EQ(wait(store->prune(an_hour))->jobs, 0U);

  clock_->pass(31min);

  EXPECT_EQ(wait(store->prune(an_hour))->jobs, 3U);
}

TEST_F(SqliteSharedFileTest, ANameThatIsNoFilesIsRefused) {
  for (const std::string& path : {std::string(":memory:"), path_ + std::string("\0x", 2)}) {
    jobs_sqlite::SqliteOptions options;
    options.path = path;

    const auto opened = jobs_sqlite::open_sqlite_job_store(runtime_, std::move(options));

    ASSERT_FALSE(opened.has_value());
    EXPECT_EQ(opened.error().code(), Errc::invalid_argument);
  }
}

}  // namespace
}  // namespace rwp::tests
