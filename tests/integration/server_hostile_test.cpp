// What a server does with clients that break the rules, or play for time.

#include "support/server_fixture.hpp"

#include <gmock/gmock.h>

#include <fstream>
#include <sys/resource.h>
#include <unistd.h>

namespace {

using namespace std::chrono_literals;
using namespace rwp;          // NOLINT(google-build-using-namespace): a test.
using namespace rwp::server;  // NOLINT(google-build-using-namespace)
using rwp::tests::get;
using rwp::tests::post;
using rwp::tests::RawClient;
using testing::HasSubstr;

class HostileClientTest : public tests::ServerFixture {
 protected:
  /// The status that these bytes get on a connection of their own, after which it is closed; 0:
  /// none.
  int status_of(std::string_view bytes) {
    RawClient client = connect();
    client.send(bytes);
    const auto answer = client.read_response();
    if (!answer) return 0;
    EXPECT_EQ(answer->header("Content-Type"), "application/problem+json") << bytes;
    EXPECT_THAT(answer->body, HasSubstr("\"detail\":")) << bytes;
    EXPECT_EQ(answer->header("Connection"), "close") << bytes;
    EXPECT_TRUE(client.is_closed_within(RawClient::kPatience)) << bytes;
    return answer->status;
  }

  void expect_still_serving() {
    const auto answer = connect().ask(get("/hello"));
    ASSERT_TRUE(answer);
    EXPECT_EQ(answer->body, "hello");
  }

