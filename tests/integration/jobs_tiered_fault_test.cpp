// What breaks between the tiered store and its servers, brought about for real. After each fault:
// what was acknowledged has an outcome, each job one, and nothing that still ran was run again.

#include "support/cutting_proxy.hpp"
#include "support/postgres_pair.hpp"
#include "support/tablespace_disk.hpp"
#include "support/tiered_fixture.hpp"
#include <rwp/core/scheme_registry.hpp>

#include <csignal>
#include <future>
#include <optional>
#include <utility>

namespace rwp::tests {
namespace {

using namespace std::chrono_literals;

#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
constexpr std::size_t kMany = 4'000;
#else
constexpr std::size_t kMany = 50'000;
#endif
constexpr std::size_t kSome = 2'000;
constexpr std::size_t kSlow = 8;

class TieredFaultTest : public TieredTest {
 protected:
  void SetUp() override {
    store_ = open_tiered(url(), redis_.url());
    other_ = open_tiered(url(), redis_.url());
  }

  /// Slow jobs run on both workers, quick ones wait.
  void begin(std::size_t quick) {
    submit(*store_, "slow", kSlow);
    first_ = work(store_);
    ASSERT_TRUE(eventually([&] { return runs_.active() >= kSlow; }));
    submit(*other_, "k", quick);
    second_ = work(other_);
    ASSERT_TRUE(eventually([&] { return runs_.begun() >= kSlow + quick / 20; }));
  }
  void end() {
    work_off(other_, {&first_, &second_});
    first_.reset();
    second_.reset();
    expect_each_once();
  }

  void work_off_slow() {
    runs_.release();
    ASSERT_TRUE(eventually([&] { return ended() == kSlow; }));
  }

