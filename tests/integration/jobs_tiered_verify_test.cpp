// What verify() finds in Redis, and what readiness is told of it.

#include "jobs_tiered/dispatch.hpp"
#include "support/tiered_fixture.hpp"
#include <rwp/jobs/verification.hpp>

namespace rwp::tests {
namespace {

using namespace std::chrono_literals;
namespace finding = jobs::finding;

class TieredVerifyTest : public TieredTest {
 protected:
  struct Verified {
    std::map<std::string, std::size_t> findings{};
    std::size_t jobs_to_hand_out = 0;
    std::size_t jobs = 0;
  };

  void SetUp() override {
    // Nobody mends what is planted.
    look_every_ = 10min;
    store_ = open_tiered(url(), redis_.url());
    submit(*store_, "k", 20);
    claimed_ = wait(store_->claim(claim_of(5, kLease))).value();
    ASSERT_EQ(claimed_.size(), 5U);
    ASSERT_TRUE(eventually([&] { return redis_.cli("HLEN rwp:{jobs}:q") == "15"; }));
  }

  Verified verify(std::size_t limit = 1'000) {
    Verified all;
    std::string cursor;
    double share = 0;
    do {
      const auto page = wait(store_->verify(cursor, limit));
      EXPECT_TRUE(page.has_value()) << page.error().to_string();
      if (!page) break;
      for (const auto& one : page->findings) ++all.findings[one.kind];
      all.jobs_to_hand_out += page->jobs_to_hand_out;
      all.jobs += page->jobs;
      EXPECT_GE(page->share, share - 0.001);
      share = page->share;
      cursor = page->next_cursor;
    } while (!cursor.empty());
    EXPECT_NEAR(share, 1, 0.001);
    return all;
  }
  std::size_t found(std::string_view kind) {
    const auto all = verify().findings;
    EXPECT_LE(all.size(), 1U);
    const auto one = all.find(std::string(kind));
    return one == all.end() ? 0 : one->second;
  }
  /// The key of the one window.
  std::string window() { return redis_.cli("KEYS rwp:{jobs}:t:*"); }

  RedisServer redis_;
  std::shared_ptr<jobs::JobStore> store_;
  std::vector<jobs::ClaimedJob> claimed_;
};

TEST_F(TieredVerifyTest, NothingIsFoundWhereTicketsLeasesAndRecordAgree) {
  for (const std::size_t limit : {1U, 7U, 1'000U}) {
    const Verified all = verify(limit);
    EXPECT_TRUE(all.findings.empty()) << all.findings.begin()->first;
    EXPECT_EQ(all.jobs_to_hand_out, 0U);
    EXPECT_EQ(all.jobs, 20U);
  }
  EXPECT_EQ(wait(store_->verify("redis:rubbish-id", 10)).error().code(), Errc::invalid_argument);
}

TEST_F(TieredVerifyTest, TicketsThatNoClaimFindsAreDamage) {
  // Without it, claims take the window for an empty one.
  ASSERT_EQ(redis_.cli("DEL rwp:{jobs}:b"), "1");

  EXPECT_EQ(found(finding::dispatch_damaged), 15U + 1U);
}

TEST_F(TieredVerifyTest, ALeaseWithoutAnEndIsDamage) {
  ASSERT_EQ(redis_.cli("DEL rwp:{jobs}:e"), "1");

  EXPECT_EQ(found(finding::lease_endless), 5U);
}

TEST_F(TieredVerifyTest, TicketsOfJobsThatTheRecordDoesNotHaveAreFound) {
  // As a record that was restored to an earlier state.
  sql("DELETE FROM rwp.job WHERE seq > (SELECT max(seq) - 3 FROM rwp.job)");
  sql("DELETE FROM rwp.running r WHERE NOT EXISTS (SELECT FROM rwp.job j WHERE j.id = r.id)");
  sql("INSERT INTO rwp.tally SELECT lane, 2, -3 FROM rwp.running LIMIT 1");

  EXPECT_EQ(found(finding::ticket_stale), 3U);
}

TEST_F(TieredVerifyTest, JobsThatRedisDoesNotHaveWaitToBeHandedOut) {
  ASSERT_EQ(redis_.cli("DEL rwp:{jobs}:q rwp:{jobs}:b " + window()), "3");

  const Verified all = verify(4);

  EXPECT_TRUE(all.findings.empty());
  EXPECT_EQ(all.jobs_to_hand_out, 15U);
}

TEST_F(TieredVerifyTest, WhetherJobsAreHandedOutIsTold) {
  ASSERT_TRUE(store_->has_dispatch());
  EXPECT_TRUE(wait(store_->hands_out()).has_value());

  ASSERT_EQ(redis_.cli("FLUSHALL"), "OK");
  // Leases may be out, so that it stays closed.
  ASSERT_TRUE(eventually([&] { return !wait(store_->claim(claim_of(1, kLease))).has_value(); }));
  EXPECT_EQ(wait(store_->hands_out()).error().code(), Errc::unavailable);
  EXPECT_FALSE(wait(store_->verify("redis:", 10)).has_value());
  redis_.stop();
  EXPECT_EQ(wait(store_->hands_out()).error().code(), Errc::unavailable);
  EXPECT_TRUE(wait(store_->insert({{.kind = "k"}})).has_value());

  const auto record = jobs_postgres::open_postgres_record(runtime_, Url::parse(url()).value(),
                                                          jobs_postgres::PostgresOptions())
                          .value();
  EXPECT_TRUE(wait(record->hands_out()).has_value());
  ASSERT_TRUE(wait(record->set_dispatch_mode(jobs::DispatchMode::record, 60s)).has_value());
  EXPECT_TRUE(eventually([&] { return wait(store_->hands_out()).has_value(); }));
}

TEST(TieredSettingsTest, WhatRedisIsSetUpToRiskIsToldInTheLog) {
  RedisServer master;
  RedisServer replica(
      RedisServer::Options{"--replicaof", "127.0.0.1 " + std::to_string(master.port())});
  Runtime runtime;
  const auto risks = [&] {
    jobs_tiered::DispatchOptions options;
    options.holder = "holder";
    options.patience = kGuard;
    const auto dispatch =
        jobs_tiered::make_redis_dispatch(runtime, Url::parse(master.url()).value(), options);
    return run(runtime, dispatch.value()->risks()).value();
  };
  const auto deadline = std::chrono::steady_clock::now() + kGuard;
  while (master.cli("INFO replication").find("connected_slaves:1") == std::string::npos) {
    ASSERT_LT(std::chrono::steady_clock::now(), deadline);
    std::this_thread::sleep_for(5ms);
  }
  ASSERT_EQ(master.cli("CONFIG SET maxmemory 1gb maxmemory-policy allkeys-lru"), "OK");

  const auto both = risks();
  ASSERT_EQ(master.cli("CONFIG SET maxmemory-policy noeviction min-replicas-to-write 1"), "OK");
  const auto none = risks();

  ASSERT_EQ(both.size(), 2U);
  EXPECT_NE(both[0].find("noeviction"), std::string::npos);
  EXPECT_NE(both[1].find("min-replicas-to-write"), std::string::npos);
  EXPECT_TRUE(none.empty());
}

}  // namespace
}  // namespace rwp::tests
