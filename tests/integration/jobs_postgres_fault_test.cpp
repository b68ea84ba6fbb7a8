// What breaks between a store and its server, brought about for real. After each fault: what was
// acknowledged has ended, each job once, and nothing that still ran was run again.

#include <rwp/core/async.hpp>

#include <csignal>
#include <future>
#include <libpq-fe.h>
#include <map>
#include <mutex>
#include <set>
#include <support/cutting_proxy.hpp>
#include <support/postgres_fixture.hpp>
#include <support/postgres_pair.hpp>
#include <support/tablespace_disk.hpp>
#include <thread>

namespace rwp::tests {
namespace {

using namespace std::chrono_literals;
using boost::asio::awaitable;
using jobs::JobState;

/// Submits and works on one store until it is told to stop.
class Load {
 public:
  explicit Load(std::shared_ptr<jobs::JobStore> store) : store_(std::move(store)) {
    const auto& executor = store_->runtime().executor();
    for (int i = 0; i < 2; ++i) {
      spawn(executor, submit(), [this](std::exception_ptr) { --submitters_; });
      spawn(executor, work(), [this](std::exception_ptr) { --workers_; });
    }
  }

  std::size_t acknowledged() const {
    const std::lock_guard lock(mutex_);
    return acknowledged_.size();
  }
  /// Waits until so many more jobs have been acknowledged.
  void wait_for_more(std::size_t more) {
    const std::size_t wanted = acknowledged() + more;
    wait_until([&] { return acknowledged() >= wanted; });
  }
  /// No new jobs; those that are there are worked off.
  void finish() {
    submit_ = false;
    wait_until([&] { return submitters_ == 0; });
    work_until_empty_ = true;
    wait_until([&] { return workers_ == 0; });
  }
  std::set<Uuid> ids() const { return acknowledged_; }
  int most_runs_of_one_job() const {
    int most = 0;
    for (const auto& [id, runs] : runs_) most = std::max(most, runs);
    return most;
  }
  int most_ends_of_one_job() const {
    int most = 0;
    for (const auto& [id, ends] : ends_) most = std::max(most, ends);
    return most;
  }

 private:
  template <class Condition>
  static void wait_until(Condition condition) {
    const auto deadline = std::chrono::steady_clock::now() + 120s;
    while (!condition()) {
      if (std::chrono::steady_clock::now() > deadline) throw std::runtime_error("waited in vain");
      std::this_thread::sleep_for(2ms);
    }
  }

  awaitable<void> submit() {
    while (submit_) {
      std::vector<jobs::NewJob> some(20, jobs::NewJob{.kind = "k"});
      const auto answers = co_await store_->insert(std::move(some));
      if (!answers) continue;
      const std::lock_guard lock(mutex_);
      for (const auto& answer : *answers) {
        if (answer) acknowledged_.insert(answer->id);
      }
    }
  }

  /// A claim that the server was still at when its answer was lost has leased jobs to nobody: they
  /// come back when the lease lapses.
  awaitable<bool> has_open_jobs() {
    const auto counts = co_await store_->counts();
    if (!counts) co_return true;
    for (const jobs::QueueCounts& queue : *counts) {
      for (const JobState state : {JobState::ready, JobState::running}) {
        if (queue.states.at(static_cast<std::size_t>(state)) > 0) co_return true;
      }
    }
    co_return false;
  }

  awaitable<void> work() {
    for (;;) {
      const bool may_stop = work_until_empty_;
      (void)co_await store_->rescue();
      auto request = claim_of(50);
      const auto claimed = co_await store_->claim(std::move(request));
      if (!claimed) continue;
      if (claimed->empty()) {
        if (may_stop && !co_await has_open_jobs()) co_return;
        (void)co_await sleep_for(2ms);
        continue;
      }
      std::vector<jobs::Completion> completions;
      for (const jobs::ClaimedJob& job : *claimed) {
        ++runs_[job.run.id];
        completions.push_back({.run = job.run, .outcome = jobs::Succeed{}});
      }
      // A worker goes on until it knows.
      for (bool known = false; !known;) {
        auto again = completions;
        const auto answers = co_await store_->finish(std::move(again));
        known = answers.has_value();
        for (std::size_t i = 0; known && i < answers->size(); ++i) {
          if ((*answers)[i]) ++ends_[completions[i].run.id];
        }
      }
    }
  }

