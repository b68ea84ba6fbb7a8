#include "support/child_process.hpp"
#include "support/temporary_directory.hpp"
#include "support/worker_fixture.hpp"
#include <rwp/jobs/isolated.hpp>
#include <rwp/jobs/state_machine.hpp>

#include <gtest/gtest.h>

#include <chrono>
#include <fstream>
#include <string>
#include <string_view>
#include <vector>

namespace rwp {
namespace {

using namespace std::chrono_literals;
using jobs::EndReason;
using jobs::JobState;

class IsolatedTest : public tests::WorkerFixture {
 protected:
  IsolatedTest() {
    isolated_.command.program = RWP_ISOLATED_CHILD;
    handler_.backoff.base = 1ms;
  }

  void start(const std::vector<std::string>& kinds) {
    for (const std::string& kind : kinds) {
      worker().handle(kind, jobs::isolated(isolated_), handler_);
    }
    worker().start();
  }

  jobs::Job run_one(const std::string& kind, const std::string& payload = "null") {
    return ended(submit(kind, payload));
  }
  static std::string result_of(const jobs::Job& job) {
    return job.result ? job.result->str() : "no result";
  }
  std::string result_of(const std::string& kind) { return result_of(run_one(kind)); }

  /// The process that runs the job, by the note it makes.
  int process_of(Uuid id) {
    return std::stoi(
        until(id, [](const jobs::Job& job) { return !job.progress_note.empty(); }).progress_note);
  }

  static bool lives(int process) {
    std::ifstream file("/proc/" + std::to_string(process) + "/stat");
    std::string word;
    char state = 'X';
    file >> word >> word >> state;
    return state != 'X' && state != 'Z';
  }

  void expect_crashed(const jobs::Job& job, Errc code) {
    EXPECT_EQ(job.state, JobState::failed);
    EXPECT_EQ(job.end_reason, EndReason::crashed);
    EXPECT_EQ(job.attempt, 0);
    ASSERT_EQ(job.errors.size(), static_cast<std::size_t>(jobs::kCrashBudget));
    for (const jobs::JobError& error : job.errors) EXPECT_EQ(error.code, to_string(code));
  }

