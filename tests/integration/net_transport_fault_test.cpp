#include "support/event.hpp"
#include "support/transport_fixture.hpp"

#include <atomic>
#include <chrono>
#include <vector>

namespace rwp::tests {
namespace {

using net::HttpRequest;
using std::chrono::milliseconds;
using ::testing::AllOf;
using ::testing::HasSubstr;
using ::testing::Not;

using TransportFaultTest = TransportFixture;

ScriptedServer::Script answer_and_close(std::string answer) {
  return [answer = std::move(answer)](ScriptedConnection& connection) {
    (void)connection.read_request();
    connection.write(answer);
  };
}

TEST_F(TransportFaultTest, APortNobodyListensOnIsUnavailable) {
  const auto failed = get("http://127.0.0.1:1/path?key=secret").error();

  EXPECT_EQ(failed.code(), Errc::unavailable);
  EXPECT_TRUE(failed.retryable());
  EXPECT_THAT(failed.message(),
              AllOf(HasSubstr("GET http://127.0.0.1:1/path: "), Not(HasSubstr("secret"))));
}

TEST_F(TransportFaultTest, AHostThatIsNotThereIsUnavailable) {
  EXPECT_EQ(get("http://no-such-host.invalid/").error().code(), Errc::unavailable);
}

TEST_F(TransportFaultTest, ABodyThatBreaksOffIsAnErrorAndNeverShort) {
  const std::vector<std::string> cut = {
      "HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nshort",
      "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nshort\r\n",
      "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nsho",
      "HTTP/1.1 200 OK\r\nContent-Le",
      "",
  };
  for (const std::string& answer : cut) {
    ScriptedServer server(answer_and_close(answer));
    EXPECT_EQ(get(server.url()).error().code(), Errc::unavailable) << answer;
  }
}

TEST_F(TransportFaultTest, AnAnswerThatIsNoHttpIsCorrupt) {
  const std::vector<std::string> malformed = {
      "220 smtp.example.com ESMTP\r\n\r\n",
      "HTTP/1.1 abc OK\r\n\r\n",
      "HTTP/1.1 200 OK\r\nContent-Length: minus one\r\n\r\n",
      "HTTP/1.1 200 OK\r\nno colon here\r\nContent-Length: 0\r\n\r\n",
      "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nxyz\r\nshort\r\n0\r\n\r\n",
      "HTTP/1.1 200 OK\r\nX: " + std::string(200'000, 'a') + "\r\n\r\n",
      "HTTP/9.9 200 OK\r\n\r\n",
  };
  for (const std::string& answer : malformed) {
    ScriptedServer server(answer_and_close(answer));
    const auto outcome = get(server.url());
    ASSERT_FALSE(outcome.has_value()) << answer.substr(0, 80);
    EXPECT_EQ(outcome.error().code(), Errc::corrupt) << outcome.error().to_string();
  }
}

TEST_F(TransportFaultTest, EndlessHeadersAreCutOff) {
  ScriptedServer server([](ScriptedConnection& connection) {
    (void)connection.read_request();
    connection.write("HTTP/1.1 200 OK\r\n");
    while (connection.write("X-More: and more of it\r\n")) {
    }
  });

  EXPECT_EQ(get(server.url()).error().code(), Errc::corrupt);
}

TEST_F(TransportFaultTest, AConnectionThatIsNotMadeInTimeIsToldAsThat) {
  UnansweringPort port;
  HttpRequest request;
  request.url = port.url();
  request.connect_timeout = milliseconds(150);

  const auto failed = send(request).error();

  EXPECT_EQ(failed.code(), Errc::deadline_exceeded);
  EXPECT_THAT(failed.message(), HasSubstr("not connected within 150 ms"));
}

TEST_F(TransportFaultTest, AnAnswerThatDoesNotComeInTimeIsToldAsThat) {
  Event closed;
  ScriptedServer server([&closed](ScriptedConnection& connection) {
    (void)connection.read_request();
    if (connection.wait_closed()) closed.set();
  });
  HttpRequest request = post(server.url(), "x");
  request.head_timeout = milliseconds(150);

  const auto failed = send(request).error();

  EXPECT_EQ(failed.code(), Errc::deadline_exceeded);
  EXPECT_THAT(failed.message(), HasSubstr("no answer within 150 ms"));
  EXPECT_TRUE(closed.wait());
}

TEST_F(TransportFaultTest, ABodyThatFallsSilentIsToldAsThat) {
  ScriptedServer server([](ScriptedConnection& connection) {
    (void)connection.read_request();
    connection.write("HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nshort");
    (void)connection.wait_closed();
  });
  HttpRequest request = post(server.url(), "x");
  request.idle_timeout = milliseconds(150);

  const auto failed = send(request).error();

  EXPECT_EQ(failed.code(), Errc::deadline_exceeded);
  EXPECT_THAT(failed.message(), HasSubstr("no more of the answer's body within 150 ms"));
}

TEST_F(TransportFaultTest, ABodyThatTricklesEndsAtTheDeadline) {
  ScriptedServer server([](ScriptedConnection& connection) {
    (void)connection.read_request();
    connection.write("HTTP/1.1 200 OK\r\nContent-Length: 1000000000\r\n\r\n");
    while (connection.write("some")) {
    }
  });
  HttpRequest request = post(server.url(), "x");
  request.max_response_bytes = std::size_t{1} << 40U;
  request.deadline = std::chrono::steady_clock::now() + milliseconds(200);

  const auto failed = send(request).error();

  EXPECT_EQ(failed.code(), Errc::deadline_exceeded);
  EXPECT_THAT(failed.message(), HasSubstr("the deadline of the exchange passed"));
}

TEST_F(TransportFaultTest, ARequestThatIsNotTakenIsToldAsThat) {
  Event ended;
  ScriptedServer server([&ended](ScriptedConnection&) { ended.wait(); });
  HttpRequest request = post(server.url(), std::string(16'000'000, 'x'));
  request.idle_timeout = milliseconds(200);

  const auto failed = send(std::move(request)).error();
  ended.set();

  EXPECT_EQ(failed.code(), Errc::deadline_exceeded);
  EXPECT_THAT(failed.message(), HasSubstr("the request's body was not taken for 200 ms"));
}

TEST_F(TransportFaultTest, ADeadlineInThePastConnectsToNobody) {
  ScriptedServer server(answer_and_close(""));
  HttpRequest request;
  request.url = server.url();
  request.deadline = std::chrono::steady_clock::now();

  EXPECT_EQ(send(request).error().code(), Errc::deadline_exceeded);
}

TEST_F(TransportFaultTest, AClosedConnectionIsMadeAnewForWhatIsSafeToRepeat) {
  std::atomic<int> served = 0;
  ScriptedServer server([&served](ScriptedConnection& connection) {
    // Takes a second request and closes instead of an answer, as a server that is stopped does.
    if (connection.read_request().empty()) return;
    ++served;
    connection.write(ok_answer("ok"));
    (void)connection.read_head();
  });
  HttpRequest safe;
  safe.url = server.url();
  ASSERT_TRUE(send(safe).has_value());
  ASSERT_TRUE(send(safe).has_value());
  EXPECT_EQ(served, 2);

  const auto unsafe = send(post(server.url(), "x"));
  ASSERT_FALSE(unsafe.has_value());
  EXPECT_EQ(unsafe.error().code(), Errc::unavailable);
  EXPECT_EQ(served, 2);

  ASSERT_TRUE(send(safe).has_value());
  HttpRequest keyed = post(server.url(), "x");
  keyed.headers.add("Idempotency-Key", "k-1");
  EXPECT_TRUE(send(std::move(keyed)).has_value());
}

TEST_F(TransportFaultTest, AConnectWaitEndsWhenCancelled) {
  UnansweringPort port;
  HttpRequest request;
  request.url = port.url();
  SendUnderWay sending(runtime_, shared_transport(), request);

  sending.cancel();

  EXPECT_EQ(sending.outcome().error().code(), Errc::cancelled);
}

TEST_F(TransportFaultTest, AWaitForTheHeadEndsWhenCancelledAndClosesTheConnection) {
  Event asked;
  Event closed;
  ScriptedServer server([&](ScriptedConnection& connection) {
    (void)connection.read_request();
    asked.set();
    if (connection.wait_closed()) closed.set();
  });
  SendUnderWay sending(runtime_, shared_transport(), post(server.url(), "x"));
  ASSERT_TRUE(asked.wait());

  sending.cancel();

  EXPECT_EQ(sending.outcome().error().code(), Errc::cancelled);
  EXPECT_TRUE(closed.wait());
}

TEST_F(TransportFaultTest, AWaitForTheBodyEndsWhenCancelledAndClosesTheConnection) {
  Event asked;
  Event closed;
  ScriptedServer server([&](ScriptedConnection& connection) {
    (void)connection.read_request();
    connection.write("HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nshort");
    asked.set();
    if (connection.wait_closed()) closed.set();
  });
  SendUnderWay sending(runtime_, shared_transport(), post(server.url(), "x"));
  ASSERT_TRUE(asked.wait());

  sending.cancel();

  EXPECT_EQ(sending.outcome().error().code(), Errc::cancelled);
  EXPECT_TRUE(closed.wait());
}

TEST_F(TransportFaultTest, AnExchangeThatIsDroppedClosesItsConnection) {
  Event closed;
  ScriptedServer server([&](ScriptedConnection& connection) {
    (void)connection.read_request();
    connection.write("HTTP/1.1 200 OK\r\nContent-Length: 1000000\r\n\r\nshort");
    if (connection.wait_closed()) closed.set();
  });
  HttpRequest request;
  request.url = server.url();

  // On this thread, which is not the transport's.
  { const auto exchange = run(runtime_, transport().open(request)).value(); }

  EXPECT_TRUE(closed.wait());
}

TEST_F(TransportFaultTest, AnExchangeOutlivesItsTransport) {
  ScriptedServer server([](ScriptedConnection& connection) {
    (void)connection.read_request();
    connection.write("HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\n");
    connection.write("whole");
    (void)connection.wait_closed();
  });
  HttpRequest request;
  request.url = server.url();
  auto other = net::make_curl_transport(runtime_);
  const auto exchange = run(runtime_, other->open(request)).value();
  other.reset();

  std::string body;
  while (true) {
    const std::string piece = run(runtime_, exchange->read()).value();
    if (piece.empty()) break;
    body += piece;
  }
  EXPECT_EQ(body, "whole");
}

TEST_F(TransportFaultTest, TheEndOfTheRuntimeEndsWhatIsUnderWay) {
  Event asked;
  Event closed;
  ScriptedServer server([&](ScriptedConnection& connection) {
    (void)connection.read_request();
    connection.write("HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nshort");
    asked.set();
    if (connection.wait_closed()) closed.set();
  });
  HttpRequest request;
  request.url = server.url();
  auto runtime = std::make_unique<Runtime>();
  auto transport = net::make_curl_transport(*runtime);
  const auto exchange = run(*runtime, transport->open(request)).value();
  SendUnderWay sending(*runtime, transport, post(server.url(), "x"));
  ASSERT_TRUE(asked.wait());

  runtime.reset();

  EXPECT_TRUE(closed.wait());
}

}  // namespace
}  // namespace rwp::tests