  RedisServer redis_;
  std::shared_ptr<jobs::JobStore> store_;
  std::shared_ptr<jobs::JobStore> other_;
  std::unique_ptr<jobs::Worker> first_;
  std::unique_ptr<jobs::Worker> second_;
};

TEST_F(TieredFaultTest, AFlushedRedisWithManyJobsQueuedLosesNoneAndRunsNoneTwice) {
  begin(kMany);

  ASSERT_EQ(redis_.cli("FLUSHALL"), "OK");
  let_it_be_opened(redis_, kSlow);

  end();
  EXPECT_GT(shown("rwp_tiered_reconciler_finds_total"), 0);
}

TEST_F(TieredFaultTest, ARedisRestartedWithoutItsFileLosesNoneAndRunsNoneTwice) {
  begin(kSome);

  redis_.kill();
  redis_.start();
  let_it_be_opened(redis_, kSlow);

  end();
}

TEST_F(TieredFaultTest, ARedisRestartedWithItsFileLosesNoneAndRunsNoneTwice) {
  begin(kSome);

  redis_.cli("SHUTDOWN SAVE");
  redis_.kill();
  redis_.start();
  let_it_be_opened(redis_, kSlow);

  end();
}

TEST_F(TieredFaultTest, ARedisWhoseMemoryIsUsedUpLosesNoneAndRunsNoneTwice) {
  begin(kSome);

  // Each write is refused from here on; ends are recorded all the same.
  ASSERT_EQ(redis_.cli("CONFIG SET maxmemory 1"), "OK");
  submit(*store_, "k", 200);
  runs_.release();
  EXPECT_TRUE(eventually([&] { return ended() >= kSlow && runs_.active() == 0; }));
  ASSERT_EQ(redis_.cli("CONFIG SET maxmemory 0"), "OK");

  end();
}

TEST_F(TieredFaultTest, WhatSqlSubmitsIsHandedOut) {
  first_ = work(store_);
  acknowledged_.insert(Uuid::parse(sql("SELECT rwp.enqueue('k', '{}')")).value());
  sql("SELECT rwp.wake()");

  EXPECT_TRUE(eventually([&] { return ended() == 1; }));

  end();
}

TEST_F(TieredFaultTest, ARedisThatGoesBackToAnOlderFileRunsNothingTwice) {
  submit(*store_, "slow", kSlow / 2);
  first_ = work(store_);
  ASSERT_TRUE(eventually([&] { return runs_.active() >= kSlow / 2; }));
  // In the file, the other slow jobs wait, and so do the quick ones.
  first_->stop();
  submit(*store_, "k", kSome);
  ASSERT_EQ(redis_.cli("SAVE"), "OK");
  first_ = work(store_);
  second_ = work(other_);
  submit(*store_, "slow", kSlow / 2);
  ASSERT_TRUE(eventually([&] { return runs_.begun() >= kSome / 2; }));

  redis_.kill();
  redis_.start();
  let_it_be_opened(redis_, runs_.tokens().size());

  end();
}

TEST_F(TieredFaultTest, WhileRedisIsAwayWhatRunsEndsAndWhatIsSubmittedWaits) {
  begin(kSome);
  redis_.stop();
  submit(*store_, "k", 100);
  runs_.release();

  // The outcomes of what ran are recorded; nothing new starts.
  ASSERT_TRUE(eventually([&] { return runs_.active() == 0; }));
  const std::size_t begun = runs_.begun();
  redis_.start();
  EXPECT_EQ(runs_.begun(), begun);
  let_it_be_opened(redis_, 0);

  end();
}

TEST_F(TieredFaultTest, RestartsOfPostgresqlLoseNothingAndRunNothingTwice) {
  begin(kSome);

  for (const int signal : {SIGINT, SIGQUIT}) {
    server().restart(signal);
    submit(*store_, "k", 200);
  }

  end();
}

TEST_F(TieredFaultTest, ASwitchToPostgresqlAndBackLeavesWhatRunsToItsWorker) {
  submit(*store_, "slow", kSlow);
  first_ = work(store_);
  ASSERT_TRUE(eventually([&] { return runs_.active() >= kSlow; }));
  const auto record = jobs_postgres::open_postgres_record(runtime_, Url::parse(url()).value(),
                                                          jobs_postgres::PostgresOptions())
                          .value();

  ASSERT_TRUE(wait(record->set_dispatch_mode(jobs::DispatchMode::record, 60s)).has_value());
  EXPECT_EQ(sql("SELECT count(*) FROM rwp.running WHERE holder = 0"), std::to_string(kSlow));
  ASSERT_TRUE(wait(record->set_dispatch_mode(jobs::DispatchMode::dispatch, 60s)).has_value());

  // No lease in the record is left that nobody would extend.
  EXPECT_EQ(sql("SELECT count(*) FROM rwp.running WHERE holder = -1"), std::to_string(kSlow));
  let_it_be_opened(redis_, kSlow);
  end();
}

TEST_F(TieredFaultTest, SwitchesUnderLoadLoseNothingAndRunNothingTwice) {
  const auto record = jobs_postgres::open_postgres_record(runtime_, Url::parse(url()).value(),
                                                          jobs_postgres::PostgresOptions())
                          .value();
  begin(kSome);

  for (int i = 0; i < 3; ++i) {
    ASSERT_TRUE(wait(record->set_dispatch_mode(jobs::DispatchMode::record, 60s)).has_value());
    submit(*store_, "k", 50);
    ASSERT_TRUE(wait(record->set_dispatch_mode(jobs::DispatchMode::dispatch, 60s)).has_value());
    submit(*other_, "k", 50);
  }
  let_it_be_opened(redis_, kSlow);

  end();
}

TEST_F(TieredFaultTest, LeasesThatASwitchBackLeftInTheRecordAreHandedOutByTheLeader) {
  submit(*store_, "slow", kSlow);
  first_ = work(store_);
  ASSERT_TRUE(eventually([&] { return runs_.active() >= kSlow; }));

  // As a rescue leaves them that began before the switch back: soon they lapse.
  sql("UPDATE rwp.running SET holder = 0, lease_ms = 1, lease_until = 1");

  ASSERT_TRUE(eventually([&] {
    (void)wait(other_->rescue());
    return sql("SELECT count(*) FROM rwp.running WHERE holder = -1") == std::to_string(kSlow);
  }));
  end();
}

class TieredProxyTest : public TieredFaultTest {
 protected:
  void SetUp() override {
    store_ = open_tiered(
        "postgres://rwp@127.0.0.1:" + std::to_string(to_postgres_.port()) + "/" + database_,
        "redis://127.0.0.1:" + std::to_string(to_redis_.port()));
    other_ = open_tiered(url(), redis_.url());
  }

