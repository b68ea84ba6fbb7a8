#include <rwp/core/async.hpp>
#include <rwp/jobs/client.hpp>

#include <conformance/job_store_conformance.hpp>
#include <future>
#include <thread>

namespace rwp::tests {
namespace {

using namespace std::chrono_literals;
using jobs::JobState;
using jobs::NewJob;

struct Answer {
  int value = 0;
  static constexpr auto describe() { return std::tuple{field("value", &Answer::value)}; }
};

TEST_P(JobStoreConformance, ClientSubmitsLooksAndSteers) {
  Client client(store_);

  const Uuid id = client.submit({.kind = "k"}).value().id;

  EXPECT_EQ(client.get(id)->state, JobState::ready);
  EXPECT_EQ(client.set_priority(id, jobs::Priority::high).value(), JobState::ready);
  EXPECT_EQ(client.list({.kind = "k"})->jobs.size(), 1U);
  ASSERT_TRUE(client.pause("default"));
  EXPECT_TRUE(client.counts()->front().paused);
  ASSERT_TRUE(client.resume("default"));
  EXPECT_EQ(client.cancel(id).value(), jobs::CancelOutcome::cancelled);
  EXPECT_EQ(client.retry(id).value(), JobState::ready);
  EXPECT_EQ(client.cancel_where({.kind = "k"}).value(), 1U);
  EXPECT_EQ(client.retry_where({.kind = "k"}).value(), 1U);
  ASSERT_TRUE(finish(claim_one().run, jobs::Park{.key = "p"}));
  EXPECT_EQ(client.unpark(id, "p", JsonText()).value(), JobState::ready);
  EXPECT_EQ(client.get(Uuid::make_v7(clock_->now())).error().code(), Errc::not_found);
}

TEST_P(JobStoreConformance, ClientSubmitsManyAndABadOneFailsAlone) {
  Client client(store_);

  const auto answers = client.submit_many({{.kind = "k"}, {.kind = "no kind!"}}).value();

  EXPECT_TRUE(answers[0].has_value());
  EXPECT_EQ(answers[1].error().code(), Errc::invalid_argument);
  EXPECT_EQ(client.submit({.kind = "no kind!"}).error().code(), Errc::invalid_argument);
}

TEST_P(JobStoreConformance, ClientWaitsForTheEnd) {
  Client client(store_);
  const Uuid id = client.submit({.kind = "k"}).value().id;
  auto waiting = std::async(std::launch::async, [&] { return client.wait(id, kGuard); });

  ASSERT_TRUE(finish(claim_one().run, jobs::Succeed{}));

  EXPECT_EQ(waiting.get()->state, JobState::succeeded);
}

TEST_P(JobStoreConformance, ClientsWaitEndsAtItsTimeOut) {
  Client client(store_);
  const Uuid open = client.submit({.kind = "k"}).value().id;

  EXPECT_EQ(client.wait(open, 10ms).error().code(), Errc::deadline_exceeded);
  EXPECT_EQ(client.wait_all({open}, 10ms).value()[0]->state, JobState::ready);
  EXPECT_EQ(client.result_text(open, 0ms).error().code(), Errc::deadline_exceeded);
}

TEST_P(JobStoreConformance, ClientGivesTheResultOrTheJobsOwnError) {
  Client client(store_);
  const auto ended = [&](jobs::RunOutcome outcome) {
    const Uuid id = added();
    EXPECT_TRUE(finish(claim_one().run, std::move(outcome)).has_value());
    return id;
  };
  const Uuid succeeded = ended(jobs::Succeed{JsonText::trusted("{\"value\":42}")});
  const Uuid silent = ended(jobs::Succeed{});
  const Uuid failed = ended(jobs::Fail{Error(Errc::rate_limited, "slow down")});
  const Uuid cancelled = ended(jobs::Cancelled{});

  EXPECT_EQ(client.result_text(succeeded, kGuard)->str(), "{\"value\":42}");
  EXPECT_EQ(client.result<Answer>(succeeded, kGuard)->value, 42);
  EXPECT_TRUE(client.result_text(silent, kGuard)->is_null());
  const Error error = client.result_text(failed, kGuard).error();
  EXPECT_EQ(error.code(), Errc::rate_limited);
  EXPECT_EQ(error.message(), "slow down");
  EXPECT_FALSE(error.retryable()) << "waiting again cannot help";
  EXPECT_EQ(client.result_text(cancelled, kGuard).error().code(), Errc::cancelled);
}

boost::asio::awaitable<Result<void>> call_client(Client* client) {
  const auto answer = client->submit({.kind = "k"});
  if (!answer) co_return answer.error();
  co_return Result<void>();
}

TEST_P(JobStoreConformance, ClientsCallEndsAtItsTimeOutWithAnUnknownOutcome) {
  Client client(store_);
  client.set_call_timeout(30ms);
  blobs_->hangs = true;
  NewJob large{.kind = "k",
               .payload = JsonText::trusted("\"" + std::string(1024 * 1024, 'x') + "\"")};

  EXPECT_EQ(client.submit(std::move(large)).error().code(), Errc::deadline_exceeded);

  blobs_->hangs = false;
  client.set_call_timeout(kGuard);
  EXPECT_TRUE(client.submit({.kind = "k"}).has_value()) << "the client goes on";
}

TEST_P(JobStoreConformance, ClientRefusesItsStoresOwnThread) {
  Client client(store_);

  const auto answer = wait(call_client(&client));

  EXPECT_EQ(answer.error().code(), Errc::internal);
  EXPECT_FALSE(answer.error().retryable());
  EXPECT_EQ(count(JobState::ready), 0);
}

TEST_P(JobStoreConformance, ClientIsSharedByThreads) {
  Client client(store_);
  std::vector<std::thread> threads;
  for (int i = 0; i < 8; ++i) {
    threads.emplace_back([&client] {
      for (int n = 0; n < 10; ++n) EXPECT_TRUE(client.submit({.kind = "k"}).has_value());
    });
  }
  for (std::thread& thread : threads) thread.join();

  EXPECT_EQ(count(JobState::ready), 80);
}

}  // namespace
}  // namespace rwp::tests
