// Several processes on one tiered store, of which some are killed or stopped. Redis' own clock
// judges leases here.

#include "support/child_process.hpp"
#include "support/tiered_fixture.hpp"

#include <csignal>

namespace rwp::tests {
namespace {

using namespace std::chrono_literals;
using jobs::JobState;

class TieredProcessesTest : public PostgresTest {
 protected:
  std::vector<std::string> process(std::vector<std::string> arguments) const {
    arguments.insert(arguments.begin(), {RWP_JOB_PROCESS, tiered()});
    return arguments;
  }
  std::string tiered() const {
    return "tiered:" + url() + "," + redis_.url() + "?look_every=500ms";
  }

  std::shared_ptr<jobs::JobStore> open_here() {
    jobs_tiered::TieredOptions options;
    options.look_every = 500ms;
    auto record = jobs_postgres::open_postgres_record(runtime_, Url::parse(url()).value(),
                                                      jobs_postgres::PostgresOptions());
    return jobs_tiered::open_tiered_job_store(runtime_, std::move(record.value()),
                                              Url::parse(redis_.url()).value(), options)
        .value();
  }
  std::vector<jobs::ClaimedJob> claim_again(jobs::JobStore& store) {
    const auto deadline = std::chrono::steady_clock::now() + 60s;
    while (std::chrono::steady_clock::now() < deadline) {
      (void)wait(store.rescue());
      auto claimed = wait(store.claim(claim_of(1)));
      if (claimed && !claimed->empty()) return std::move(*claimed);
      std::this_thread::sleep_for(20ms);
    }
    return {};
  }
  bool ends(std::size_t jobs) {
    const auto deadline = std::chrono::steady_clock::now() + 90s;
    while (sql("SELECT count(*) FROM rwp.ended") != std::to_string(jobs)) {
      if (std::chrono::steady_clock::now() > deadline) return false;
      std::this_thread::sleep_for(20ms);
    }
    return true;
  }

  RedisServer redis_;
};

TEST_F(TieredProcessesTest, AProcessStoppedPastItsLeaseIsRefusedWhenItGoesOn) {
  auto store = open_here();
  const Uuid id = wait(store->insert({{.kind = "k"}})).value()[0]->id;
  ChildProcess zombie(process({"hold", "1000"}));
  ASSERT_EQ(zombie.read_line(), "holding " + id.to_string());

  zombie.signal(SIGSTOP);
  const auto again = claim_again(*store);
  ASSERT_EQ(again.size(), 1U);
  EXPECT_EQ(again[0].run.id, id);
  EXPECT_EQ(again[0].attempt, 0) << "a death burns no attempt";
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

TEST_F(TieredProcessesTest, ASubmitterKilledInTheMiddleLosesNoneThatItWasAnswered) {
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
  const std::size_t recorded = std::stoul(sql("SELECT count(*) FROM rwp.job"));
  ChildProcess worker(process({"work"}));

  ASSERT_TRUE(ends(recorded)) << "what was recorded and not pushed is handed out all the same";
  for (const std::string& id : answered) {
    ASSERT_EQ(sql("SELECT state FROM rwp.ended WHERE id = '" + id + "'"), "4");
  }
}

TEST_F(TieredProcessesTest, KilledWorkersAndReconcilersEndEachJobOnce) {
  constexpr std::size_t kJobs = 2'000;
  std::map<std::string, int> done;
  const auto note = [&](ChildProcess& worker) {
    while (auto line = worker.read_line(0ms)) ++done[*line];
  };
  {
    ChildProcess submitter(process({"submit", std::to_string(kJobs), "100"}));
    submitter.close_input();
    ASSERT_EQ(submitter.read_rest().size(), kJobs);
  }
  // Each is the one that reconciles, too, for as long as it lives.
  for (int round = 0; round < 3; ++round) {
    ChildProcess worker(process({"work"}));
    for (int i = 0; i < 100; ++i) {
      if (auto line = worker.read_line()) ++done[*line];
    }
    worker.kill();
    note(worker);
  }
  ChildProcess one(process({"work"}));
  ChildProcess other(process({"work"}));
  ASSERT_TRUE(ends(kJobs));
  for (ChildProcess* worker : {&one, &other}) {
    worker->close_input();
    for (const std::string& line : worker->read_rest()) ++done[line];
  }

  for (const auto& [line, times] : done) EXPECT_EQ(times, 1) << line;
  EXPECT_EQ(sql("SELECT count(*) FROM rwp.ended WHERE state = 4"), std::to_string(kJobs));
  EXPECT_EQ(sql("SELECT count(*) FROM rwp.running"), "0");
}

TEST_F(TieredProcessesTest, ClocksAnHourOffRunNothingEarlyLateOrTwice) {
  auto store = open_here();
  ASSERT_TRUE(wait(store->insert({{.kind = "k"}})).has_value());
  // Held here: it would have lapsed long ago by a clock an hour ahead.
  const auto held = wait(store->claim(claim_of(1, 10min))).value();
  ASSERT_EQ(held.size(), 1U);
  const Uuid later = wait(store->insert({{.kind = "k", .delay = 30min}})).value()[0]->id;
  const auto off_by = [&](const char* seconds, std::vector<std::string> arguments) {
    auto command = process(std::move(arguments));
    const std::string shift = std::string("RWP_TEST_CLOCK_SHIFT=") + seconds;
    command.insert(command.begin(), {"/usr/bin/env", shift});
    return command;
  };
  for (const char* seconds : {"3600", "-3600"}) {
    ChildProcess submitter(off_by(seconds, {"submit", "100", "50"}));
    ASSERT_EQ(submitter.read_rest().size(), 100U);
  }

  std::map<std::string, int> done;
  {
    ChildProcess ahead(off_by("3600", {"work"}));
    ChildProcess behind(off_by("-3600", {"work"}));
    ASSERT_TRUE(ends(200));
    for (ChildProcess* worker : {&ahead, &behind}) {
      worker->close_input();
      for (const std::string& line : worker->read_rest()) ++done[line];
    }
  }

  for (const auto& [line, times] : done) EXPECT_EQ(times, 1) << line;
  EXPECT_EQ(wait(store->get({later})).value()[0]->state, JobState::scheduled);
  EXPECT_EQ(
      wait(store->finish({{.run = held[0].run, .outcome = jobs::Succeed{}}})).value()[0].value(),
      JobState::succeeded)
      << "its lease was taken away early";
}

}  // namespace
}  // namespace rwp::tests