  jobs::IsolatedOptions isolated_;
  jobs::HandlerOptions handler_;
};

TEST_F(IsolatedTest, PayloadGoesInAndResultComesOut) {
  start({"isolated.echo"});

  const jobs::Job job = run_one("isolated.echo", R"({"name":"Mira","text":"é\n"})");

  EXPECT_EQ(job.state, JobState::succeeded);
  EXPECT_EQ(result_of(job), R"({"name":"Mira","text":"é\n"})");
}

TEST_F(IsolatedTest, LargePayloadFitsThroughThePipes) {
  start({"isolated.echo"});
  const std::string payload = "\"" + std::string(1'000'000, 'x') + "\"";

  EXPECT_EQ(result_of(run_one("isolated.echo", payload)), payload);
}

TEST_F(IsolatedTest, HealthyChildIsUsedAgainUntilItHasHadItsJobs) {
  isolated_.max_jobs_per_child = 2;
  start({"isolated.pid"});

  const std::string first = result_of("isolated.pid");
  const std::string second = result_of("isolated.pid");
  const std::string third = result_of("isolated.pid");

  EXPECT_EQ(first, second);
  EXPECT_NE(second, third);
}

TEST_F(IsolatedTest, ChildThatHasWaitedTooLongIsLetGo) {
  isolated_.max_idle = 1ms;
  start({"isolated.pid"});

  const int process = std::stoi(result_of("isolated.pid"));

  EXPECT_TRUE(eventually([process] { return !lives(process); }));
  EXPECT_EQ(run_one("isolated.pid").state, JobState::succeeded);
}

TEST_F(IsolatedTest, ChildThatEndsBetweenJobsCostsNoJobAnything) {
  start({"isolated.leave"});

  for (int i = 0; i < 20; ++i) {
    const jobs::Job job = run_one("isolated.leave");
    EXPECT_EQ(job.state, JobState::succeeded);
    EXPECT_EQ(job.crashes, 0);
    (void)tests::run(control_, sleep_for(std::chrono::milliseconds(i)));
  }
}

TEST_F(IsolatedTest, SignalIsACrashThatCountsAtOnceAndTheNextRunGetsAFreshChild) {
  start({"isolated.crash", "isolated.pid"});
  const std::string before = result_of("isolated.pid");

  expect_crashed(run_one("isolated.crash"), Errc::internal);

  EXPECT_EQ(result_of("isolated.pid"), before) << "another kind's child was touched";
}

TEST_F(IsolatedTest, MemoryBeyondTheLimitIsACrashOfItsOwnCode) {
  isolated_.command.limits.max_memory_bytes = 512 << 20;
  start({"isolated.eat"});

  expect_crashed(run_one("isolated.eat"), Errc::budget_exceeded);
}

TEST_F(IsolatedTest, HangIsACrashOfItsOwnCode) {
  isolated_.max_wall_time = 100ms;
  start({"isolated.hang"});

  expect_crashed(run_one("isolated.hang"), Errc::deadline_exceeded);
}

TEST_F(IsolatedTest, ProcessorTimeIsEachJobsOwn) {
  isolated_.command.limits.max_cpu_time = 1s;
  handler_.backoff.base = 1h;
  handler_.backoff.cap = 1h;
  start({"isolated.spin"});

  const jobs::Job job = until(submit("isolated.spin"), [](const jobs::Job& seen) {
    return seen.state == JobState::scheduled;
  });

  EXPECT_EQ(job.crashes, 1);
  ASSERT_EQ(job.errors.size(), 1U);
  EXPECT_EQ(job.errors.front().code, "deadline_exceeded");
}

TEST_F(IsolatedTest, ProcessorTimeEndsThoughTheHandlerIgnoresTheSignal) {
  isolated_.command.limits.max_cpu_time = 1s;
  handler_.backoff.base = 1h;
  handler_.backoff.cap = 1h;
  start({"isolated.spin_on"});

  const jobs::Job job = until(submit("isolated.spin_on"), [](const jobs::Job& seen) {
    return seen.state == JobState::scheduled;
  });

  ASSERT_EQ(job.errors.size(), 1U);
  EXPECT_EQ(job.errors.front().code, "deadline_exceeded");
}

TEST_F(IsolatedTest, ChildThatDiesIsSeenThoughAProcessThatEscapedHoldsItsPipes) {
  handler_.backoff.base = 1h;
  handler_.backoff.cap = 1h;
  start({"isolated.escape"});

  const jobs::Job job = until(submit("isolated.escape"), [](const jobs::Job& seen) {
    return seen.state == JobState::scheduled;
  });

  ASSERT_EQ(job.errors.size(), 1U);
  EXPECT_EQ(job.errors.front().code, "internal");
}

TEST_F(IsolatedTest, FailureOfTheHandlerIsItsErrorAndNoCrash) {
  start({"isolated.fail"});

  const jobs::Job job = run_one("isolated.fail");

  EXPECT_EQ(job.end_reason, EndReason::error);
  EXPECT_EQ(job.crashes, 0);
  ASSERT_EQ(job.errors.size(), 1U);
  EXPECT_EQ(job.errors.front().code, "not_found");
  EXPECT_EQ(job.errors.front().message, "no such picture");
}

TEST_F(IsolatedTest, ProgressCursorChildJobsLogAndDeadlineReachAcross) {
  handler_.timeout = 60s;
  start({"isolated.speak", "isolated.child"});

  const jobs::Job job = run_one("isolated.speak");

  EXPECT_EQ(job.state, JobState::succeeded);
  EXPECT_EQ(result_of(job), "1") << "the deadline was not seen";
  EXPECT_EQ(log_->count("the child speaks"), 1U);
  jobs::JobFilter filter;
  filter.kind = "isolated.child";
  const auto page = tests::run(control_, store_->list(filter, "", 10)).value();
  ASSERT_EQ(page.jobs.size(), 1U);
}

TEST_F(IsolatedTest, CancellationReachesTheHandlerAndItsChildLivesOn) {
  start({"isolated.hear"});
  const Uuid id = submit("isolated.hear");
  const int process = process_of(id);

  ASSERT_TRUE(tests::run(control_, store_->cancel({id})).has_value());

  EXPECT_EQ(ended(id).state, JobState::cancelled);
  EXPECT_TRUE(lives(process));
}

TEST_F(IsolatedTest, HandlerThatDoesNotHearIsKilled) {
  isolated_.stop_grace = 10ms;
  start({"isolated.hang"});
  const Uuid id = submit("isolated.hang");
  const int process = process_of(id);

  ASSERT_TRUE(tests::run(control_, store_->cancel({id})).has_value());

  EXPECT_EQ(ended(id).state, JobState::cancelled);
  EXPECT_TRUE(eventually([process] { return !lives(process); }));
}

TEST_F(IsolatedTest, DrainIsHeardAndTheJobHandedBack) {
  start({"isolated.hear"});
  const Uuid id = submit("isolated.hear");
  (void)process_of(id);

  EXPECT_TRUE(stopped());

  EXPECT_EQ(get(id).state, JobState::ready);
  EXPECT_EQ(get(id).attempt, 0);
}

TEST_F(IsolatedTest, WorkersEndTakesItsChildrenAlong) {
  start({"isolated.pid"});
  const int process = std::stoi(result_of("isolated.pid"));
  ASSERT_TRUE(lives(process));

  EXPECT_TRUE(stopped());
  worker_.reset();

  EXPECT_TRUE(eventually([process] { return !lives(process); }));
}

TEST_F(IsolatedTest, ProgramThatDoesNotKeepTheProtocolIsACrash) {
  isolated_.command.program = RWP_UNRULY_CHILD;
  isolated_.command.arguments = {"flood"};
  start({"isolated.echo"});

  expect_crashed(run_one("isolated.echo"), Errc::internal);
}

TEST_F(IsolatedTest, ProgramThatIsNotThereIsTriedAgain) {
  isolated_.command.program = "/nowhere/program";
  handler_.backoff.base = 1h;
  handler_.backoff.cap = 1h;
  start({"isolated.echo"});

  const jobs::Job job = until(submit("isolated.echo"), [](const jobs::Job& seen) {
    return seen.state == JobState::scheduled;
  });

  ASSERT_EQ(job.errors.size(), 1U);
  EXPECT_EQ(job.errors.front().code, "unavailable");
}

TEST_F(IsolatedTest, AnyLanguageCanBeAChild) {
  isolated_.command.program = RWP_PYTHON_CHILD;
  start({"isolated.words"});

  const tests::TemporaryDirectory directory;
  const std::string seen = (directory.path() / "seen").string();
  const Uuid id =
      submit("isolated.words", R"({"text":"four words of text","ends_with":")" + seen + R"("})");
  const jobs::Job running =
      until(id, [](const jobs::Job& job) { return !job.progress_note.empty(); });
  EXPECT_EQ(running.state, JobState::running);
  EXPECT_EQ(running.progress_note, "half");
  EXPECT_EQ(running.progress, 0.5);

  std::ofstream(seen).close();

  EXPECT_EQ(result_of(ended(id)), R"({"words":4})");
}

TEST_F(IsolatedTest, NeighboursOfCrashesSucceed) {
  start({"isolated.crash", "isolated.echo"});
  std::vector<Uuid> good;
  std::vector<Uuid> bad;
  for (int i = 0; i < 24; ++i) {
    if (i % 4 == 0) bad.push_back(submit("isolated.crash"));
    good.push_back(submit("isolated.echo", std::to_string(i)));
  }

  for (const Uuid id : good) EXPECT_EQ(ended(id).state, JobState::succeeded);
  for (const Uuid id : bad) EXPECT_EQ(ended(id).end_reason, EndReason::crashed);
}

TEST_F(IsolatedTest, KilledWorkerLeavesNoChildBehind) {
  tests::ChildProcess process({RWP_ISOLATED_WORKER, RWP_ISOLATED_CHILD});
  const auto line = process.read_line();
  ASSERT_TRUE(line.has_value());
  const int child = std::stoi(*line);
  ASSERT_TRUE(lives(child));

  process.kill();

  EXPECT_TRUE(eventually([child] { return !lives(child); }));
}

}  // namespace
}  // namespace rwp
