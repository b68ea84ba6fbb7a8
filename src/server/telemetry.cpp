#include "server/telemetry.hpp"

#include <rwp/core/async.hpp>

#include <algorithm>
#include <array>
#include <cstddef>
#include <utility>

namespace rwp::server {
namespace {

constexpr std::size_t kMaxLoggedPath = 1024;

/// Labels come from a small set; a method is the client's choice.
std::string_view method_label(std::string_view method) noexcept {
  constexpr std::array<std::string_view, 7> kKnown = {"GET",     "POST", "PUT",  "DELETE",
                                                      "OPTIONS", "HEAD", "PATCH"};
  const auto* const found = std::find(kKnown.begin(), kKnown.end(), method);
  return found == kKnown.end() ? "other" : *found;
}

std::string_view route_label(const Route* route) noexcept {
  return route != nullptr ? std::string_view(route->pattern) : "none";
}

std::string trace_id_of(const observability::TraceContext& trace) {
  if (!trace.valid()) return {};
  constexpr std::string_view kHex = "0123456789abcdef";
  std::string text(2 * trace.trace_id.size(), '0');
  for (std::size_t i = 0; i < trace.trace_id.size(); ++i) {
    text[2 * i] = kHex[trace.trace_id[i] >> 4U];
    text[2 * i + 1] = kHex[trace.trace_id[i] & 0xFU];
  }
  return text;
}

}  // namespace

Telemetry::Telemetry(const ServerOptions& options, const Router::Impl& router,
                     boost::asio::any_io_executor executor)
    : options_(options), executor_(std::move(executor)), series_(router.routes.size() + 1) {
  if (!options_.metrics) return;
  connections_ = &options_.metrics->gauge("rwp_http_connections", "Open HTTP connections.");
  in_flight_ = &options_.metrics->gauge("rwp_http_in_flight", "HTTP requests being answered.");
}

void Telemetry::connection_opened() noexcept {
  if (connections_ != nullptr) connections_->add(1);
}
void Telemetry::connection_closed() noexcept {
  if (connections_ != nullptr) connections_->add(-1);
}
void Telemetry::request_began() noexcept {
  if (in_flight_ != nullptr) in_flight_->add(1);
}
void Telemetry::request_ended() noexcept {
  if (in_flight_ != nullptr) in_flight_->add(-1);
}

void Telemetry::finished(const RequestReport& report) {
  const auto taken = std::chrono::steady_clock::now() - report.began;
  const double seconds = std::chrono::duration<double>(taken).count();
  const std::chrono::duration<double> own = taken - report.waited;
  if (options_.metrics) count(report, std::max(own.count(), 0.0));
  if (options_.log.enabled(observability::LogLevel::info)) write_line(report, seconds);
  if (options_.spans && report.trace.sampled) export_span(report, taken);
}

void Telemetry::rejected(std::string_view reason) {
  if (!options_.metrics) return;
  const observability::Labels labels = {{"reason", std::string(reason)}};
  options_.metrics
      ->counter("rwp_http_rejected_total", "Requests and connections refused by the server itself.",
                labels)
      .add();
}

void Telemetry::count(const RequestReport& report, double seconds) {
  Series& series = report.route != nullptr ? series_[report.route->index] : series_.back();
  if (series.seconds == nullptr) {
    const observability::Labels labels = {{"route", std::string(route_label(report.route))}};
    series.seconds = &options_.metrics->histogram(
        "rwp_http_request_seconds", "Time from a request's head to the end of its answer.",
        observability::seconds_buckets(), labels);
  }
  series.seconds->observe(seconds);
  const std::string_view method = method_label(report.method);
  auto found = std::find_if(series.counters.begin(), series.counters.end(), [&](const auto& entry) {
    return entry.first.second == report.status && entry.first.first == method;
  });
  if (found == series.counters.end()) {
    const observability::Labels labels = {{"method", std::string(method)},
                                          {"route", std::string(route_label(report.route))},
                                          {"status", std::to_string(report.status)}};
    auto& counter =
        options_.metrics->counter("rwp_http_requests_total", "HTTP requests answered.", labels);
    series.counters.emplace_back(std::pair(std::string(method), report.status), &counter);
    found = series.counters.end() - 1;
  }
  found->second->add();
}

void Telemetry::write_line(const RequestReport& report, double seconds) {
  fields_.clear();
  fields_.emplace_back("method", method_label(report.method));
  fields_.emplace_back("path", std::string_view(report.path).substr(0, kMaxLoggedPath));
  fields_.emplace_back("status", report.status);
  fields_.emplace_back("bytes", report.bytes);
  fields_.emplace_back("seconds", seconds);
  fields_.emplace_back("request_id", report.request_id);
  fields_.emplace_back("trace_id", trace_id_of(report.trace));
  fields_.emplace_back("key_id", report.key_id);
  fields_.emplace_back("client_address", report.client_address);
  options_.log.gather(observability::LogLevel::info, "http request", fields_);
  if (*flush_comes_) return;
  *flush_comes_ = true;
  // Behind the requests that are ready to be answered now: their lines go out with this one.
  post(executor_, [comes = flush_comes_, log = options_.log] {
    *comes = false;
    log.flush();
  });
}

void Telemetry::export_span(const RequestReport& report, std::chrono::nanoseconds taken) const {
  const std::string method(method_label(report.method));
  const std::string route(route_label(report.route));
  observability::SpanRecord span;
  span.name = method + " " + route;
  span.kind = observability::SpanKind::server;
  span.context = report.trace;
  span.parent_span_id = report.parent.span_id;
  span.end = std::chrono::system_clock::now();
  span.start = span.end - std::chrono::duration_cast<std::chrono::system_clock::duration>(taken);
  span.failed = report.status >= 500;
  span.attributes.emplace_back("http.request.method", method);
  span.attributes.emplace_back("http.route", route);
  span.attributes.emplace_back("http.response.status_code", std::to_string(report.status));
  options_.spans->export_span(std::move(span));
}

}  // namespace rwp::server
