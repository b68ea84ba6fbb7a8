#include "support/transport_fixture.hpp"
#include <rwp/core/json.hpp>
#include <rwp/net/otlp_exporter.hpp>

#include <mutex>
#include <vector>

namespace rwp::tests {
namespace {

using namespace std::chrono_literals;
using Json = nlohmann::json;
using observability::SpanRecord;
using observability::TraceContext;

/// A collector that keeps what is posted, and answers with the statuses it is given, then 200.
class Collector {
 public:
  explicit Collector(std::vector<int> statuses = std::vector<int>())
      : statuses_(std::move(statuses)), server_([this](ScriptedConnection& connection) {
          for (;;) {
            const std::string request = connection.read_request();
            if (request.empty()) return;
            if (!connection.write(answer_to(request))) return;
          }
        }) {}

  std::string url() const { return server_.url("/v1/traces"); }
  std::vector<std::string> requests() {
    const std::lock_guard lock(mutex_);
    return requests_;
  }
  /// All spans that were taken.
  std::vector<Json> spans() {
    std::vector<Json> all;
    const std::lock_guard lock(mutex_);
    for (const auto& text : taken_) {
      const Json body = Json::parse(text);
      for (const auto& span : body["resourceSpans"][0]["scopeSpans"][0]["spans"]) {
        all.push_back(span);
      }
    }
    return all;
  }

 private:
  std::string answer_to(const std::string& request) {
    const std::lock_guard lock(mutex_);
    requests_.push_back(request);
    const std::size_t number = requests_.size() - 1;
    const int status = number < statuses_.size() ? statuses_[number] : 200;
    if (status == 200) taken_.push_back(request.substr(request.find("\r\n\r\n") + 4));
    return "HTTP/1.1 " + std::to_string(status) + " X\r\nContent-Length: 2\r\n\r\n{}";
  }

