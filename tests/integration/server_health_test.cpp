#include "support/server_fixture.hpp"
#include <rwp/server/health.hpp>

#include <gmock/gmock.h>

#include <future>

namespace {

using namespace std::chrono_literals;
using namespace rwp;          // NOLINT(google-build-using-namespace): a test.
using namespace rwp::server;  // NOLINT(google-build-using-namespace)
using rwp::tests::get;
using rwp::tests::RawClient;
using testing::HasSubstr;
using testing::Not;

class HealthTest : public tests::ServerFixture {
 protected:
  void depend_on(std::string name, DependencyProbe probe, bool required = true) {
    Dependency dependency;
    dependency.name = std::move(name);
    dependency.probe = std::move(probe);
    dependency.required = required;
    health_.dependencies.push_back(std::move(dependency));
  }

  void start_with_health(std::size_t threads = 1) {
    health_.draining = [this] { return draining_.load(); };
    add_health_routes(router_, health_);
    start(threads);
  }

  static boost::asio::awaitable<Result<void>> up() { co_return Result<void>(); }
  static boost::asio::awaitable<Result<void>> down() {
    co_return Error(Errc::unavailable, "the disk is full");
  }
  static boost::asio::awaitable<Result<void>> hangs() { return sleep_for(20s); }

  HealthOptions health_;
  std::atomic<bool> draining_{false};
};

TEST_F(HealthTest, HealthSaysThatTheProcessLives) {
  start_with_health();

  const auto answer = connect().ask(get("/health"));

  ASSERT_TRUE(answer);
  EXPECT_EQ(answer->status, 200);
  EXPECT_EQ(answer->body, R"({"status":"ok"})");
}

TEST_F(HealthTest, ReadyNamesEachDependency) {
  depend_on("store", &HealthTest::up);
  depend_on("cache", &HealthTest::down, false);
  start_with_health();

  const auto answer = connect().ask(get("/ready"));

  ASSERT_TRUE(answer);
  EXPECT_EQ(answer->status, 200);
  EXPECT_THAT(answer->body, HasSubstr(R"("status":"ready")"));
  EXPECT_THAT(answer->body, HasSubstr(R"("store":{"status":"up")"));
  EXPECT_THAT(answer->body, HasSubstr(R"("cache":{"status":"down")"));
  EXPECT_THAT(answer->body, HasSubstr("the disk is full"));
}

TEST_F(HealthTest, RequiredDependencyThatIsDownMakesUnready) {
  depend_on("store", &HealthTest::down);
  start_with_health();

  const auto answer = connect().ask(get("/ready"));

  ASSERT_TRUE(answer);
  EXPECT_EQ(answer->status, 503);
  EXPECT_THAT(answer->body, HasSubstr(R"("status":"unready")"));
}

TEST_F(HealthTest, DrainingIsNotReadyThoughAllIsUp) {
  depend_on("store", &HealthTest::up);
  start_with_health();
  draining_ = true;

  const auto answer = connect().ask(get("/ready"));

  ASSERT_TRUE(answer);
  EXPECT_EQ(answer->status, 503);
  EXPECT_THAT(answer->body, HasSubstr(R"("status":"draining")"));
}

TEST_F(HealthTest, ProbeThatHangsOrThrowsIsDownInTime) {
  depend_on("hangs", &HealthTest::hangs);
  depend_on("throws", []() -> boost::asio::awaitable<Result<void>> {
    throw std::runtime_error("broken probe");
    co_return Result<void>();
  });
  health_.probe_timeout = 50ms;
  start_with_health();

  const auto answer = connect().ask(get("/ready"));

  ASSERT_TRUE(answer);
  EXPECT_EQ(answer->status, 503);
  EXPECT_THAT(answer->body, HasSubstr("no answer within 50 ms"));
  EXPECT_THAT(answer->body, HasSubstr("broken probe"));
}

TEST_F(HealthTest, ProbeThatDoesNotHeedItsTimeLimitIsDownInTime) {
  Runtime elsewhere;
  std::promise<void> released;
  const auto release = released.get_future().share();
  depend_on("stuck", [&]() -> boost::asio::awaitable<Result<void>> {
    auto work = run_blocking(elsewhere.blocking(), [release] {
      release.wait();
      return Result<void>();
    });
    co_return co_await std::move(work);
  });
  health_.probe_timeout = 50ms;
  start_with_health();
  const auto began = std::chrono::steady_clock::now();

  const auto first = connect().ask(get("/ready"));
  const auto again = connect().ask(get("/ready"));

  EXPECT_LT(std::chrono::steady_clock::now() - began, 10s);
  released.set_value();
  ASSERT_TRUE(first && again);
  for (const auto& answer : {*first, *again}) {
    EXPECT_EQ(answer.status, 503);
    EXPECT_THAT(answer.body, HasSubstr("no answer within 50 ms"));
  }
}

TEST_F(HealthTest, ProbesInFlightAreSharedAndAnswersCached) {
  std::atomic<int> probes{0};
  depend_on("store", [&probes]() -> boost::asio::awaitable<Result<void>> {
    ++probes;
    co_return co_await sleep_for(50ms);
  });
  health_.cache_for = 1h;
  start_with_health(2);
  std::vector<RawClient> clients;
  clients.reserve(16);
  for (int i = 0; i < 16; ++i) clients.push_back(connect());

  for (RawClient& client : clients) client.send(get("/ready"));
  for (RawClient& client : clients) {
    const auto answer = client.read_response();
    ASSERT_TRUE(answer);
    EXPECT_EQ(answer->status, 200) << answer->body;
  }
  EXPECT_EQ(connect().ask(get("/ready"))->status, 200);

  EXPECT_EQ(probes, 1);
}

TEST_F(HealthTest, StaleAnswersAreNotGiven) {
  std::atomic<bool> is_up{true};
  depend_on("store", [&is_up] { return is_up ? up() : down(); });
  health_.cache_for = 1ms;
  start_with_health();
  RawClient client = connect();

  EXPECT_EQ(client.ask(get("/ready"))->status, 200);
  is_up = false;

  EXPECT_TRUE(eventually([&] { return client.ask(get("/ready"))->status == 503; }));
}

TEST_F(HealthTest, MetricsAreExposedAndHealthIsNotCounted) {
  const auto metrics = observability::make_metrics();
  options_.metrics = metrics;
  health_.metrics = metrics;
  start_with_health();
  RawClient client = connect();
  EXPECT_EQ(client.ask(get("/health"))->status, 200);
  EXPECT_EQ(client.ask(get("/hello"))->status, 200);
  EXPECT_EQ(client.ask(get("/absent"))->status, 404);

  const auto answer = client.ask(get("/metrics"));

  ASSERT_TRUE(answer);
  EXPECT_EQ(answer->header("Content-Type"), "text/plain; version=0.0.4; charset=utf-8");
  EXPECT_THAT(answer->body,
              HasSubstr(R"(rwp_http_requests_total{method="GET",route="/hello",status="200"} 1)"));
  EXPECT_THAT(answer->body,
              HasSubstr(R"(rwp_http_requests_total{method="GET",route="none",status="404"} 1)"));
  EXPECT_THAT(answer->body, HasSubstr(R"(rwp_http_request_seconds_count{route="/hello"} 1)"));
  EXPECT_THAT(answer->body, HasSubstr("rwp_http_connections 1"));
  EXPECT_THAT(answer->body, HasSubstr("rwp_http_in_flight 0"));
  EXPECT_THAT(answer->body, Not(HasSubstr(R"(route="/health")")));
}

TEST_F(HealthTest, WithoutMetricsThereIsNoSuchPath) {
  start_with_health();

  EXPECT_EQ(connect().ask(get("/metrics"))->status, 404);
}

}  // namespace
