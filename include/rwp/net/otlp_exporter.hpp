#pragma once

#include <rwp/core/async.hpp>
#include <rwp/core/error.hpp>
#include <rwp/core/runtime.hpp>
#include <rwp/net/http_transport.hpp>
#include <rwp/observability/log.hpp>
#include <rwp/observability/metrics.hpp>
#include <rwp/observability/trace.hpp>

#include <boost/asio/awaitable.hpp>

#include <chrono>
#include <cstddef>
#include <memory>
#include <string>

namespace rwp::net {

struct OtlpOptions {
  /// Where spans are posted, path included: "http://collector:4318/v1/traces".
  std::string url{};
  /// Sent with each post; a collector's key belongs here.
  HttpHeaders headers{};
  /// `service.name` and `service.instance.id` of all spans; the latter may be empty.
  std::string service_name = "rwp";
  std::string service_instance{};
  /// The part of traces that is kept, 0 to 1. Judged by the trace's id alone, so that every process
  /// with the same ratio keeps the same traces, whole.
  double sample_ratio = 1;
  /// Spans that may wait; more are dropped and counted. 1 to 1,000,000.
  std::size_t max_queued = 8'192;
  /// Spans in one post. 1 to 10,000.
  std::size_t max_batch = 512;
  /// Longest that a span waits for others.
  std::chrono::milliseconds flush_every{2'000};
  /// For one post with its repetitions.
  std::chrono::milliseconds timeout{10'000};
  /// May be null. Series: `rwp_trace_spans_total` (outcome: exported, dropped, refused).
  std::shared_ptr<observability::Metrics> metrics{};
  observability::Logger log{};
};

/// Sends finished spans to an OpenTelemetry collector by OTLP/HTTP in its JSON encoding
/// (https://opentelemetry.io/docs/specs/otlp/#otlphttp).
///
/// Never in the way of work: a span is put into a bounded queue, a background task posts them in
/// batches, and when the collector is away or slow they are dropped and counted. A batch is tried
/// again on 429, 5xx and broken connections, within `timeout`; a collector may then see it twice.
/// Attribute values are cut to 1 KiB.
/// Threads: export_span from any, flush on any executor. Lifetime: ends before its runtime; spans
/// that have not been sent by then are lost, so flush first.
class OtlpExporter : public observability::SpanExporter {
 public:
  /// Waits until what was exported before has been sent or given up.
  /// `Errc::deadline_exceeded`: not by then.
  virtual boost::asio::awaitable<Result<void>> flush(SteadyTime deadline) = 0;
};

/// `Errc::invalid_argument` names the option and its rule. The transport is used on `runtime`.
Result<std::shared_ptr<OtlpExporter>> make_otlp_exporter(Runtime& runtime,
                                                         std::shared_ptr<HttpTransport> transport,
                                                         OtlpOptions options);

}  // namespace rwp::net