  static std::size_t resident_bytes() {
    std::ifstream file("/proc/self/statm");
    std::size_t total = 0;
    std::size_t resident = 0;
    file >> total >> resident;
    return resident * static_cast<std::size_t>(::sysconf(_SC_PAGESIZE));
  }
};

TEST_F(HostileClientTest, BodiesOfAllConnectionsShareOneBound) {
  options_.max_buffered_body_bytes = std::size_t{1} << 20U;
  std::atomic<bool> held = false;
  std::atomic<bool> release = false;
  RouteOptions hold;
  hold.max_body_bytes = std::size_t{1} << 20U;
  add(
      "POST", "/hold",
      [&held, &release](Request) -> boost::asio::awaitable<Response> {
        held = true;
        while (!release) (void)co_await sleep_for(1ms);
        co_return text_response(200, "held");
      },
      hold);
  start(2);
  const std::string half(500'000, 'y');
  RawClient holder = connect();
  ASSERT_TRUE(holder.send(post("/hold", std::string(1'000'000, 'x'))));
  ASSERT_TRUE(eventually([&held] { return held.load(); }));

  const auto refused = connect().ask(post("/echo", half)).value();
  EXPECT_EQ(refused.status, 503);
  EXPECT_EQ(refused.header("Retry-After"), "1");
  EXPECT_THAT(refused.body, HasSubstr("too many bodies"));
  EXPECT_EQ(connect().ask(post("/echo", "small")).value().status, 200);

  release = true;
  EXPECT_EQ(holder.read_response().value().status, 200);
  // Given back once it is answered.
  EXPECT_TRUE(eventually([&] { return connect().ask(post("/echo", half)).value().status == 200; }));
}

TEST_F(HostileClientTest, MalformedRequestsAreRefusedAndTheConnectionEnds) {
  start();

  EXPECT_EQ(status_of("nonsense\r\n\r\n"), 400);
  EXPECT_EQ(status_of("\x16\x03\x01\x02\x00\x01"), 400);
  EXPECT_EQ(status_of("GET /hello HTTP/1.1\nHost: x\n\n"), 400);
  EXPECT_EQ(status_of("GET /hello HTTP/1.1\r\n\r\n"), 400);
  EXPECT_EQ(status_of("GET /hello HTTP/1.1\r\nHost: x\r\n folded\r\n\r\n"), 400);
  EXPECT_EQ(status_of("GET /hello HTTP/3.0\r\nHost: x\r\n\r\n"), 505);
  EXPECT_EQ(status_of(get("/%00")), 400);
  EXPECT_EQ(status_of(get("/%ff%fe")), 400);
  EXPECT_EQ(status_of(get("/a/../hello")), 400);
  EXPECT_EQ(status_of(get("/%2e%2e/hello")), 400);
  EXPECT_EQ(status_of(get("hello")), 400);
  EXPECT_EQ(status_of(post("/echo", "x", "Expect: the moon\r\n")), 417);
  expect_still_serving();
}

TEST_F(HostileClientTest, SmuggledRequestsAreRefused) {
  start();
  const std::string chunked = "Transfer-Encoding: chunked\r\n";
  const std::string smuggled = "0\r\n\r\nGET /hello HTTP/1.1\r\nHost: x\r\n\r\n";
  const std::string head = "POST /echo HTTP/1.1\r\nHost: x\r\n";

  EXPECT_EQ(status_of(head + "Content-Length: 6\r\n" + chunked + "\r\n" + smuggled), 400);
  EXPECT_EQ(status_of(head + chunked + "Content-Length: 6\r\n\r\n" + smuggled), 400);
  EXPECT_EQ(status_of(head + "Content-Length: 0\r\nContent-Length: 44\r\n\r\n" + smuggled), 400);
  EXPECT_EQ(status_of(head + "Transfer-Encoding: identity\r\n\r\n" + smuggled), 501);
  EXPECT_EQ(status_of(head + "Transfer-Encoding: chunked, identity\r\n\r\n" + smuggled), 501);
  EXPECT_EQ(status_of(head + "Transfer-Encoding : chunked\r\n\r\n" + smuggled), 400);
  EXPECT_EQ(status_of("POST /echo HTTP/1.1\r\nHost: x\r\nHost: y\r\n\r\n"), 400);
}

TEST_F(HostileClientTest, MalformedChunksAreRefused) {
  start();
  const std::string head = "POST /echo HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n";

  EXPECT_EQ(status_of(head + "xyz\r\n"), 400);
  EXPECT_EQ(status_of(head + "-1\r\n"), 400);
  EXPECT_EQ(status_of(head + "3\r\nabcdef\r\n"), 400);
  EXPECT_EQ(status_of(head + "3\nabc\n0\n\n"), 400);
  EXPECT_EQ(status_of(head + "1ffffffffffffffff\r\n"), 400);
  EXPECT_EQ(status_of(head + "FFFFFFFFFFFFFFFF\r\nabc"), 413);
  EXPECT_EQ(status_of(head + "200000\r\nabc"), 413);
  EXPECT_EQ(status_of(head + "1;" + std::string(5'000, 'e')), 400);
}

TEST_F(HostileClientTest, LargeHeadsAreRefusedAtTheLimit) {
  options_.max_header_bytes = 4096;
  start();

  EXPECT_EQ(status_of("GET /" + std::string(5'000, 'a')), 414);
  EXPECT_EQ(status_of(get("/hello", "A: " + std::string(5'000, 'a') + "\r\n")), 431);
  std::string many;
  for (int i = 0; i < 200; ++i) many += "A: b\r\n";
  EXPECT_EQ(status_of(get("/hello", many)), 431);
  EXPECT_EQ(status_of(get("/hello", std::string(4'000, 'A') + "\r\n")), 400);
}

TEST_F(HostileClientTest, EndlessHeadIsCutOff) {
  start();
  RawClient client = connect();
  client.send("GET /hello HTTP/1.1\r\nHost: x\r\n");
  const auto began = std::chrono::steady_clock::now();
  // It reads over what comes for a while, so that the refusal is not lost; not for ever.
  while (client.send("X-Endless: and on and on\r\n") &&
         std::chrono::steady_clock::now() < began + 20s) {
  }

  EXPECT_LT(std::chrono::steady_clock::now() - began, 10s);
  expect_still_serving();
}

TEST_F(HostileClientTest, BodyBeyondTheLimitIsRefusedUnread) {
  start();
  RawClient client = connect();

  const auto answer =
      client.ask("POST /echo HTTP/1.1\r\nHost: x\r\nContent-Length: 18446744073709551615\r\n\r\n");

  ASSERT_TRUE(answer);
  EXPECT_EQ(answer->status, 413);
  EXPECT_EQ(answer->header("Connection"), "close");
}

TEST_F(HostileClientTest, ClientThatWaitsToBeAskedForALargeBodyIsNotAsked) {
  start();

  const auto answer = connect().ask(
      "POST /echo HTTP/1.1\r\nHost: x\r\nContent-Length: 100000000\r\n"
      "Expect: 100-continue\r\n\r\n");

  ASSERT_TRUE(answer);
  EXPECT_EQ(answer->status, 413);
}

TEST_F(HostileClientTest, SixtyFourMegabytesAtASmallRouteTakeNoMemory) {
  start();
  expect_still_serving();
  const std::string piece(std::size_t{1} << 20U, 'x');
  const std::size_t before = resident_bytes();
  for (const bool chunked : {false, true}) {
    RawClient client = connect();
    client.send(chunked ? "POST /echo HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n"
                        : "POST /echo HTTP/1.1\r\nHost: x\r\nContent-Length: 67108864\r\n\r\n");
    for (int i = 0; i < 64; ++i) {
      if (chunked && !client.send("100000\r\n")) break;
      if (!client.send(piece)) break;
      if (chunked && !client.send("\r\n")) break;
    }
    const auto answer = client.read_response();
    // The server reads over for a while, so that the answer arrives.
    ASSERT_TRUE(answer);
    EXPECT_EQ(answer->status, 413);
  }
  EXPECT_LT(resident_bytes(), before + (std::size_t{32} << 20U));
}

TEST_F(HostileClientTest, SlowHeadIsCutOffInTime) {
  options_.header_timeout = 200ms;
  start();
  RawClient silent = connect();
  RawClient slow = connect();
  const auto began = std::chrono::steady_clock::now();
  slow.send("GET /hello HT");

  // A byte now and then does not help.
  std::size_t trickled = 0;
  while (trickled < 1'000 && slow.send("T")) {
    ++trickled;
    if (slow.is_closed_within(20ms)) break;
  }

  EXPECT_LT(trickled, 1'000U);
  EXPECT_LT(std::chrono::steady_clock::now() - began, 5s);
  EXPECT_TRUE(silent.is_closed_within(5s));
}

TEST_F(HostileClientTest, LateHeadIsToldSo) {
  options_.header_timeout = 200ms;
  start();
  RawClient client = connect();

  const auto answer = client.ask("GET /hello HTTP/1.1\r\nHost:");

  ASSERT_TRUE(answer);
  EXPECT_EQ(answer->status, 408);
}

TEST_F(HostileClientTest, LateBodyIsToldSo) {
  options_.body_timeout = 200ms;
  start();
  RawClient client = connect();

  const auto answer = client.ask("POST /echo HTTP/1.1\r\nHost: x\r\nContent-Length: 5\r\n\r\nab");

  ASSERT_TRUE(answer);
  EXPECT_EQ(answer->status, 408);
}

TEST_F(HostileClientTest, BodyBelowTheLeastRateIsCutOff) {
  options_.min_body_rate = 1'000'000;
  start();
  RawClient client = connect();
  const auto began = std::chrono::steady_clock::now();
  client.send("POST /echo HTTP/1.1\r\nHost: x\r\nContent-Length: 1000000\r\n\r\n");
  while (client.send("x") && !client.is_closed_within(50ms)) {
  }

  EXPECT_LT(std::chrono::steady_clock::now() - began, 10s);
}

TEST_F(HostileClientTest, IdleConnectionIsClosedAfterAWhile) {
  options_.keep_alive_timeout = 150ms;
  start();
  RawClient client = connect();
  ASSERT_TRUE(client.ask(get("/hello")));

  EXPECT_TRUE(client.is_closed_within(10s));
}

TEST_F(HostileClientTest, ClientThatReadsNothingIsCutOff) {
  options_.write_timeout = 200ms;
  std::atomic<int> ended{0};
  add("GET", "/endless", [&ended](Request) -> boost::asio::awaitable<Response> {
    Response response;
    response.stream = [&ended](ResponseWriter& writer) -> boost::asio::awaitable<Result<void>> {
      const std::string piece(100'000, 'x');
      while (true) {
        auto written = co_await writer.write(piece);
        if (!written) {
          ++ended;
          co_return written;
        }
      }
    };
    co_return response;
  });
  start();
  RawClient client = connect();

  client.send(get("/endless"));

  EXPECT_TRUE(eventually([&] { return ended == 1; }));
}

TEST_F(HostileClientTest, ClientThatLeavesAStreamEndsIt) {
  std::atomic<int> ended{0};
  add("GET", "/quiet", [&ended](Request) -> boost::asio::awaitable<Response> {
    Response response;
    response.stream = [&ended](ResponseWriter& writer) -> boost::asio::awaitable<Result<void>> {
      auto written = co_await writer.write("first");
      if (!written) {
        ++ended;
        co_return written;
      }
      // Nothing to write for long: only the server can see that the client is gone.
      const auto slept = co_await sleep_for(60s);
      if (!slept) ++ended;
      co_return Result<void>();
    };
    co_return response;
  });
  start();
  for (const bool reset : {false, true}) {
    const int before = ended;
    RawClient client = connect();
    client.send(get("/quiet"));
    client.close(reset);
    EXPECT_TRUE(eventually([&] { return ended == before + 1; }));
  }
}

TEST_F(HostileClientTest, ClientsThatCloseAnywhereDoNoHarm) {
  add("GET", "/large", [](Request) -> boost::asio::awaitable<Response> {
    co_return text_response(200, std::string(5'000'000, 'x'));
  });
  start();
  const std::string request = post("/echo", "some body") + get("/large") + get("/hello");
  for (std::size_t size = 0; size <= request.size(); size += 3) {
    RawClient client = connect();
    client.send(std::string_view(request).substr(0, size));
    client.close(size % 2 == 0);
  }
  expect_still_serving();
}

TEST_F(HostileClientTest, PipelinedRequestsDuringAHandlerAreBoundedAndAnswered) {
  add("GET", "/slow", [](Request) -> boost::asio::awaitable<Response> {
    (void)co_await sleep_for(400ms);
    co_return text_response(200, "slow");
  });
  start();
  RawClient client = connect();
  std::string requests = get("/slow");
  for (int i = 0; i < 20'000; ++i) requests += get("/hello");
  std::thread sender([&] { client.send(requests); });

  EXPECT_EQ(client.read_response()->body, "slow");
  int answered = 0;
  for (; answered < 20'000; ++answered) {
    const auto answer = client.read_response();
    if (!answer || answer->body != "hello") break;
  }
  sender.join();

  EXPECT_EQ(answered, 20'000);
}

TEST_F(HostileClientTest, ConnectionsBeyondTheLimitWaitTheirTurn) {
  options_.max_connections = 4;
  start();
  std::vector<RawClient> first;
  for (int i = 0; i < 4; ++i) {
    first.push_back(connect());
    ASSERT_TRUE(first.back().ask(get("/hello")));
  }
  RawClient late = connect();
  late.send(get("/hello"));
  EXPECT_FALSE(late.is_closed_within(300ms));

  first.clear();

  const auto answer = late.read_response();
  ASSERT_TRUE(answer);
  EXPECT_EQ(answer->body, "hello");
}

TEST_F(HostileClientTest, TwoThousandConnectionsAreServedAtOnce) {
  rlimit files{};
  ASSERT_EQ(::getrlimit(RLIMIT_NOFILE, &files), 0);
  files.rlim_cur = std::min<rlim_t>(files.rlim_max, 8'192);
  ASSERT_EQ(::setrlimit(RLIMIT_NOFILE, &files), 0);
  if (files.rlim_cur < 4'200) GTEST_SKIP() << "too few file descriptors";
  start(2);
  std::vector<RawClient> clients;
  for (int i = 0; i < 2'000; ++i) {
    clients.push_back(connect());
    ASSERT_TRUE(clients.back().connected()) << i;
    clients.back().send(get("/hello").substr(0, 20));
  }
  for (RawClient& client : clients) client.send(get("/hello").substr(20));
  for (RawClient& client : clients) {
    const auto answer = client.read_response();
    ASSERT_TRUE(answer);
    EXPECT_EQ(answer->body, "hello");
  }
}

}  // namespace