  const std::vector<int> statuses_;
  std::mutex mutex_;
  std::vector<std::string> requests_;
  std::vector<std::string> taken_;
  ScriptedServer server_;
};

class OtlpExporterTest : public TransportFixture {
 protected:
  std::shared_ptr<net::OtlpExporter> exporter(const std::string& url) {
    otlp_.url = url;
    otlp_.metrics = metrics_;
    return net::make_otlp_exporter(runtime_, shared_transport(), otlp_).value();
  }
  Result<void> flush(net::OtlpExporter& exporter, std::chrono::milliseconds within = 20s) {
    return run(runtime_, exporter.flush(std::chrono::steady_clock::now() + within));
  }
  double spans(const std::string& outcome) {
    return metrics_->counter("rwp_trace_spans_total", "", {{"outcome", outcome}}).value();
  }
  static SpanRecord span(std::string name = "job job_ad.enrich") {
    SpanRecord record;
    record.name = std::move(name);
    record.context = TraceContext::make_root();
    record.start = std::chrono::system_clock::time_point(1'700'000'000s);
    record.end = record.start + 1500ms;
    return record;
  }

  std::shared_ptr<observability::Metrics> metrics_ = observability::make_metrics();
  net::OtlpOptions otlp_;
};

TEST_F(OtlpExporterTest, SpansArriveInTheEncodingOfTheProtocol) {
  Collector collector;
  otlp_.service_name = "rwp-worker_pod";
  otlp_.headers.set("Authorization", "Bearer secret");
  const auto exporting = exporter(collector.url());
  SpanRecord record = span();
  record.kind = observability::SpanKind::consumer;
  record.parent_span_id = {0xb7, 0xad, 0x6b, 0x71, 0x69, 0x20, 0x33, 0x31};
  record.failed = true;
  record.attributes = {{"rwp.job.kind", "job_ad.enrich"}};
  const std::string id = record.context.to_traceparent();

  exporting->export_span(record);
  ASSERT_TRUE(flush(*exporting).has_value());

  const std::string request = collector.requests().at(0);
  EXPECT_TRUE(request.starts_with("POST /v1/traces HTTP/1.1\r\n")) << request;
  EXPECT_THAT(request, ::testing::HasSubstr("Authorization: Bearer secret\r\n"));
  EXPECT_THAT(request, ::testing::HasSubstr("Content-Type: application/json\r\n"));
  const Json body = Json::parse(request.substr(request.find("\r\n\r\n") + 4));
  const Json& resource = body["resourceSpans"][0]["resource"]["attributes"][0];
  EXPECT_EQ(resource["key"], "service.name");
  EXPECT_EQ(resource["value"]["stringValue"], "rwp-worker_pod");
  const Json sent = collector.spans().at(0);
  EXPECT_EQ(sent["traceId"], id.substr(3, 32));
  EXPECT_EQ(sent["spanId"], id.substr(36, 16));
  EXPECT_EQ(sent["parentSpanId"], "b7ad6b7169203331");
  EXPECT_EQ(sent["name"], "job job_ad.enrich");
  EXPECT_EQ(sent["kind"], 5);
  EXPECT_EQ(sent["startTimeUnixNano"], "1700000000000000000");
  EXPECT_EQ(sent["endTimeUnixNano"], "1700000001500000000");
  EXPECT_EQ(sent["status"]["code"], 2);
  EXPECT_EQ(sent["attributes"][0]["key"], "rwp.job.kind");
  EXPECT_EQ(spans("exported"), 1);
}

TEST_F(OtlpExporterTest, ABatchThatWasRefusedForNowIsSentAgain) {
  Collector collector({503, 429});
  const auto exporting = exporter(collector.url());

  exporting->export_span(span());
  ASSERT_TRUE(flush(*exporting).has_value());

  EXPECT_EQ(collector.requests().size(), 3U);
  EXPECT_EQ(collector.spans().size(), 1U);
  EXPECT_EQ(spans("exported"), 1);
}

TEST_F(OtlpExporterTest, ABatchThatIsRefusedForGoodIsCountedAndTheNextOneSent) {
  Collector collector({400});
  const auto exporting = exporter(collector.url());

  exporting->export_span(span("bad"));
  ASSERT_TRUE(flush(*exporting).has_value());
  exporting->export_span(span("good"));
  ASSERT_TRUE(flush(*exporting).has_value());

  EXPECT_EQ(spans("refused"), 1);
  EXPECT_EQ(collector.spans().at(0)["name"], "good");
}

TEST_F(OtlpExporterTest, MoreThanMayWaitIsDroppedAndCounted) {
  otlp_.max_queued = 10;
  otlp_.max_batch = 4;
  otlp_.flush_every = 1h;
  otlp_.timeout = 50ms;
  const auto exporting = exporter("http://127.0.0.1:1/v1/traces");

  for (int i = 0; i < 1'000; ++i) exporting->export_span(span());
  ASSERT_TRUE(flush(*exporting).has_value());

  EXPECT_EQ(spans("dropped"), 1'000);
  EXPECT_EQ(spans("exported"), 0);
}

TEST_F(OtlpExporterTest, FlushGivesUpAtItsDeadline) {
  ScriptedServer silent([](ScriptedConnection& connection) { connection.wait_closed(); });
  const auto exporting = exporter(silent.url("/v1/traces"));

  exporting->export_span(span());
  const auto flushed = flush(*exporting, 50ms);

  ASSERT_FALSE(flushed.has_value());
  EXPECT_EQ(flushed.error().code(), Errc::deadline_exceeded);
}

TEST_F(OtlpExporterTest, WithARatioWholeTracesAreKept) {
  Collector collector;
  otlp_.sample_ratio = 0.5;
  const auto exporting = exporter(collector.url());
  constexpr int kTraces = 400;

  for (int i = 0; i < kTraces; ++i) {
    SpanRecord parent = span("parent");
    SpanRecord child = span("child");
    child.context = parent.context.make_child();
    exporting->export_span(parent);
    exporting->export_span(child);
  }
  SpanRecord unsampled = span("unsampled");
  unsampled.context.sampled = false;
  exporting->export_span(unsampled);
  ASSERT_TRUE(flush(*exporting).has_value());

  std::map<std::string, int> traces;
  for (const auto& sent : collector.spans()) ++traces[sent["traceId"].get<std::string>()];
  // The odds that fewer than 120 or more than 280 of 400 are kept are below one in 10^14.
  EXPECT_GT(traces.size(), 120U);
  EXPECT_LT(traces.size(), 280U);
  for (const auto& [trace, count] : traces) EXPECT_EQ(count, 2) << trace;
}

TEST_F(OtlpExporterTest, BadOptionsAreNamed) {
  const auto refused = [this](net::OtlpOptions options) {
    const auto made = net::make_otlp_exporter(runtime_, shared_transport(), std::move(options));
    return made ? std::string() : made.error().message();
  };
  net::OtlpOptions good;
  good.url = "http://127.0.0.1:4318/v1/traces";
  EXPECT_EQ(refused(good), "");

  net::OtlpOptions scheme = good;
  scheme.url = "ftp://127.0.0.1/";
  EXPECT_THAT(refused(scheme), ::testing::HasSubstr("url"));
  net::OtlpOptions ratio = good;
  ratio.sample_ratio = 1.5;
  EXPECT_THAT(refused(ratio), ::testing::HasSubstr("sample_ratio"));
  net::OtlpOptions queue = good;
  queue.max_queued = 0;
  EXPECT_THAT(refused(queue), ::testing::HasSubstr("max_queued"));
}

}  // namespace
}  // namespace rwp::tests
