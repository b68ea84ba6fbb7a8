#include "support/run.hpp"
#include "support/scripted_transport.hpp"
#include <rwp/core/async.hpp>
#include <rwp/core/runtime.hpp>
#include <rwp/net/retry.hpp>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <chrono>
#include <memory>
#include <utility>

namespace rwp::tests {
namespace {

using namespace std::chrono_literals;
using net::HttpHeaders;
using net::RetryOptions;

TEST(RetryScheduleTest, WaitsAreEvenlyDrawnUpToABoundThatDoubles) {
  RetryOptions options;
  options.max_attempts = 6;
  options.first_wait = 100ms;
  options.longest_wait = 500ms;

  EXPECT_EQ(next_wait(options, 1, {}, 1), 100ms);
  EXPECT_EQ(next_wait(options, 2, {}, 1), 200ms);
  EXPECT_EQ(next_wait(options, 3, {}, 0.5), 200ms);
  EXPECT_EQ(next_wait(options, 4, {}, 1), 500ms);
  EXPECT_EQ(next_wait(options, 5, {}, 0), 0ms);
  EXPECT_EQ(next_wait(options, 6, {}, 1), std::nullopt);
}

TEST(RetryScheduleTest, AToldWaitIsKeptAndATooLongOneEndsIt) {
  RetryOptions options;
  options.longest_told_wait = 10s;

  EXPECT_EQ(next_wait(options, 1, 10s, 0), 10s);
  EXPECT_EQ(next_wait(options, 1, 10s, 1), 11s);
  EXPECT_EQ(next_wait(options, 1, 10'001ms, 0), std::nullopt);
}

TEST(RetryAfterTest, SecondsAndDatesAreRead) {
  const auto now = std::chrono::sys_days(std::chrono::year(1994) / 11 / 6) + 8h + 49min;
  const auto read = [now](std::string value) {
    HttpHeaders headers;
    headers.add("Retry-After", std::move(value));
    return net::retry_after(headers, now);
  };

  EXPECT_EQ(read("120"), 120s);
  EXPECT_EQ(read("0"), 0s);
  EXPECT_EQ(read("Sun, 06 Nov 1994 08:49:37 GMT"), 37s);
  EXPECT_EQ(read("Sun, 06 Nov 1994 08:48:37 GMT"), 0s);
  for (const char* bad : {"", "-1", "1.5", "soon", "99999999999x", "Sun, 31 Feb 1994 08:49:37 GMT",
                          "Sun, 06 Nov 1994 25:49:37 GMT", "Sun, 06 Nov 1994 08:49:37 GMT x",
                          "Sun, 06 anF 1994 08:49:37 GMT"}) {
    EXPECT_EQ(read(bad), std::nullopt) << bad;
  }
  EXPECT_EQ(net::retry_after(HttpHeaders(), now), std::nullopt);
  for (const char* endless : {"99999999999", "Fri, 31 Dec 9999 23:59:59 GMT"}) {
    EXPECT_GT(read(endless), std::chrono::hours(24) * 365) << endless;
  }
}

class RetryingTransportTest : public ::testing::Test {
 protected:
  Result<net::HttpResponse> send(std::string method = "GET") {
    request_.method = std::move(method);
    request_.url = "http://host/";
    const auto transport = net::make_retrying_transport(upstream_, options_);
    return run(runtime_, transport->send(request_));
  }
  std::size_t attempts() const { return upstream_->requests().size(); }

  Runtime runtime_;
  std::shared_ptr<ScriptedTransport> upstream_ = std::make_shared<ScriptedTransport>();
  RetryOptions options_{.max_attempts = 3, .first_wait = 1ms};
  net::HttpRequest request_;
};

TEST_F(RetryingTransportTest, WhatMayPassIsTriedAgain) {
  upstream_->answer(503);
  upstream_->fail(Error(Errc::unavailable, "reset"));
  upstream_->answer(200, HttpHeaders(), "ok");

  EXPECT_EQ(send().value().body, "ok");
  EXPECT_EQ(attempts(), 3U);
}

TEST_F(RetryingTransportTest, TheLastOutcomeIsAnsweredAsItIs) {
  for (int i = 0; i < 3; ++i)
    upstream_->answer(429, HttpHeaders(), "slow down " + std::to_string(i));

  EXPECT_EQ(send().value().body, "slow down 2");
  EXPECT_EQ(attempts(), 3U);
}

TEST_F(RetryingTransportTest, WhatWillNotPassIsNotTriedAgain) {
  for (const int status : {200, 301, 400, 404, 501}) {
    upstream_->answer(status);
    EXPECT_EQ(send().value().status, status);
  }
  upstream_->fail(Error(Errc::corrupt, "no HTTP"));
  EXPECT_EQ(send().error().code(), Errc::corrupt);
  EXPECT_EQ(attempts(), 6U);
}

TEST_F(RetryingTransportTest, OnlyWhatIsSafeToRepeatIsRepeated) {
  upstream_->answer(503);
  EXPECT_EQ(send("POST").value().status, 503);
  EXPECT_EQ(attempts(), 1U);

  upstream_->answer(503);
  upstream_->answer(200);
  request_.headers.add("Idempotency-Key", "k-1");
  EXPECT_EQ(send("POST").value().status, 200);
  EXPECT_EQ(attempts(), 3U);

  request_.headers = HttpHeaders();
  options_.any_method = true;
  upstream_->answer(503);
  upstream_->answer(200);
  EXPECT_EQ(send("POST").value().status, 200);
  EXPECT_EQ(attempts(), 5U);
}

/// Refuses with a body that does not come, then answers.
class StallingTransport final : public net::HttpTransport {
 private:
  class Exchange final : public net::HttpExchange {
   public:
    explicit Exchange(int status) { head_.status = status; }
    const net::HttpResponseHead& head() const noexcept override { return head_; }
    boost::asio::awaitable<Result<std::string>> read() override {
      if (head_.status != 200) {
        const auto slept = co_await sleep_for(1h);
        if (!slept) co_return slept.error();
      }
      co_return std::string();
    }

   private:
    net::HttpResponseHead head_;
  };

  boost::asio::awaitable<Result<std::unique_ptr<net::HttpExchange>>> do_open(
      net::HttpRequest) override {
    co_return std::make_unique<Exchange>(std::exchange(status_, 200));
  }

  int status_ = 503;
};

TEST_F(RetryingTransportTest, ABodyThatDoesNotComeIsNotWaitedFor) {
  request_.url = "http://host/";
  const auto transport =
      net::make_retrying_transport(std::make_shared<StallingTransport>(), options_);

  EXPECT_EQ(run(runtime_, transport->send(request_)).value().status, 200);
}

TEST_F(RetryingTransportTest, NoWaitGoesBeyondTheDeadline) {
  request_.deadline = std::chrono::steady_clock::now() + 5s;
  upstream_->answer(503, {{"Retry-After", "30"}});

  EXPECT_EQ(send().value().status, 503);
  EXPECT_EQ(attempts(), 1U);
}

TEST_F(RetryingTransportTest, AWaitEndsWhenCancelled) {
  upstream_->answer(503, {{"Retry-After", "30"}});
  request_.url = "http://host/";
  const auto transport = net::make_retrying_transport(upstream_, options_);
  const auto soon = std::chrono::steady_clock::now() + 50ms;

  const auto ended = block_on(runtime_, with_deadline(transport->send(request_), soon));

  EXPECT_EQ(ended.error().code(), Errc::deadline_exceeded);
  EXPECT_EQ(attempts(), 1U);
}

}  // namespace
}  // namespace rwp::tests
