// What waits beyond the window, and is taken from the record itself by those who want many.

#include "support/cutting_proxy.hpp"
#include "support/tiered_fixture.hpp"

#include <future>

namespace rwp::tests {
namespace {

using namespace std::chrono_literals;
using jobs::ClaimedJob;
using jobs::JobState;

constexpr std::size_t kWindow = 100;
constexpr std::size_t kJobs = 1'000;

class TieredBacklogTest : public TieredTest {
 protected:
  void SetUp() override {
    const std::string through_proxy =
        "postgres://rwp@127.0.0.1:" + std::to_string(to_record_.port()) + "/" + database_;
    jobs_postgres::PostgresOptions keeping;
    keeping.clock = clock_;
    auto record =
        jobs_postgres::open_postgres_record(runtime_, Url::parse(through_proxy).value(), keeping)
            .value();
    jobs_tiered::TieredOptions options;
    options.clock = clock_;
    options.window_jobs = kWindow;
    options.metrics = metrics_;
    store_ = jobs_tiered::open_tiered_job_store(runtime_, std::move(record),
                                                Url::parse(redis_.url()).value(), options)
                 .value();
    // By the clock that stands, so are the ids.
    for (const auto& answer :
         wait(store_->insert(std::vector<jobs::NewJob>(kJobs, jobs::NewJob{.kind = "k"})))
             .value()) {
      acknowledged_.insert(answer.value().id);
    }
    // The window is full, and known to be one of several.
    ASSERT_TRUE(eventually([&] {
      return redis_.cli("HLEN rwp:{jobs}:q") == std::to_string(kWindow) &&
             redis_.cli("SCARD rwp:{jobs}:k") == "1";
    }));
  }

  std::vector<ClaimedJob> claim(std::size_t limit) {
    auto request = claim_of(limit);
    request.lease = kLease;
    return wait(store_->claim(std::move(request))).value();
  }
  std::vector<ClaimedJob> claim_all() {
    std::vector<ClaimedJob> all;
    EXPECT_TRUE(eventually([&] {
      for (ClaimedJob& job : claim(kJobs)) all.push_back(std::move(job));
      return all.size() >= kJobs;
    }));
    return all;
  }
  std::size_t taken_directly() const {
    return std::stoul(sql("SELECT count(*) FROM rwp.running WHERE holder <> -1"));
  }

