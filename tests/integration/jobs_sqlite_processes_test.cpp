#include <rwp/core/async.hpp>
#include <rwp/jobs_sqlite/sqlite_job_store.hpp>

#include <algorithm>
#include <conformance/job_store_conformance.hpp>
#include <csignal>
#include <set>
#include <support/child_process.hpp>
#include <thread>

/// Several processes on one file, some of which are stopped or killed.
namespace rwp::tests {
namespace {

using namespace std::chrono_literals;
using jobs::JobState;
using std::chrono::steady_clock;

class SqliteProcessesTest : public ::testing::Test {
 protected:
  ChildProcess start(std::vector<std::string> role) { return start_on(path_, std::move(role)); }
  static ChildProcess start_on(const std::string& path, std::vector<std::string> role) {
    std::vector<std::string> command{RWP_JOB_PROCESS, path};
    command.insert(command.end(), role.begin(), role.end());
    return ChildProcess(command);
  }

  template <class T>
  Result<T> wait(boost::asio::awaitable<Result<T>> operation) {
    return run(runtime_, std::move(operation));
  }

  Uuid added() { return wait(store_->insert({{.kind = "k"}})).value()[0].value().id; }
  jobs::Job job(Uuid id) { return wait(store_->get({id})).value()[0].value(); }
  std::vector<jobs::ClaimedJob> claim() {
    return wait(store_->claim({.kinds = kinds_of({"k"})})).value();
  }
  std::int64_t count(JobState state) {
    std::int64_t sum = 0;
    for (const auto& queue : wait(store_->counts()).value()) {
      sum += queue.states[static_cast<std::size_t>(state)];
    }
    return sum;
  }

  /// All these jobs, which must be kept.
  void expect_kept(const std::vector<std::string>& lines) {
    std::vector<Uuid> ids;
    for (const std::string& line : lines) ids.push_back(Uuid::parse(line).value());
    for (const auto& kept : wait(store_->get(ids)).value()) ASSERT_TRUE(kept.has_value());
  }

