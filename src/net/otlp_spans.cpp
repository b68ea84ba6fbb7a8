#include "net/otlp_spans.hpp"

#include <rwp/core/json_writer.hpp>

#include <array>
#include <chrono>
#include <cstddef>
#include <cstdint>

namespace rwp::net {
namespace {

constexpr std::size_t kMaxValueBytes = 1'024;
// Status.StatusCode of opentelemetry/proto/trace/v1/trace.proto.
constexpr int kStatusError = 2;

template <std::size_t N>
std::string hex(const std::array<std::uint8_t, N>& bytes) {
  constexpr std::string_view kDigits = "0123456789abcdef";
  std::string text;
  text.reserve(N * 2);
  for (const std::uint8_t byte : bytes) {
    text += kDigits[byte >> 4U];
    text += kDigits[byte & 15U];
  }
  return text;
}

std::string nanoseconds(std::chrono::system_clock::time_point time) {
  using std::chrono::duration_cast;
  return std::to_string(duration_cast<std::chrono::nanoseconds>(time.time_since_epoch()).count());
}

void write_attribute(JsonWriter& out, std::string_view key, std::string_view value) {
  out.begin_object().member("key", key).key("value").begin_object();
  out.member("stringValue", value.substr(0, kMaxValueBytes));
  out.end_object().end_object();
}

void write_span(JsonWriter& out, const observability::SpanRecord& span) {
  out.begin_object();
  out.member("traceId", hex(span.context.trace_id));
  out.member("spanId", hex(span.context.span_id));
  if (span.parent_span_id != decltype(span.parent_span_id){}) {
    out.member("parentSpanId", hex(span.parent_span_id));
  }
  out.member("name", std::string_view(span.name).substr(0, kMaxValueBytes));
  out.member("kind", static_cast<int>(span.kind));
  out.member("startTimeUnixNano", nanoseconds(span.start));
  out.member("endTimeUnixNano", nanoseconds(span.end));
  out.key("attributes").begin_array();
  for (const auto& [key, value] : span.attributes) write_attribute(out, key, value);
  out.end_array();
  if (span.failed) {
    out.key("status").begin_object().member("code", kStatusError).end_object();
  }
  out.end_object();
}

}  // namespace

std::string encode_otlp_spans(const std::vector<observability::SpanRecord>& spans,
                              std::string_view service_name, std::string_view service_instance) {
  JsonWriter out;
  out.begin_object().key("resourceSpans").begin_array().begin_object();
  out.key("resource").begin_object().key("attributes").begin_array();
  write_attribute(out, "service.name", service_name);
  if (!service_instance.empty()) write_attribute(out, "service.instance.id", service_instance);
  out.end_array().end_object();
  out.key("scopeSpans").begin_array().begin_object();
  out.key("scope").begin_object().member("name", "rwp").end_object();
  out.key("spans").begin_array();
  for (const auto& span : spans) write_span(out, span);
  out.end_array().end_object().end_array();
  out.end_object().end_array().end_object();
  return out.finish().str();
}

}  // namespace rwp::net