  CuttingProxy to_record_{server().port()};
  RedisServer redis_;
  std::shared_ptr<jobs::JobStore> store_;
};

TEST_F(TieredBacklogTest, RedisHoldsTheWindowWhateverWaits) {
  const auto used = [&] {
    const std::string info = redis_.cli("INFO memory");
    return std::stoull(info.substr(info.find("used_memory:") + 12));
  };
  const std::string payload = "\"" + std::string(1'000, 'p') + "\"";
  jobs::NewJob job{.kind = "k"};
  job.payload = JsonText::trusted(payload);
  const auto before = used();

  for (int batch = 0; batch < 20; ++batch) {
    ASSERT_TRUE(wait(store_->insert(std::vector<jobs::NewJob>(1'000, job))).has_value());
    EXPECT_LE(std::stoul(redis_.cli("HLEN rwp:{jobs}:q")), kWindow);
  }

  EXPECT_LT(used(), before + 4'000'000) << "20 MB of payload wait";
  EXPECT_EQ(sql("SELECT count(*) FROM rwp.ready"), std::to_string(21 * kJobs - kWindow));
}

TEST_F(TieredBacklogTest, AClaimOfManyTakesWhatTheWindowHasAndTheBacklogFromTheRecord) {
  auto claimed = claim_all();

  EXPECT_GT(taken_directly(), kJobs / 2);
  EXPECT_LT(taken_directly(), kJobs) << "the window's jobs were claimed there";
  std::vector<jobs::Completion> completions;
  for (const ClaimedJob& job : claimed) {
    EXPECT_EQ(acknowledged_.count(job.run.id), 1U);
    EXPECT_EQ(job.kind, "k");
    completions.push_back({.run = job.run, .outcome = jobs::Succeed{}});
  }
  for (const auto& answer : wait(store_->finish(completions)).value()) {
    EXPECT_EQ(answer.value(), JobState::succeeded);
  }
  expect_each_once();
  EXPECT_EQ(sql("SELECT count(*) FROM rwp.ended WHERE started_at <= 0"), "0");
  EXPECT_TRUE(eventually([&] { return redis_.cli("HLEN rwp:{jobs}:l") == "0"; }));
}

TEST_F(TieredBacklogTest, MetricsShowTheWindowTheTicketsAndWhatWasTakenDirectly) {
  EXPECT_EQ(shown("rwp_tiered_open"), 1);
  // Redis has it before its answer is read here.
  EXPECT_TRUE(eventually([&] {
    return shown("rwp_tiered_window_jobs") == kWindow &&
           shown("rwp_tiered_window_bytes") > kWindow &&
           shown("rwp_tiered_tickets_total{outcome=\"pushed\"}") >= kWindow &&
           shown("rwp_tiered_tickets_total{outcome=\"full\"}") > 0;
  })) << metrics_->expose();

  claim_all();

  EXPECT_EQ(shown("rwp_tiered_taken_directly_total"), static_cast<double>(taken_directly()));
  EXPECT_GT(shown("rwp_tiered_claim_seconds_count"), 0);
  EXPECT_GT(shown("rwp_tiered_dispatch_round_trips_total{call=\"claim\"}"), 0);
  EXPECT_NE(metrics_->expose().find("rwp_redis_round_trips_total{"), std::string::npos);
}

TEST_F(TieredBacklogTest, AClaimOfFewLeavesTheBacklogToTheWindow) {
  std::size_t claimed = 0;
  EXPECT_TRUE(eventually([&] {
    claimed += claim(kWindow / 2).size();
    return claimed == kJobs;
  }));

  EXPECT_EQ(taken_directly(), 0U);
}

jobs::Awaitable<void> claim_and_forget(std::shared_ptr<jobs::JobStore> store,
                                       jobs::ClaimRequest request) {
  (void)co_await store->claim(std::move(request));
}

TEST_F(TieredBacklogTest, AClaimThatIsCancelledWhileTheRecordIsAskedLeavesNoMarks) {
  // So that the length of the lease is known in the record.
  ASSERT_EQ(claim(1).size(), 1U);
  to_record_.hold(true);
  auto request = claim_of(kJobs);
  request.lease = kLease;
  std::promise<void> ended;
  Task claiming;
  post(runtime_.executor(), [&] {
    claiming = Task(runtime_.executor(), claim_and_forget(store_, request),
                    [&](std::exception_ptr) { ended.set_value(); });
  });
  ASSERT_TRUE(eventually([&] { return std::stoul(redis_.cli("HLEN rwp:{jobs}:l")) > 1; }));
  post(runtime_.executor(), [&] { claiming.cancel(); });
  ended.get_future().get();
  to_record_.hold(false);

  ASSERT_TRUE(eventually([&] {
    (void)wait(store_->rescue());
    return redis_.cli("HLEN rwp:{jobs}:l") == "1" && taken_directly() == 0;
  }));
  EXPECT_EQ(sql("SELECT sum(marks) FROM (SELECT marks FROM rwp.ready UNION ALL"
                " SELECT marks FROM rwp.running) m"),
            "0");
}

TEST_F(TieredBacklogTest, ALeaseOfWhatWasTakenDirectlyIsHeldByHeartbeatsAndLapsesWithoutThem) {
  auto claimed = claim_all();
  const auto own = std::find_if(claimed.begin(), claimed.end(), [&](const ClaimedJob& job) {
    return sql("SELECT holder <> -1 FROM rwp.running WHERE id = '" + job.run.id.to_string() +
               "'") == "t";
  });
  ASSERT_NE(own, claimed.end());

  EXPECT_EQ(wait(store_->cancel({own->run.id})).value()[0].value(), jobs::CancelOutcome::requested);
  clock_->pass(kLease * 2 / 3);
  EXPECT_TRUE(wait(store_->extend({own->run}, kLease)).value()[0]->cancel_requested);
  clock_->pass(kLease * 2 / 3);
  EXPECT_TRUE(wait(store_->mark_started({own->run})).value()[0].has_value()) << "it was extended";
  clock_->pass(kLease + 1ms);
  EXPECT_TRUE(eventually([&] {
    (void)wait(store_->rescue());
    return !wait(store_->extend({own->run}, kLease)).value()[0].has_value();
  }));

  const auto late = wait(store_->finish({{.run = own->run, .outcome = jobs::Succeed{}}}));
  EXPECT_EQ(late.value()[0].error().code(), Errc::conflict);
  EXPECT_EQ(wait(store_->get({own->run.id})).value()[0]->state, JobState::cancelled);
}

}  // namespace
}  // namespace rwp::tests
