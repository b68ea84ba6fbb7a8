// Several processes on one database, of which some are killed or stopped.

#include <csignal>
#include <map>
#include <set>
#include <support/child_process.hpp>
#include <support/postgres_fixture.hpp>
#include <thread>

namespace rwp::tests {
namespace {

using namespace std::chrono_literals;
using jobs::JobState;

class PostgresProcessesTest : public PostgresTest {
 protected:
  std::vector<std::string> process(std::vector<std::string> arguments) const {
    arguments.insert(arguments.begin(), {RWP_JOB_PROCESS, url()});
    return arguments;
  }
};

TEST_F(PostgresProcessesTest, JobOfAKilledProcessRunsAgainWhenItsLeaseHasLapsed) {
  auto store = open();
  const Uuid id = wait(store->insert({{.kind = "k"}})).value()[0]->id;
  ChildProcess holder(process({"hold", "1000"}));
  ASSERT_EQ(holder.read_line(), "holding " + id.to_string());

  holder.kill();
  const auto deadline = std::chrono::steady_clock::now() + kGuard;
  while (wait(store->rescue())->leases == 0) {
    ASSERT_LT(std::chrono::steady_clock::now(), deadline);
    std::this_thread::sleep_for(20ms);
  }

  const auto again = wait(store->claim(claim_of(1))).value();
  ASSERT_EQ(again.size(), 1U);
  EXPECT_EQ(again[0].run.id, id);
  EXPECT_EQ(again[0].attempt, 0) << "a death burns no attempt";
}

TEST_F(PostgresProcessesTest, AProcessStoppedPastItsLeaseIsRefusedWhenItGoesOn) {
  auto store = open();
  const Uuid id = wait(store->insert({{.kind = "k"}})).value()[0]->id;
  ChildProcess zombie(process({"hold", "1000"}));
  ASSERT_EQ(zombie.read_line(), "holding " + id.to_string());

  zombie.signal(SIGSTOP);
  const auto deadline = std::chrono::steady_clock::now() + kGuard;
  while (wait(store->rescue())->leases == 0) {
    ASSERT_LT(std::chrono::steady_clock::now(), deadline);
    std::this_thread::sleep_for(20ms);
  }
  const auto again = wait(store->claim(claim_of(1))).value();
  ASSERT_EQ(again.size(), 1U);
  zombie.signal(SIGCONT);

  for (const char* what : {"extend", "start", "progress", "finish"}) {
    zombie.write_line(what);
    EXPECT_EQ(zombie.read_line(), "conflict") << what;
  }
  EXPECT_EQ(
      wait(store->finish({{.run = again[0].run, .outcome = jobs::Succeed{}}})).value()[0].value(),
      JobState::succeeded);
  EXPECT_EQ(sql("SELECT count(*) FROM rwp.job"), "1") << "no child of a zombie";
}

TEST_F(PostgresProcessesTest, ASubmitterKilledInTheMiddleLosesNoneThatItWasAnswered) {
  auto store = open();
  std::set<std::string> answered;
  {
    ChildProcess submitter(process({"submit", "0", "50"}));
    for (int i = 0; i < 300; ++i) answered.insert(submitter.read_line().value());
    submitter.kill();
    for (std::string& line : submitter.read_rest()) {
      // The last may be cut short.
      if (line.size() == 36) answered.insert(std::move(line));
    }
  }

  std::vector<Uuid> ids;
  for (const std::string& id : answered) ids.push_back(Uuid::parse(id).value());
  for (const auto& job : wait(store->get(ids)).value()) ASSERT_TRUE(job.has_value());
}

TEST_F(PostgresProcessesTest, WorkersThatAreKilledAndReplacedEndEachJobOnce) {
  auto store = open();
  constexpr std::size_t kJobs = 3'000;
  ASSERT_TRUE(wait(store->insert(std::vector<jobs::NewJob>(kJobs, {.kind = "k"}))).has_value());
  std::map<std::string, int> done;
  const auto note = [&](ChildProcess& worker) {
    while (auto line = worker.read_line(0ms)) ++done[*line];
  };

  for (int round = 0; round < 3; ++round) {
    ChildProcess worker(process({"work"}));
    for (int i = 0; i < 200; ++i) {
      if (auto line = worker.read_line()) ++done[*line];
    }
    worker.kill();
    note(worker);
  }
  ChildProcess one(process({"work"}));
  ChildProcess other(process({"work"}));
  const auto deadline = std::chrono::steady_clock::now() + 60s;
  while (sql("SELECT count(*) FROM rwp.ended") != std::to_string(kJobs)) {
    note(one);
    note(other);
    ASSERT_LT(std::chrono::steady_clock::now(), deadline);
    std::this_thread::sleep_for(10ms);
  }
  one.close_input();
  other.close_input();
  for (ChildProcess* worker : {&one, &other}) {
    for (const std::string& line : worker->read_rest()) ++done[line];
  }

  for (const auto& [line, times] : done) EXPECT_EQ(times, 1) << line;
  EXPECT_EQ(sql("SELECT count(*) FROM rwp.ended WHERE state = 4"), std::to_string(kJobs));
}

TEST_F(PostgresProcessesTest, ClocksAnHourOffRunNothingEarlyLateOrTwice) {
  auto store = open();
  // Held here: it would have lapsed long ago by a clock an hour ahead.
  ASSERT_TRUE(wait(store->insert({{.kind = "k"}})).has_value());
  const auto held = wait(store->claim(claim_of(1, 10min))).value();
  ASSERT_EQ(held.size(), 1U);
  const Uuid later = wait(store->insert({{.kind = "k", .delay = 30min}})).value()[0]->id;
  const auto off_by = [&](const char* seconds, std::vector<std::string> arguments) {
    auto command = process(std::move(arguments));
    const std::string shift = std::string("RWP_TEST_CLOCK_SHIFT=") + seconds;
    command.insert(command.begin(), {"/usr/bin/env", shift});
    return command;
  };
  std::vector<long> clocks;
  std::size_t submitted = 0;
  for (const char* seconds : {"3600", "-3600"}) {
    ChildProcess clock(off_by(seconds, {"clock"}));
    clocks.push_back(std::stol(clock.read_line().value()));
    ChildProcess submitter(off_by(seconds, {"submit", "100", "50"}));
    submitted += submitter.read_rest().size();
  }
  ASSERT_GT(clocks[0] - clocks[1], 7'000);
  ASSERT_EQ(submitted, 200U);
  (void)wait(store->insert({{.kind = "k", .delay = 1s}}));

  std::map<std::string, int> done;
  {
    ChildProcess ahead(off_by("3600", {"work"}));
    ChildProcess behind(off_by("-3600", {"work"}));
    const auto deadline = std::chrono::steady_clock::now() + 60s;
    while (sql("SELECT count(*) FROM rwp.ended") != "201") {
      ASSERT_LT(std::chrono::steady_clock::now(), deadline);
      std::this_thread::sleep_for(10ms);
    }
    for (ChildProcess* worker : {&ahead, &behind}) {
      worker->close_input();
      for (const std::string& line : worker->read_rest()) ++done[line];
    }
  }

  for (const auto& [line, times] : done) EXPECT_EQ(times, 1) << line;
  EXPECT_EQ(wait(store->get({later})).value()[0]->state, JobState::scheduled);
  EXPECT_EQ(sql("SELECT count(*) FROM rwp.job WHERE abs(created_at - rwp.now_ms()) > 600000"), "0")
      << "jobs bear the server's time";
  EXPECT_EQ(
      wait(store->finish({{.run = held[0].run, .outcome = jobs::Succeed{}}})).value()[0].value(),
      JobState::succeeded)
      << "its lease was taken away early";
}

}  // namespace
}  // namespace rwp::tests