  const std::shared_ptr<jobs::JobStore> store_;
  mutable std::mutex mutex_;
  std::set<Uuid> acknowledged_;
  std::map<Uuid, int> runs_;
  std::map<Uuid, int> ends_;
  std::atomic<bool> submit_{true};
  std::atomic<bool> work_until_empty_{false};
  std::atomic<int> submitters_{2};
  std::atomic<int> workers_{2};
};

class PostgresFaultTest : public PostgresTest {
 protected:
  void expect_each_once(jobs::JobStore& store, const Load& load, const PostgresServer& at) {
    const auto ids = load.ids();
    ASSERT_FALSE(ids.empty());
    const auto kept = wait(store.get({ids.begin(), ids.end()})).value();
    for (const auto& job : kept) {
      ASSERT_TRUE(job.has_value()) << job.error().to_string();
      ASSERT_EQ(job->state, JobState::succeeded);
    }
    EXPECT_EQ(load.most_ends_of_one_job(), 1);
    EXPECT_EQ(load.most_runs_of_one_job(), 1) << "what still ran was run again";
    EXPECT_EQ(at.execute("SELECT count(*) FROM rwp.job j WHERE NOT EXISTS"
                         " (SELECT FROM rwp.ended e WHERE e.id = j.id)",
                         database_),
              "0");
    EXPECT_EQ(at.execute("SELECT (SELECT count(*) FROM rwp.ended) = (SELECT sum(jobs) FROM"
                         " rwp.tally WHERE state = 4)",
                         database_),
              "t");
  }
};

TEST_F(PostgresFaultTest, RestartsOfTheServerLoseNothingAndRunNothingTwice) {
  auto store = open();
  Load load(store);

  for (const int signal : {SIGINT, SIGQUIT}) {
    load.wait_for_more(200);
    server().restart(signal);
  }
  load.wait_for_more(200);
  load.finish();

  expect_each_once(*store, load, server());
}

TEST_F(PostgresFaultTest, ConnectionsCutAtAnyByteLoseNothingAndRunNothingTwice) {
  CuttingProxy proxy(server().port());
  auto store = open("postgres://rwp@127.0.0.1:" + std::to_string(proxy.port()) + "/" + database_);
  Load load(store);

  load.wait_for_more(100);
  // Where in an exchange a cut comes is left to chance, and to these being no multiples of one.
  for (const std::size_t bytes : {60'000U, 41'000U, 28'111U, 19'999U}) {
    const std::size_t before = proxy.cuts();
    proxy.cut_after(bytes);
    do load.wait_for_more(100);
    while (proxy.cuts() == before);
  }
  proxy.cut_after(0);
  load.finish();

  expect_each_once(*store, load, server());
}

TEST_F(PostgresFaultTest, AnswersLostAfterTheCommitAreSettledByReadingBack) {
  CuttingProxy proxy(server().port());
  auto store = open("postgres://rwp@127.0.0.1:" + std::to_string(proxy.port()) + "/" + database_);

  proxy.lose_next_answer();
  const auto inserted = wait(store->insert({{.kind = "k"}})).value();
  ASSERT_TRUE(proxy.has_lost_answer());
  EXPECT_EQ(inserted[0]->outcome, jobs::Inserted::Outcome::created);

  proxy.lose_next_answer();
  const auto claimed = wait(store->claim(claim_of(10))).value();
  ASSERT_TRUE(proxy.has_lost_answer());
  ASSERT_EQ(claimed.size(), 1U) << "it was leased, and nobody would have run it";
  EXPECT_EQ(claimed[0].run.id, inserted[0]->id);
  EXPECT_EQ(claimed[0].run.token, 1U);

  proxy.lose_next_answer();
  const auto finished =
      wait(store->finish({{.run = claimed[0].run, .outcome = jobs::Succeed{}}})).value();
  ASSERT_TRUE(proxy.has_lost_answer());
  EXPECT_EQ(finished[0].value(), JobState::succeeded);
  EXPECT_EQ(sql("SELECT count(*) FROM rwp.ended"), "1");
}

TEST_F(PostgresFaultTest, JobsThatAClaimTookAfterItsAnswerWasGivenUpComeBackAtOnce) {
  CuttingProxy proxy(server().port());
  auto store = open("postgres://rwp@127.0.0.1:" + std::to_string(proxy.port()) + "/" + database_);
  const Uuid id = wait(store->insert({{.kind = "k"}})).value()[0]->id;
  // A claim that the server cannot finish while a user holds the lock.
  sql("CREATE FUNCTION hold() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN"
      " PERFORM pg_advisory_xact_lock(42); RETURN NEW; END $$;"
      "CREATE TRIGGER hold BEFORE INSERT ON rwp.running FOR EACH ROW EXECUTE FUNCTION hold()");
  const std::unique_ptr<PGconn, decltype(&PQfinish)> user(PQconnectdb(url().c_str()), &PQfinish);
  PQclear(PQexec(user.get(), "BEGIN; SELECT pg_advisory_xact_lock(42)"));
  auto claiming = std::async(std::launch::async,
                             [&] { return wait(store->claim(claim_of(10, 10min))).value(); });
  const auto waiting =
      "SELECT count(*) FROM pg_locks WHERE locktype = 'advisory' AND NOT granted"
      " AND database = (SELECT oid FROM pg_database WHERE datname = current_database())";
  while (sql(waiting) != "1") std::this_thread::sleep_for(2ms);

  proxy.drop_clients();
  ASSERT_TRUE(claiming.get().empty()) << "the job was locked by the claim that nobody waits for";
  PQclear(PQexec(user.get(), "COMMIT"));
  while (sql("SELECT count(*) FROM rwp.running") != "1") std::this_thread::sleep_for(2ms);
  EXPECT_EQ(wait(store->rescue())->leases, 1U);

  const auto claimed = wait(store->claim(claim_of(10))).value();
  ASSERT_EQ(claimed.size(), 1U) << "it is leased to nobody for ten minutes";
  EXPECT_EQ(claimed[0].run.id, id);
  EXPECT_EQ(sql("SELECT marks FROM rwp.running"), "0") << "no handler had begun";
}

TEST_F(PostgresFaultTest, AServerThatStaysAwayIsUnavailableInTimeAndBackAfterwards) {
  auto store = open(url(), 2s);
  server().stop(SIGINT);

  const auto refused = wait(store->insert({{.kind = "k"}}));
  server().start();
  const auto accepted = wait(store->insert({{.kind = "k"}}));

  EXPECT_EQ(refused.error().code(), Errc::unavailable);
  EXPECT_TRUE(accepted.has_value());
}

TEST_F(PostgresFaultTest, AWaitForWorkGoesOnAfterTheListenersConnectionDied) {
  auto store = open();
  auto waiting = std::async(std::launch::async, [&] {
    return wait(store->wait_for_work(claim_of(1), std::chrono::steady_clock::now() + kGuard / 2));
  });
  const auto listens =
      "SELECT count(*) FROM pg_stat_activity WHERE query LIKE 'LISTEN%'"
      " AND datname = '" +
      database_ + "'";
  while (server().execute(listens) == "0") std::this_thread::sleep_for(2ms);

  sql("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE pid <> pg_backend_pid()"
      " AND datname = current_database()");
  const auto begun = std::chrono::steady_clock::now();
  sql("SELECT rwp.enqueue('k')");

  EXPECT_TRUE(waiting.get().has_value());
  EXPECT_LT(std::chrono::steady_clock::now() - begun, kGuard / 2);
}

TEST_F(PostgresFaultTest, EndsAreToldToTheProcessThatWaitsForThem) {
  auto waiter = open();
  Runtime other_runtime;
  auto worker =
      jobs_postgres::open_postgres_job_store(other_runtime, Url::parse(url()).value(), {}).value();
  const std::unique_ptr<PGconn, decltype(&PQfinish)> user(PQconnectdb(url().c_str()), &PQfinish);
  PQclear(PQexec(user.get(), "LISTEN rwp_ends"));
  const Uuid id = wait(waiter->insert({{.kind = "last"}})).value()[0]->id;
  const auto listens =
      "SELECT count(*) FROM pg_stat_activity WHERE query LIKE 'LISTEN%' AND pid <> " +
      std::to_string(PQbackendPID(user.get())) + " AND datname = current_database()";
  do {
    (void)run(other_runtime, worker->wait_for_work(claim_of(1), std::chrono::steady_clock::now()));
  } while (sql(listens) == "0");
  auto waiting = std::async(std::launch::async, [&] {
    return wait(waiter->wait_for_end({id}, std::chrono::steady_clock::now() + kGuard));
  });
  // It listens since its first wait, and hears that ends are wanted.
  std::string told;
  const auto deadline = std::chrono::steady_clock::now() + kGuard / 2;
  while (told.empty() && std::chrono::steady_clock::now() < deadline) {
    (void)run(other_runtime, worker->insert({{.kind = "k"}}));
    const auto claimed = run(other_runtime, worker->claim(claim_of(1))).value();
    (void)run(other_runtime, worker->finish({{.run = claimed[0].run, .outcome = jobs::Succeed{}}}));
    PQclear(PQexec(user.get(), "SELECT 1"));
    while (PGnotify* const note = PQnotifies(user.get())) {
      if (*note->extra == '!') told = note->extra;
      PQfreemem(note);
    }
  }
  EXPECT_EQ((told.size() - 1) % 37, 0U) << "ids of ends, not: " << told;
  EXPECT_GT(told.size(), 1U);

  auto request = claim_of(1);
  request.kinds[0].kind = "last";
  const auto last = run(other_runtime, worker->claim(std::move(request))).value();
  ASSERT_EQ(last.size(), 1U);
  (void)run(other_runtime, worker->finish({{.run = last[0].run, .outcome = jobs::Succeed{}}}));
  EXPECT_EQ(waiting.get().value()[0]->state, JobState::succeeded);
}

TEST_F(PostgresFaultTest, AFailoverToASynchronousStandbyLosesNothing) {
  PostgresPair pair(database_);
  auto store = open(pair.url());
  Load load(store);
  load.wait_for_more(200);

  pair.fail_over();
  load.wait_for_more(200);
  load.finish();

  expect_each_once(*store, load, pair.standby());
}

TEST_F(PostgresFaultTest, AFullDiskRefusesAndAcceptsAgainOnceThereIsRoom) {
  const TemporaryTablespaceDisk disk;
  if (!disk.is_mounted()) GTEST_SKIP() << "may not mount a small disk here";
  PostgresServer small;
  small.execute("CREATE TABLESPACE small LOCATION '" + disk.path() + "'");
  small.execute("CREATE DATABASE " + database_ + " TABLESPACE small");
  auto store = open(small.url(database_), 2s);
  // Nothing that the server could compress.
  std::string digits;
  while (digits.size() < 4'000) digits += Uuid::make_v7().to_string();
  const JsonText payload = JsonText::trusted('"' + digits + '"');
  std::set<Uuid> accepted;
  std::optional<Error> refused;
  for (int i = 0; i < 2'000 && !refused; ++i) {
    const auto answers =
        wait(store->insert(std::vector<jobs::NewJob>(20, {.kind = "k", .payload = payload})));
    if (!answers) {
      refused = answers.error();
      break;
    }
    for (const auto& answer : *answers) accepted.insert(answer->id);
  }

  ASSERT_TRUE(refused.has_value());
  EXPECT_EQ(refused->code(), Errc::unavailable);
  disk.grow();
  EXPECT_TRUE(wait(store->insert({{.kind = "k"}})).has_value());
  for (const auto& job : wait(store->get({accepted.begin(), accepted.end()})).value()) {
    ASSERT_TRUE(job.has_value()) << "acknowledged, and lost";
  }
}

}  // namespace
}  // namespace rwp::tests
