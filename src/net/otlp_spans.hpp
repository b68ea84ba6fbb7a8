#pragma once

#include <rwp/observability/trace.hpp>

#include <string>
#include <string_view>
#include <vector>

namespace rwp::net {

/// The body of one post: ExportTraceServiceRequest in the JSON encoding of OTLP, whose ids are
/// lower-case hexadecimal and whose 64-bit numbers are strings.
std::string encode_otlp_spans(const std::vector<observability::SpanRecord>& spans,
                              std::string_view service_name, std::string_view service_instance);

}  // namespace rwp::net
