#include "support/event.hpp"
#include "support/transport_fixture.hpp"

#include <algorithm>
#include <atomic>
#include <chrono>
#include <cstdint>
#include <utility>
#include <vector>

namespace rwp::tests {
namespace {

using net::HttpRequest;
using ::testing::EndsWith;
using ::testing::HasSubstr;

using TransportStreamTest = TransportFixture;

boost::asio::awaitable<Result<std::uint64_t>> read_to_end(net::HttpExchange* exchange,
                                                          std::size_t* largest) {
  std::uint64_t bytes = 0;
  while (true) {
    auto piece = co_await exchange->read();
    if (!piece) co_return piece.error();
    if (piece->empty()) co_return bytes;
    bytes += piece->size();
    *largest = std::max(*largest, piece->size());
  }
}

/// Gives these pieces, then the end.
net::BodySource source_of(std::vector<std::string> pieces) {
  auto left = std::make_shared<std::vector<std::string>>(std::move(pieces));
  auto next = [](std::shared_ptr<std::vector<std::string>> rest)
      -> boost::asio::awaitable<Result<std::string>> {
    if (rest->empty()) co_return std::string();
    std::string piece = std::move(rest->front());
    rest->erase(rest->begin());
    co_return piece;
  };
  return [left, next] { return next(left); };
}

TEST_F(TransportStreamTest, PiecesAreReadAsTheyCome) {
  Event first_read;
  ScriptedServer server([&](ScriptedConnection& connection) {
    (void)connection.read_request();
    connection.write("HTTP/1.1 200 OK\r\nContent-Length: 6\r\n\r\none");
    if (first_read.wait()) connection.write("two");
  });
  HttpRequest request;
  request.url = server.url();

  const auto exchange = run(runtime_, transport().open(request)).value();
  EXPECT_EQ(exchange->head().status, 200);
  EXPECT_EQ(run(runtime_, exchange->read()).value(), "one");
  first_read.set();
  EXPECT_EQ(run(runtime_, exchange->read()).value(), "two");
  EXPECT_EQ(run(runtime_, exchange->read()).value(), "");
  EXPECT_EQ(run(runtime_, exchange->read()).value(), "");
}

TEST_F(TransportStreamTest, WhatIsNotReadMakesTheOtherSideWait) {
#ifdef __SANITIZE_THREAD__
  constexpr std::uint64_t kTotal = std::uint64_t{1} << 27U;
#else
  constexpr std::uint64_t kTotal = std::uint64_t{1} << 30U;
#endif
  constexpr std::uint64_t kFewMegabytes = std::uint64_t{24} << 20U;  // The sockets' own buffers.
  std::atomic<std::uint64_t> written = 0;
  Event blocked;
  ScriptedServer server([&](ScriptedConnection& connection) {
    (void)connection.read_request();
    connection.write("HTTP/1.1 200 OK\r\nContent-Length: " + std::to_string(kTotal) + "\r\n\r\n");
    const std::string piece(std::size_t{1} << 18U, 'x');
    while (written < kTotal) {
      if (!blocked.is_set() && connection.is_blocked()) blocked.set();
      if (!connection.write(piece)) return;
      written += piece.size();
    }
  });
  HttpRequest request;
  request.url = server.url();
  const auto exchange = run(runtime_, transport().open(request)).value();
  ASSERT_FALSE(run(runtime_, exchange->read()).value().empty());

  ASSERT_TRUE(blocked.wait());
  EXPECT_LT(written, kFewMegabytes);
  std::size_t largest = 0;
  const auto rest = run(runtime_, read_to_end(exchange.get(), &largest));

  EXPECT_GT(rest.value(), kTotal - kFewMegabytes);
  EXPECT_LE(largest, std::size_t{256} << 10U);
}

TEST_F(TransportStreamTest, ABodyFromASourceIsSentInChunks) {
  std::string seen;
  ScriptedServer server([&seen](ScriptedConnection& connection) {
    seen = connection.read_head();
    while (!seen.ends_with("\r\n0\r\n\r\n")) {
      const std::string more = connection.read_some();
      if (more.empty()) return;
      seen += more;
    }
    connection.write(ok_answer("ok"));
  });
  HttpRequest request = post(server.url(), "");
  request.body_source = source_of({"one", "two"});

  EXPECT_EQ(send(request).value().body, "ok");

  EXPECT_THAT(seen, HasSubstr("Transfer-Encoding: chunked\r\n"));
  EXPECT_THAT(seen, EndsWith("\r\n\r\n3\r\none\r\n3\r\ntwo\r\n0\r\n\r\n"));
}

TEST_F(TransportStreamTest, ABodyOfAnnouncedLengthIsSentWithItsLength) {
  std::string seen;
  ScriptedServer server(answer_each([&seen](const std::string& request) {
    seen = request;
    return ok_answer("ok");
  }));
  HttpRequest request = post(server.url(), "");
  request.method = "PUT";
  request.body_source = source_of({"one", "two", "three"});
  request.body_source_bytes = 11;

  EXPECT_EQ(send(request).value().body, "ok");

  EXPECT_THAT(seen, HasSubstr("Content-Length: 11\r\n"));
  EXPECT_THAT(seen, EndsWith("\r\n\r\nonetwothree"));
}

TEST_F(TransportStreamTest, ASourceThatGivesOtherThanAnnouncedIsRefused) {
  ScriptedServer server(answer_each([](const std::string&) { return ok_answer("ok"); }));
  HttpRequest request = post(server.url(), "");
  request.body_source_bytes = 5;

  request.body_source = source_of({"one"});
  EXPECT_EQ(send(request).error().code(), Errc::invalid_argument);
  request.body_source = source_of({"one", "two"});
  EXPECT_EQ(send(request).error().code(), Errc::invalid_argument);
}

TEST_F(TransportStreamTest, TheErrorOfASourceEndsTheExchange) {
  Event closed;
  ScriptedServer server([&closed](ScriptedConnection& connection) {
    (void)connection.read_head();
    if (connection.wait_closed()) closed.set();
  });
  HttpRequest request = post(server.url(), "");
  auto asked = std::make_shared<bool>(false);
  auto next = [](std::shared_ptr<bool> again) -> boost::asio::awaitable<Result<std::string>> {
    if (std::exchange(*again, true)) co_return Error(Errc::not_found, "no such file");
    co_return std::string("some");
  };
  request.body_source = [=] { return next(asked); };

  EXPECT_EQ(send(request).error().code(), Errc::not_found);
  EXPECT_TRUE(closed.wait());
}

TEST_F(TransportStreamTest, ASourceIsAskedOnlyWhenItsLastPieceIsOnTheWay) {
  Event go_on;
  std::atomic<std::uint64_t> asked = 0;
  ScriptedServer server([&](ScriptedConnection& connection) {
    (void)connection.read_head();
    go_on.wait();
    // The end may come in two pieces.
    constexpr std::string_view kEnd = "\r\n0\r\n\r\n";
    std::string tail;
    while (!tail.ends_with(kEnd)) {
      const std::string piece = connection.read_some();
      if (piece.empty()) return;
      tail = tail.substr(tail.size() - std::min(tail.size(), kEnd.size())) + piece;
    }
    connection.write(ok_answer("ok"));
  });
  HttpRequest request = post(server.url(), "");
  auto next = [](std::atomic<std::uint64_t>* count) -> boost::asio::awaitable<Result<std::string>> {
    if (*count == 1'000) co_return std::string();
    ++*count;
    co_return std::string(std::size_t{1} << 16U, 'x');
  };
  request.body_source = [&asked, next] { return next(&asked); };
  SendUnderWay sending(runtime_, shared_transport(), request);

  // The sockets' buffers fill, then nothing moves.
  std::uint64_t before = 0;
  ASSERT_TRUE(eventually([&] {
    const std::uint64_t now = asked;
    (void)run(runtime_, sleep_for(std::chrono::milliseconds(200)));
    return std::exchange(before, now) == now && now > 0;
  }));
  EXPECT_LT(asked, 400U);
  go_on.set();

  EXPECT_EQ(sending.outcome().value().body, "ok");
  EXPECT_EQ(asked, 1'000U);
}

TEST_F(TransportStreamTest, ASourceThatWaitsIsGivenUpWithItsExchange) {
  auto waiting = std::make_shared<Event>();
  auto dropped = std::make_shared<Event>();
  ScriptedServer server([](ScriptedConnection& connection) { (void)connection.wait_closed(); });
  HttpRequest request = post(server.url(), "");
  auto wait = [](std::shared_ptr<Event> begun,
                 std::shared_ptr<Event> ended) -> boost::asio::awaitable<Result<std::string>> {
    begun->set();
    auto slept = co_await sleep_for(std::chrono::hours(1));
    ended->set();
    if (!slept) co_return slept.error();
    co_return std::string();
  };
  request.body_source = [=] { return wait(waiting, dropped); };
  SendUnderWay sending(runtime_, shared_transport(), request);
  ASSERT_TRUE(waiting->wait());

  sending.cancel();

  EXPECT_EQ(sending.outcome().error().code(), Errc::cancelled);
  EXPECT_TRUE(dropped->wait());
}

TEST_F(TransportStreamTest, AnAnswerMayComeBeforeTheBodyIsSent) {
  ScriptedServer server([](ScriptedConnection& connection) {
    (void)connection.read_head();
    connection.write("HTTP/1.1 413 Too Large\r\nContent-Length: 0\r\nConnection: close\r\n\r\n");
    (void)connection.wait_closed();
  });
  HttpRequest request = post(server.url(), "");
  auto endless = [](Runtime*) -> boost::asio::awaitable<Result<std::string>> {
    auto slept = co_await sleep_for(std::chrono::milliseconds(1));
    if (!slept) co_return slept.error();
    co_return std::string(1'000, 'x');
  };
  request.body_source = [&] { return endless(&runtime_); };

  EXPECT_EQ(send(request).value().status, 413);
}

TEST_F(TransportStreamTest, BothBodiesFlowAtOnce) {
  // An echo: what is sent comes back while more is sent.
  constexpr std::size_t kPieces = 200;
  ScriptedServer server([](ScriptedConnection& connection) {
    (void)connection.read_head();
    constexpr std::size_t kBytes = kPieces * 100'000;
    connection.write("HTTP/1.1 200 OK\r\nContent-Length: " + std::to_string(kBytes) + "\r\n\r\n");
    std::size_t echoed = 0;
    while (echoed < kBytes) {
      const std::string more = connection.read_some();
      if (more.empty() || !connection.write(more)) return;
      echoed += more.size();
    }
  });
  HttpRequest request = post(server.url(), "");
  request.max_response_bytes = std::size_t{64} << 20U;
  std::vector<std::string> pieces(kPieces, std::string(100'000, 'p'));
  request.body_source = source_of(std::move(pieces));
  request.body_source_bytes = kPieces * 100'000;

  const auto response = send(request);

  ASSERT_TRUE(response.has_value()) << response.error().to_string();
  EXPECT_EQ(response->body, std::string(kPieces * 100'000, 'p'));
}

}  // namespace
}  // namespace rwp::tests
