#pragma once

#include <rwp/core/error.hpp>

#include <array>
#include <chrono>
#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace rwp::observability {

/// W3C trace context (https://www.w3.org/TR/trace-context/, level 1): which trace this work belongs
/// to and which span is its parent. A value; all zero means none.
struct TraceContext {
  std::array<std::uint8_t, 16> trace_id{};
  std::array<std::uint8_t, 8> span_id{};
  bool sampled = false;

  bool valid() const noexcept;
  /// A new trace with random ids.
  static TraceContext make_root(bool sampled = true);
  /// The same trace, a new span.
  TraceContext make_child() const;
  /// Reads a `traceparent` header's value. `Errc::invalid_argument`: not valid by the standard.
  static Result<TraceContext> parse(std::string_view traceparent);
  /// "00-<trace>-<span>-<flags>"; empty when not valid.
  std::string to_traceparent() const;

  friend bool operator==(const TraceContext&, const TraceContext&) = default;
};

/// Which side of a call a span is, with OpenTelemetry's numbers.
enum class SpanKind : std::uint8_t {
  internal = 1,
  server = 2,
  client = 3,
  producer = 4,
  consumer = 5
};

/// A finished span.
struct SpanRecord {
  std::string name{};
  SpanKind kind = SpanKind::internal;
  TraceContext context{};
  /// All zero: a root.
  std::array<std::uint8_t, 8> parent_span_id{};
  std::chrono::system_clock::time_point start{};
  std::chrono::system_clock::time_point end{};
  bool failed = false;
  std::vector<std::pair<std::string, std::string>> attributes{};
};

/// Takes finished spans. Threads: safe to share; never blocks, drops when it must.
class SpanExporter {
 public:
  virtual ~SpanExporter() = default;
  SpanExporter(const SpanExporter&) = delete;
  SpanExporter& operator=(const SpanExporter&) = delete;
  virtual void export_span(SpanRecord span) noexcept = 0;

 protected:
  SpanExporter() = default;
};

}  // namespace rwp::observability