  CuttingProxy to_postgres_{server().port()};
  CuttingProxy to_redis_{redis_.port()};
};

TEST_F(TieredProxyTest, ConnectionsCutAtAnyByteLoseNothingAndRunNothingTwice) {
  begin(kSome);

  for (const std::size_t bytes : {41'011U, 30'011U}) {
    for (CuttingProxy* proxy : {&to_redis_, &to_postgres_}) {
      const std::size_t before = proxy->cuts();
      proxy->cut_after(bytes);
      do submit(*store_, "k", 50);
      while (proxy->cuts() == before);
      proxy->cut_after(0);
    }
  }

  end();
}

TEST_F(TieredProxyTest, AnswersThatAreLostAfterTheirEffectLoseNothing) {
  for (int i = 0; i < 3; ++i) {
    to_postgres_.lose_next_answer();
    submit(*store_, "k", 20);
    to_redis_.lose_next_answer();
    submit(*store_, "k", 20);
    ASSERT_TRUE(eventually([&] { return to_redis_.has_lost_answer(); }));
  }
  first_ = work(store_);
  to_redis_.lose_next_answer();
  submit(*store_, "k", 20);

  end();
}

TEST_F(TieredProxyTest, TicketsThatTheRecordCannotBeAskedAboutGoBackUnmarked) {
  auto to_record = std::make_unique<CuttingProxy>(server().port());
  const auto store =
      open_tiered("postgres://rwp@127.0.0.1:" + std::to_string(to_record->port()) + "/" + database_,
                  redis_.url(), 5s);
  // The length of the lease is noted in the record before the first claim with it.
  ASSERT_TRUE(wait(store->claim(claim_of(1, kLease))).has_value());
  // Too large for a ticket, so that the record is asked; the others are leased with it.
  jobs::NewJob large{.kind = "k"};
  large.payload = JsonText::trusted("\"" + std::string(40'000, 'x') + "\"");
  ASSERT_TRUE(wait(store->insert({{.kind = "k"}, large, {.kind = "k"}})).has_value());
  // A store that has not yet heard that Redis is open leaves them to the leader.
  ASSERT_TRUE(eventually([&] { return redis_.cli("HLEN rwp:{jobs}:q") == "3"; }));

  to_record.reset();
  EXPECT_FALSE(wait(store->claim(claim_of(10, kLease))).has_value());

  ASSERT_EQ(redis_.cli("HLEN rwp:{jobs}:l"), "3");
  EXPECT_EQ(wait(other_->rescue()).value().leases, 3U);
  EXPECT_EQ(sql("SELECT sum(marks) FROM (SELECT marks FROM rwp.ready UNION ALL"
                " SELECT marks FROM rwp.running) m"),
            "0");
}

TEST_F(TieredFaultTest, AJobOfAWorkerThatWaitsIsLeasedByItsSubmitAndRedisKnowsNothing) {
  const auto finish_all = [&](std::vector<jobs::ClaimedJob> claimed) {
    std::vector<jobs::Completion> completions;
    for (const auto& job : claimed)
      completions.push_back({.run = job.run, .outcome = jobs::Succeed{}});
    for (const auto& answer : wait(store_->finish(std::move(completions))).value()) {
      EXPECT_TRUE(answer.has_value());
    }
  };
  std::vector<jobs::ClaimedJob> claimed;
  // Until the wait has begun before the submit, for which it is given more time with each try.
  auto head_start = 1ms;
  ASSERT_TRUE(eventually([&] {
    auto waiting = std::async(std::launch::async, [&] {
      return wait(store_->wait_for_work(claim_of(1), std::chrono::steady_clock::now() + 2s));
    });
    std::this_thread::sleep_for(head_start);
    head_start = std::min(2 * head_start, 500ms);
    EXPECT_TRUE(wait(store_->insert({{.kind = "k"}})).has_value());
    EXPECT_TRUE(waiting.get().has_value());
    const bool leased = sql("SELECT count(*) FROM rwp.running WHERE holder > 0") == "1";
    const bool unknown =
        redis_.cli("HLEN rwp:{jobs}:q") == "0" && redis_.cli("HLEN rwp:{jobs}:l") == "0";
    claimed = wait(store_->claim(claim_of(10))).value();
    if (leased && unknown && claimed.size() == 1 && claimed[0].run.handle < 0) return true;
    finish_all(std::exchange(claimed, {}));
    return false;
  }));

  EXPECT_TRUE(claimed[0].started);
  EXPECT_TRUE(wait(store_->extend({claimed[0].run}, kLease)).value()[0].has_value());
  const Uuid id = claimed[0].run.id;
  finish_all(std::move(claimed));
  EXPECT_EQ(wait(store_->get({id})).value()[0]->state, jobs::JobState::succeeded);
}

TEST_F(TieredFaultTest, ASecondDatabaseUnderTheSameNameIsRefusedAndHarmsNothing) {
  begin(kSome);
  const std::string second = database_ + "_second";
  server().create_database(second);
  const auto open_second = [&](const std::string& options) {
    SchemeRegistry registry;
    jobs_postgres::register_postgres(registry);
    jobs_tiered::register_tiered(registry);
    return registry.open<jobs::JobStore>(
        "tiered:" + server().url(second) + "," + redis_.url() + options, runtime_);
  };

  const auto refused = open_second("");

  ASSERT_FALSE(refused.has_value());
  EXPECT_EQ(refused.error().code(), Errc::conflict);
  const auto named = open_second("?name=second");
  ASSERT_TRUE(named.has_value()) << named.error().to_string();
  ASSERT_TRUE(wait((*named)->insert({{.kind = "k"}})).has_value());
  EXPECT_EQ(wait((*named)->claim(claim_of(10))).value().size(), 1U);
  end();
}

class TieredFailoverTest : public TieredFaultTest {
 protected:
  void SetUp() override {
    store_ = open_tiered(pair_.url(), redis_.url());
    other_ = open_tiered(pair_.url(), redis_.url());
  }

  PostgresPair pair_{database_};
};

TEST_F(TieredFailoverTest, APrimaryThatIsLostLosesNothingWhereAStandbyIsSynchronous) {
  record_server_ = &pair_.standby();
  begin(kSome);

  pair_.fail_over();
  submit(*store_, "k", 200);

  end();
}

TEST_F(TieredFaultTest, AFullDiskRefusesSubmitsAndLosesNoEnd) {
  const TemporaryTablespaceDisk disk;
  if (!disk.is_mounted()) GTEST_SKIP() << "may not mount a small disk here";
  PostgresServer small;
  record_server_ = &small;
  small.execute("CREATE TABLESPACE small LOCATION '" + disk.path() + "'");
  small.execute("CREATE DATABASE small_" + database_ + " TABLESPACE small");
  database_ = "small_" + database_;
  RedisServer redis;
  store_ = open_tiered(small.url(database_), redis.url(), 2s);
  submit(*store_, "slow", kSlow);
  first_ = work(store_);
  ASSERT_TRUE(eventually([&] { return runs_.active() == kSlow; }));
  // Of a kind that nobody runs, and nothing that the server could compress.
  std::string digits;
  while (digits.size() < 4'000) digits += Uuid::make_v7().to_string();
  const jobs::NewJob large{.kind = "other", .payload = JsonText::trusted('"' + digits + '"')};
  std::size_t accepted = 0;
  std::optional<Error> refused;
  for (int i = 0; i < 2'000 && !refused; ++i) {
    const auto answers = wait(store_->insert(std::vector<jobs::NewJob>(20, large)));
    if (answers) accepted += answers->size();
    if (!answers) refused = answers.error();
  }

  ASSERT_TRUE(refused.has_value());
  EXPECT_EQ(refused->code(), Errc::unavailable);
  disk.grow();
  work_off_slow();
  first_.reset();
  EXPECT_EQ(sql("SELECT count(*) FROM rwp.ended WHERE state = 4"), std::to_string(kSlow));
  EXPECT_LE(runs_.most_runs_of_a_slow_job(), 1);
  // The last was refused, or accepted and its answer lost.
  EXPECT_GE(std::stoul(sql("SELECT count(*) FROM rwp.job")), accepted + kSlow);
}

/// A master, a replica behind a line that may be cut, and three Sentinels of which two decide.
class TieredSentinelTest : public TieredFaultTest {
 protected:
  void SetUp() override {
    redis_.cli("CONFIG SET repl-diskless-sync-delay 0");
    replica_ = std::make_unique<RedisServer>(
        RedisServer::Options{"--replicaof", "127.0.0.1 " + std::to_string(to_replica_->port())});
    std::string hosts;
    for (auto& sentinel : sentinels_) {
      sentinel = RedisServer::sentinel(redis_.port());
      hosts += (hosts.empty() ? "" : ",") + sentinel->host_and_port();
    }
    for (const auto& sentinel : sentinels_) {
      ASSERT_TRUE(eventually([&] {
        const auto known = sentinel->cli("SENTINEL master mymaster");
        return known.find("num-other-sentinels\n2") != std::string::npos &&
               known.find("num-slaves\n1") != std::string::npos;
      }));
    }
    const std::string url_of_both = "redis-sentinel://" + hosts + "/mymaster";
    store_ = open_tiered(url(), url_of_both);
    other_ = open_tiered(url(), url_of_both);
  }

  std::unique_ptr<CuttingProxy> to_replica_ = std::make_unique<CuttingProxy>(redis_.port());
  std::unique_ptr<RedisServer> replica_;
  std::array<std::unique_ptr<RedisServer>, 3> sentinels_;
};

TEST_F(TieredSentinelTest, AReplicaThatLaggedAndIsPromotedRunsNothingTwice) {
  submit(*store_, "k", kSome);
  ASSERT_TRUE(eventually([&] { return replica_->cli("HLEN rwp:{jobs}:q") != "0"; }));
  // Sentinels promote no replica that has been without its master for ten times this.
  for (const auto& sentinel : sentinels_) {
    ASSERT_EQ(sentinel->cli("SENTINEL SET mymaster down-after-milliseconds 6000"), "OK");
  }
  // From here on the replica hears nothing: for it, none of what follows has been claimed.
  to_replica_.reset();
  submit(*store_, "slow", kSlow);
  first_ = work(store_);
  second_ = work(other_);
  ASSERT_TRUE(eventually([&] { return runs_.begun() >= kSlow + kSome / 4; }));

  redis_.kill();
  ASSERT_TRUE(eventually([&] { return replica_->cli("ROLE").starts_with("master"); }));
  let_it_be_opened(*replica_, kSlow);

  end();
}

}  // namespace
}  // namespace rwp::tests
