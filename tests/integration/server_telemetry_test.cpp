// What a server tells its operator about requests.

#include "support/server_fixture.hpp"

#include <gmock/gmock.h>

#include <mutex>
#include <sstream>

namespace {

using namespace std::chrono_literals;
using namespace rwp;          // NOLINT(google-build-using-namespace): a test.
using namespace rwp::server;  // NOLINT(google-build-using-namespace)
using rwp::tests::get;
using rwp::tests::post;
using rwp::tests::RawClient;
using testing::AllOf;
using testing::HasSubstr;
using testing::Not;

/// Keeps lines as "event name=value …".
class KeptLines final : public observability::LogSink {
 public:
  bool enabled(observability::LogLevel) const noexcept override { return true; }
  void write(observability::LogLevel, std::string_view event,
             const std::vector<observability::LogField>& fields) override {
    std::ostringstream line;
    line << event;
    for (const auto& field : fields) {
      line << ' ' << field.name() << '=';
      std::visit([&line](const auto& value) { line << value; }, field.value());
    }
    const std::lock_guard lock(mutex_);
    lines_.push_back(line.str());
  }
  std::vector<std::string> of(std::string_view event) const {
    const std::lock_guard lock(mutex_);
    std::vector<std::string> found;
    for (const std::string& line : lines_) {
      if (line.starts_with(event)) found.push_back(line);
    }
    return found;
  }

 private:
  mutable std::mutex mutex_;
  std::vector<std::string> lines_;
};

class KeptSpans final : public observability::SpanExporter {
 public:
  void export_span(observability::SpanRecord span) noexcept override {
    const std::lock_guard lock(mutex_);
    spans_.push_back(std::move(span));
  }
  std::vector<observability::SpanRecord> all() const {
    const std::lock_guard lock(mutex_);
    return spans_;
  }

 private:
  mutable std::mutex mutex_;
  std::vector<observability::SpanRecord> spans_;
};

class ServerTelemetryTest : public tests::ServerFixture {
 protected:
  ServerTelemetryTest() {
    options_.log = observability::Logger(lines_);
    options_.metrics = metrics_;
    options_.spans = spans_;
  }

  bool shows(const std::string& series) {
    return eventually([&] { return metrics_->expose().find(series) != std::string::npos; });
  }

  std::shared_ptr<KeptLines> lines_ = std::make_shared<KeptLines>();
  std::shared_ptr<observability::Metrics> metrics_ = observability::make_metrics();
  std::shared_ptr<KeptSpans> spans_ = std::make_shared<KeptSpans>();
};

TEST_F(ServerTelemetryTest, EachRequestIsOneLineWithoutQueryAndKey) {
  start();
  RawClient client = connect();
  client.ask(get("/hello?secret=query",
                 "Authorization: Bearer secret-key\r\nX-Request-Id: r1\r\n"
                 "traceparent: 00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01\r\n"));

  ASSERT_TRUE(eventually([&] { return lines_->of("http request").size() == 1; }));
  const std::string line = lines_->of("http request").front();
  EXPECT_THAT(line, HasSubstr(" method=GET path=/hello status=200 bytes=5 seconds="));
  EXPECT_THAT(line, HasSubstr(" request_id=r1 trace_id=0af7651916cd43dd8448eb211c80319c"));
  EXPECT_THAT(line, Not(HasSubstr("secret")));
}

TEST_F(ServerTelemetryTest, QuietRouteSaysNothing) {
  RouteOptions quiet;
  quiet.quiet = true;
  add(
      "GET", "/quiet",
      [](Request) -> boost::asio::awaitable<Response> { co_return text_response(200, "shh"); },
      quiet);
  start();
  RawClient client = connect();
  client.ask(get("/quiet"));
  client.ask(get("/hello"));

  ASSERT_TRUE(eventually([&] { return !lines_->of("http request").empty(); }));
  EXPECT_EQ(lines_->of("http request").size(), 1U);
}

TEST_F(ServerTelemetryTest, WhatAHandlerThrewIsInTheLogOnly) {
  add("GET", "/throws", [](Request) -> boost::asio::awaitable<Response> {
    throw std::runtime_error("the disk is on fire");
    co_return Response();
  });
  start();

  const auto answer = connect().ask(get("/throws", "X-Request-Id: r2\r\n"));

  ASSERT_TRUE(answer);
  EXPECT_THAT(answer->body, Not(HasSubstr("fire")));
  ASSERT_TRUE(eventually([&] { return lines_->of("a handler threw").size() == 1; }));
  EXPECT_THAT(lines_->of("a handler threw").front(),
              AllOf(HasSubstr("request_id=r2"), HasSubstr("the disk is on fire")));
}

TEST_F(ServerTelemetryTest, RefusalsAreCountedByReason) {
  options_.header_timeout = 150ms;
  start();

  connect().ask("nonsense\x01\r\n\r\n");
  connect().ask(post("/echo", "", "Content-Length: 1\r\n"));
  connect().ask("POST /echo HTTP/1.1\r\nHost: x\r\nContent-Length: 99999999\r\n\r\n");
  connect().ask("GET /slow");

  EXPECT_TRUE(shows(R"(rwp_http_rejected_total{reason="malformed"} 2)"));
  EXPECT_TRUE(shows(R"(rwp_http_rejected_total{reason="body_too_large"} 1)"));
  EXPECT_TRUE(shows(R"(rwp_http_rejected_total{reason="header_timeout"} 1)"));
}

TEST_F(ServerTelemetryTest, InventedMethodsAndPathsMakeNoSeries) {
  start();
  RawClient client = connect();
  for (int i = 0; i < 50; ++i) {
    client.ask("M" + std::to_string(i) + " /p" + std::to_string(i) +
               " HTTP/1.1\r\nHost: x\r\n\r\n");
  }

  EXPECT_TRUE(shows(R"(rwp_http_requests_total{method="other",route="none",status="404"} 50)"));
}

TEST_F(ServerTelemetryTest, SampledRequestIsASpanUnderItsCallers) {
  start();
  RawClient client = connect();
  client.ask(
      get("/hello", "traceparent: 00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01\r\n"));
  client.ask(
      get("/hello", "traceparent: 00-1af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-00\r\n"));
  client.ask(get("/absent"));

  ASSERT_TRUE(eventually([&] { return spans_->all().size() == 2; }));
  const auto spans = spans_->all();
  EXPECT_EQ(spans[0].name, "GET /hello");
  EXPECT_EQ(spans[0].parent_span_id[0], 0xB7);
  EXPECT_FALSE(spans[0].failed);
  EXPECT_EQ(spans[1].name, "GET none");
}

TEST_F(ServerTelemetryTest, ConnectionsAreCountedWhileTheyAreOpen) {
  start();
  {
    RawClient client = connect();
    client.ask(get("/hello"));
    EXPECT_TRUE(shows("rwp_http_connections 1"));
  }

  EXPECT_TRUE(shows("rwp_http_connections 0"));
  EXPECT_TRUE(shows("rwp_http_in_flight 0"));
}

}  // namespace
