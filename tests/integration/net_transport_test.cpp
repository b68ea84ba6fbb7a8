#include "support/transport_fixture.hpp"
#include <rwp/testing/captured_log.hpp>

#include <atomic>
#include <cstdlib>
#include <string_view>
#include <vector>

namespace rwp::tests {
namespace {

using net::HttpRequest;
using ::testing::ElementsAre;
using ::testing::EndsWith;
using ::testing::HasSubstr;
using ::testing::Not;
using ::testing::StartsWith;

class TransportTest : public TransportFixture {
 protected:
  /// What a server that answers "ok" receives.
  std::string received(HttpRequest request, std::string_view path = "/") {
    std::string seen;
    ScriptedServer server(answer_each([&seen](const std::string& got) {
      seen = got;
      return ok_answer("ok");
    }));
    request.url = server.url(path);
    EXPECT_TRUE(send(std::move(request)).has_value());
    return seen;
  }
};

TEST_F(TransportTest, AnAnswerComesBackWithStatusHeaderAndBody) {
  ScriptedServer server(answer_each([](const std::string&) {
    return "HTTP/1.1 418 I'm a teapot\r\nX-One: 1\r\nx-two:  two words \r\nContent-Length: 5\r\n"
           "\r\nshort";
  }));

  const auto response = get(server.url()).value();

  EXPECT_EQ(response.status, 418);
  EXPECT_EQ(response.http_version, "1.1");
  EXPECT_EQ(response.headers.find("X-Two"), "two words");
  EXPECT_EQ(response.body, "short");
}

TEST_F(TransportTest, ARequestIsSentAsItWasGiven) {
  HttpRequest request = post("", "{\"a\":1}");
  request.headers.add("Content-Type", "application/json");
  request.headers.add("X-Empty", "");

  const std::string seen = received(request, "/a/../b%20c?d=%25&e");

  EXPECT_THAT(seen, StartsWith("POST /a/../b%20c?d=%25&e HTTP/1.1\r\n"));
  EXPECT_THAT(seen, HasSubstr("\r\nContent-Type: application/json\r\n"));
  EXPECT_THAT(seen, HasSubstr("\r\nX-Empty:\r\n"));
  EXPECT_THAT(seen, HasSubstr("\r\nContent-Length: 7\r\n"));
  EXPECT_THAT(seen, HasSubstr("\r\nUser-Agent: rwp/0.1.0\r\n"));
  EXPECT_THAT(seen, Not(HasSubstr("Expect")));
  EXPECT_THAT(seen, EndsWith("\r\n\r\n{\"a\":1}"));
}

TEST_F(TransportTest, MethodsAreSentWithAndWithoutBodies) {
  HttpRequest request;
  for (const char* method : {"GET", "DELETE", "OPTIONS", "PROPFIND"}) {
    request.method = method;
    const std::string seen = received(request);
    EXPECT_THAT(seen, StartsWith(std::string(method) + " / HTTP/1.1\r\n"));
    EXPECT_THAT(seen, Not(HasSubstr("Content-Length"))) << method;
  }
  for (const char* method : {"POST", "PUT", "PATCH"}) {
    request.method = method;
    EXPECT_THAT(received(request), HasSubstr("Content-Length: 0\r\n")) << method;
  }
  request.method = "DELETE";
  request.body = "why";
  EXPECT_THAT(received(request), EndsWith("\r\n\r\nwhy"));
}

TEST_F(TransportTest, AHeadRequestHasAnAnswerWithoutABody) {
  ScriptedServer server(answer_each(
      [](const std::string&) { return "HTTP/1.1 200 OK\r\nContent-Length: 1000000000\r\n\r\n"; }));
  HttpRequest request;
  request.method = "HEAD";
  request.url = server.url();

  EXPECT_EQ(send(request).value().body, "");
  EXPECT_EQ(send(request).value().headers.find("content-length"), "1000000000");
  EXPECT_EQ(server.accepted(), 1);
}

TEST_F(TransportTest, ChunkedAnswersAreJoinedAndTrailersLeftOut) {
  ScriptedServer server(answer_each([](const std::string&) {
    return "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"
           "4;x=y\r\nWiki\r\n6\r\npedia \r\n0\r\nX-Trailer: late\r\n\r\n";
  }));

  const auto response = get(server.url()).value();

  EXPECT_EQ(response.body, "Wikipedia ");
  EXPECT_FALSE(response.headers.contains("X-Trailer"));
}

TEST_F(TransportTest, AnAnswerWithoutALengthEndsWithItsConnection) {
  ScriptedServer server([](ScriptedConnection& connection) {
    (void)connection.read_request();
    connection.write("HTTP/1.0 200 OK\r\n\r\nall of it");
  });

  const auto response = get(server.url()).value();

  EXPECT_EQ(response.http_version, "1.0");
  EXPECT_EQ(response.body, "all of it");
}

TEST_F(TransportTest, RedirectsAreAnswersAndNotFollowed) {
  ScriptedServer server(answer_each([](const std::string&) {
    return "HTTP/1.1 302 Found\r\nLocation: http://127.0.0.1:1/\r\nContent-Length: 0\r\n\r\n";
  }));

  EXPECT_EQ(get(server.url()).value().status, 302);
}

TEST_F(TransportTest, AConnectionIsUsedAgain) {
  ScriptedServer server(answer_each([](const std::string&) { return ok_answer("ok"); }));

  for (int i = 0; i < 50; ++i) ASSERT_TRUE(send(post(server.url(), "x")).has_value());

  EXPECT_EQ(server.accepted(), 1);
}

TEST_F(TransportTest, TwoHundredRequestsAtOnceAreAllAnswered) {
  ScriptedServer server(
      answer_each([](const std::string& request) { return ok_answer(request.substr(0, 20)); }));
  std::vector<std::unique_ptr<SendUnderWay>> under_way;
  for (int i = 100; i < 300; ++i) {
    HttpRequest request;
    request.url = server.url("/" + std::to_string(i));
    under_way.push_back(
        std::make_unique<SendUnderWay>(runtime_, shared_transport(), std::move(request)));
  }

  int number = 100;
  for (const auto& each : under_way) {
    EXPECT_THAT(each->outcome().value().body, StartsWith("GET /" + std::to_string(number++)));
  }
}

TEST_F(TransportTest, RequestsBeyondTheConnectionsWaitForAFreeOne) {
  options_.max_connections_per_host = 3;
  std::atomic<int> busy = 0;
  std::atomic<int> most = 0;
  ScriptedServer server(answer_each([&](const std::string&) {
    const int now = ++busy;
    int seen = most;
    while (now > seen && !most.compare_exchange_weak(seen, now)) {
    }
    --busy;
    return ok_answer("ok");
  }));
  std::vector<std::unique_ptr<SendUnderWay>> under_way;
  for (int i = 0; i < 40; ++i) {
    under_way.push_back(
        std::make_unique<SendUnderWay>(runtime_, shared_transport(), post(server.url(), "x")));
  }

  for (const auto& each : under_way) EXPECT_TRUE(each->outcome().has_value());

  EXPECT_LE(most, 3);
  EXPECT_LE(server.accepted(), 3);
}

TEST_F(TransportTest, TheCallersSpanIsSentAsTheParent) {
  HttpRequest request;
  request.trace = observability::TraceContext::make_root();

  const std::string seen = received(request);

  const std::string_view name = "\r\ntraceparent: ";
  const std::size_t at = seen.find(name);
  ASSERT_NE(at, std::string::npos);
  const std::string text = seen.substr(at + name.size(), 55);
  EXPECT_EQ(observability::TraceContext::parse(text).value(), request.trace);
  EXPECT_THAT(received(HttpRequest()), Not(HasSubstr("traceparent")));
}

TEST_F(TransportTest, NoProxyIsTakenFromTheEnvironment) {
  ::setenv("http_proxy", "http://127.0.0.1:1", 1);
  ::setenv("ALL_PROXY", "http://127.0.0.1:1", 1);
  ScriptedServer server(answer_each([](const std::string&) { return ok_answer("direct"); }));

  const auto response = get(server.url());

  ::unsetenv("http_proxy");
  ::unsetenv("ALL_PROXY");
  EXPECT_EQ(response.value().body, "direct");
}

TEST_F(TransportTest, ExchangesAreCountedByTheirOutcomeAndLogged) {
  auto log = std::make_shared<testing::CapturedLog>();
  options_.metrics = observability::make_metrics();
  options_.log = observability::Logger(log);
  ScriptedServer server(answer_each([](const std::string& request) {
    return request.starts_with("GET /bad") ? "HTTP/1.1 503 No\r\nContent-Length: 0\r\n\r\n"
                                           : ok_answer("ok");
  }));

  ASSERT_TRUE(get(server.url("/good?key=secret")).has_value());
  ASSERT_TRUE(get(server.url("/bad")).has_value());
  ASSERT_FALSE(get("http://127.0.0.1:1/").has_value());

  const std::string series = options_.metrics->expose();
  EXPECT_THAT(series, HasSubstr("rwp_http_client_requests_total{outcome=\"2xx\"} 1"));
  EXPECT_THAT(series, HasSubstr("rwp_http_client_requests_total{outcome=\"5xx\"} 1"));
  EXPECT_THAT(series, HasSubstr("rwp_http_client_requests_total{outcome=\"unavailable\"} 1"));
  EXPECT_THAT(series, HasSubstr("rwp_http_client_seconds_count 3"));
  EXPECT_THAT(series, HasSubstr("rwp_http_client_in_flight 0"));
  EXPECT_EQ(log->count("http exchange"), 3U);
}

}  // namespace
}  // namespace rwp::tests