  const TemporaryFolder folder_;
  const std::string path_ = (folder_.path() / "jobs.db").string();
  Runtime runtime_;
  std::shared_ptr<jobs::JobStore> store_ =
      jobs_sqlite::open_sqlite_job_store(runtime_, {.path = path_}).value();
};

TEST_F(SqliteProcessesTest, JobOfAKilledProcessRunsAgainAtOnceAndBurnsNoAttempt) {
  const Uuid id = added();
  auto holder = start({"hold", "3600000"});
  ASSERT_EQ(holder.read_line(), "holding " + id.to_string());
  ASSERT_EQ(wait(store_->rescue())->leases, 0U) << "its lease is an hour and it lives";
  const std::uint64_t first_token = job(id).run_token;

  holder.kill();

  EXPECT_EQ(wait(store_->rescue())->leases, 1U);
  const auto again = claim();
  ASSERT_EQ(again.size(), 1U);
  EXPECT_EQ(again[0].run.id, id);
  EXPECT_EQ(again[0].attempt, 0);
  EXPECT_GT(again[0].run.token, first_token);
  EXPECT_EQ(job(id).suspect_marks, 1);
}

TEST_F(SqliteProcessesTest, AProcessStoppedPastItsLeaseIsRefusedWhenItGoesOn) {
  const Uuid id = added();
  auto zombie = start({"hold", "1000"});
  ASSERT_EQ(zombie.read_line(), "holding " + id.to_string());

  zombie.signal(SIGSTOP);
  const auto deadline = steady_clock::now() + kGuard;
  while (wait(store_->rescue())->leases == 0 && steady_clock::now() < deadline) {
    std::this_thread::sleep_for(20ms);
  }
  const auto again = claim();
  ASSERT_EQ(again.size(), 1U);
  jobs::Completion completion{.run = again[0].run, .outcome = jobs::Succeed{}};
  ASSERT_EQ(wait(store_->finish({completion})).value()[0].value(), JobState::succeeded);
  zombie.signal(SIGCONT);

  for (const char* call : {"extend", "start", "progress", "finish"}) {
    zombie.write_line(call);
    EXPECT_EQ(zombie.read_line(), "conflict") << call;
  }
  EXPECT_EQ(count(JobState::ready), 0) << "the zombie's child job must not be there";
  EXPECT_NE(job(id).progress, 0.5);
}

TEST_F(SqliteProcessesTest, EverySubmitAnsweredBeforeAKillIsThere) {
  for (const char* batch : {"1", "50"}) {
    auto submitter = start({"submit", "0", batch});
    std::vector<std::string> answered;
    for (int i = 0; i < 120; ++i) answered.push_back(submitter.read_line().value());

    submitter.kill();
    for (std::string& line : submitter.read_rest()) answered.push_back(std::move(line));

    ASSERT_NO_FATAL_FAILURE(expect_kept(answered));
    EXPECT_GE(count(JobState::ready), static_cast<std::int64_t>(answered.size()));
  }
}

TEST_F(SqliteProcessesTest, TwoWorkersAndASubmitterShareAFileAndEndEachJobOnce) {
  constexpr std::size_t kJobs = 1'000;
  auto worker_1 = start({"work"});
  auto worker_2 = start({"work"});
  auto submitter = start({"submit", std::to_string(kJobs), "10"});
  const auto answered = submitter.read_rest();
  ASSERT_EQ(answered.size(), kJobs);
  std::vector<Uuid> ids;
  for (const std::string& line : answered) ids.push_back(Uuid::parse(line).value());

  const auto ended = wait(store_->wait_for_end(ids, steady_clock::now() + kGuard)).value();
  // A worker says what was accepted after its answer: as many lines as jobs.
  std::multiset<std::string> done;
  for (std::size_t turn = 0; done.size() < kJobs && turn < 100'000; ++turn) {
    for (ChildProcess* worker : {&worker_1, &worker_2}) {
      while (auto line = worker->read_line(1ms)) done.insert(std::move(*line));
    }
  }
  worker_1.close_input();
  worker_2.close_input();
  EXPECT_EQ(worker_1.wait(), 0);
  EXPECT_EQ(worker_2.wait(), 0);
  for (std::string& line : worker_1.read_rest()) done.insert(std::move(line));
  for (std::string& line : worker_2.read_rest()) done.insert(std::move(line));

  for (const auto& one : ended) EXPECT_EQ(one->state, JobState::succeeded);
  EXPECT_EQ(done.size(), kJobs);
  EXPECT_EQ(std::set<std::string>(done.begin(), done.end()).size(), kJobs) << "accepted twice";
  EXPECT_EQ(count(JobState::succeeded), static_cast<std::int64_t>(kJobs));
}

TEST_F(SqliteProcessesTest, JobsSurviveWorkersThatAreKilledAgainAndAgain) {
  std::vector<jobs::NewJob> batch(600, jobs::NewJob{.kind = "k"});
  std::vector<Uuid> ids;
  for (const auto& answer : wait(store_->insert(std::move(batch))).value()) {
    ids.push_back(answer->id);
  }
  std::vector<std::string> done;

  for (int round = 1; round <= 5; ++round) {
    auto worker = start({"work"});
    // Each dies somewhere else in its work.
    for (int line = 0; line < 7 * round; ++line) done.push_back(worker.read_line().value());
    worker.kill();
    for (std::string& line : worker.read_rest()) done.push_back(std::move(line));
  }
  auto last = start({"work"});
  const auto ended = wait(store_->wait_for_end(ids, steady_clock::now() + kGuard)).value();

  for (const auto& one : ended) {
    EXPECT_EQ(one->state, JobState::succeeded);
    EXPECT_EQ(one->attempt, 0);
  }
  EXPECT_EQ(std::set<std::string>(done.begin(), done.end()).size(), done.size())
      << "accepted twice";
}

TEST_F(SqliteProcessesTest, ProcessesMayMakeTheFileTogether) {
  // One in a few hundred met another's switch to the write-ahead log.
  for (int round = 0; round < 12; ++round) {
    const std::string path = (folder_.path() / ("new-" + std::to_string(round) + ".db")).string();
    std::vector<std::unique_ptr<ChildProcess>> submitters;
    for (int i = 0; i < 8; ++i) {
      submitters.emplace_back(new ChildProcess(start_on(path, {"submit", "5", "5"})));
    }

    for (const auto& submitter : submitters) {
      EXPECT_EQ(submitter->read_rest().size(), 5U);
      EXPECT_EQ(submitter->wait(), 0);
    }
  }
}

TEST_F(SqliteProcessesTest, AFileThatMayNotGrowRefusesSubmitsAndLosesNone) {
  auto filler = start({"fill", "300000"});
  std::vector<std::string> answered = filler.read_rest();

  ASSERT_FALSE(answered.empty());
  EXPECT_EQ(answered.back(), "refused unavailable");
  answered.pop_back();
  ASSERT_FALSE(answered.empty());
  ASSERT_NO_FATAL_FAILURE(expect_kept(answered));
  EXPECT_NO_THROW(added()) << "works again where there is room";
}

}  // namespace
}  // namespace rwp::tests
