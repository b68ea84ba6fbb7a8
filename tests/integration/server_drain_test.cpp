#include "support/server_fixture.hpp"

#include <gmock/gmock.h>

#include <future>

namespace {

using namespace std::chrono_literals;
using namespace rwp;          // NOLINT(google-build-using-namespace): a test.
using namespace rwp::server;  // NOLINT(google-build-using-namespace)
using rwp::tests::get;
using rwp::tests::RawClient;

class DrainTest : public tests::ServerFixture {
 protected:
  DrainTest() {
    add("GET", "/wait", [this](Request) -> boost::asio::awaitable<Response> {
      ++entered_;
      // A cancelled wait answers so, or, when it was over just then, the next one throws.
      bool is_cancelled = true;
      try {
        while (true) {
          is_cancelled = !released_;
          if (!is_cancelled) break;
          const auto slept = co_await sleep_for(2ms);
          if (!slept) break;
        }
      } catch (const std::exception&) {
        is_cancelled = true;
      }
      if (is_cancelled) ++cancelled_;
      co_return text_response(200, "waited");
    });
    options_.drain_grace = 20s;
  }

  Result<void> wait_stopped(std::chrono::milliseconds patience = 20s) {
    return server_->wait_stopped(std::chrono::steady_clock::now() + patience);
  }

  std::atomic<int> entered_{0};
  std::atomic<int> cancelled_{0};
  std::atomic<bool> released_{false};
};

TEST_F(DrainTest, RequestInFlightIsFinishedAndIdleConnectionsAreClosed) {
  start(2);
  RawClient busy = connect();
  RawClient idle = connect();
  ASSERT_TRUE(idle.ask(get("/hello")));
  busy.send(get("/wait"));
  ASSERT_TRUE(eventually([&] { return entered_ == 1; }));

  server_->drain();

  EXPECT_TRUE(server_->draining());
  EXPECT_TRUE(idle.is_closed_within(10s));
  EXPECT_TRUE(eventually([&] { return !connect().connected(); }));
  EXPECT_EQ(wait_stopped(100ms).error().code(), Errc::deadline_exceeded);
  released_ = true;
  const auto answer = busy.read_response();
  ASSERT_TRUE(answer);
  EXPECT_EQ(answer->body, "waited");
  EXPECT_EQ(answer->header("Connection"), "close");
  busy.close();
  EXPECT_TRUE(wait_stopped().has_value());
  EXPECT_EQ(cancelled_, 0);
}

TEST_F(DrainTest, ServesAsBeforeDuringTheDelay) {
  options_.drain_delay = 400ms;
  start();
  RawClient client = connect();
  ASSERT_TRUE(client.ask(get("/hello")));

  server_->drain();

  EXPECT_TRUE(server_->draining());
  const auto kept = client.ask(get("/hello"));
  const auto fresh = connect().ask(get("/hello"));
  ASSERT_TRUE(kept && fresh);
  EXPECT_EQ(kept->header("Connection"), "");
  EXPECT_EQ(fresh->body, "hello");
  EXPECT_TRUE(client.is_closed_within(10s));
  EXPECT_TRUE(wait_stopped().has_value());
}

TEST_F(DrainTest, HandlerThatOutlivesTheGraceIsCancelledAndCut) {
  options_.drain_grace = 100ms;
  start();
  RawClient client = connect();
  client.send(get("/wait"));
  ASSERT_TRUE(eventually([&] { return entered_ == 1; }));

  server_->drain();

  EXPECT_TRUE(wait_stopped().has_value());
  EXPECT_EQ(cancelled_, 1);
  EXPECT_FALSE(client.read_response());
}

TEST_F(DrainTest, SecondDrainIsAtOnce) {
  options_.drain_delay = 1h;
  start();
  RawClient client = connect();
  client.send(get("/wait"));
  ASSERT_TRUE(eventually([&] { return entered_ == 1; }));

  server_->drain();
  server_->drain();

  EXPECT_TRUE(wait_stopped().has_value());
  EXPECT_EQ(cancelled_, 1);
}

TEST_F(DrainTest, DestructorStopsAtOnce) {
  start(2);
  RawClient client = connect();
  client.send(get("/wait"));
  ASSERT_TRUE(eventually([&] { return entered_ == 1; }));
  const auto began = std::chrono::steady_clock::now();

  server_.reset();

  EXPECT_LT(std::chrono::steady_clock::now() - began, 5s);
  EXPECT_EQ(cancelled_, 1);
  EXPECT_FALSE(client.read_response());
}

TEST_F(DrainTest, NoRequestFailsWhileClientsThatHonourTheEndGoOn) {
  start(2);
  std::atomic<bool> stop{false};
  std::atomic<int> answered{0};
  std::atomic<int> failed{0};
  std::vector<std::thread> clients;
  clients.reserve(4);
  for (int i = 0; i < 4; ++i) {
    clients.emplace_back([&] {
      while (!stop) {
        RawClient client = connect();
        // Refused: the listening socket is closed, which a client sees before it has asked.
        if (!client.connected()) return;
        while (!stop) {
          if (!client.send(get("/hello"))) break;  // Closed while it was idle.
          const auto answer = client.read_response();
          if (!answer) {
            // The server may close an idle connection just as a request is under way; it is then
            // refused unread, and only that a request was read and not answered would be wrong.
            break;
          }
          if (answer->body != "hello" || !answer->whole) ++failed;
          ++answered;
          if (answer->header("Connection") == "close") break;
        }
      }
    });
  }
  ASSERT_TRUE(eventually([&] { return answered > 200; }));

  server_->drain();
  for (std::thread& client : clients) client.join();

  EXPECT_TRUE(wait_stopped().has_value());
  EXPECT_EQ(failed, 0);
}

TEST_F(DrainTest, ConnectionThatComesInAsTheServerEndsIsEndedToo) {
  options_.header_timeout = 1h;
  start();
  // Held, the I/O thread finds the end and both connections at once: the second is accepted
  // already, and not yet known, when those that are known are ended.
  std::promise<void> held;
  std::promise<void> released;
  post(runtimes_.front()->executor(), [&] {
    held.set_value();
    released.get_future().wait();
  });
  held.get_future().wait();
  RawClient first = connect();
  RawClient second = connect();
  ASSERT_TRUE(first.connected() && second.connected());
  server_->drain();
  server_->drain();
  released.set_value();

  EXPECT_TRUE(wait_stopped(10s).has_value());
  EXPECT_TRUE(first.is_closed_within(10s));
  EXPECT_TRUE(second.is_closed_within(10s));
}

TEST_F(DrainTest, PortIsFreeAfterwards) {
  start();
  const std::uint16_t port = server_->port();
  RawClient client = connect();
  ASSERT_TRUE(client.ask(get("/hello")));
  server_->drain();
  ASSERT_TRUE(wait_stopped().has_value());

  options_.listen = "127.0.0.1:" + std::to_string(port);
  start();

  EXPECT_EQ(server_->port(), port);
  EXPECT_TRUE(connect().ask(get("/hello")));
}

}  // namespace
