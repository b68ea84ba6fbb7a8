#include "storage_s3/fault.hpp"

#include "storage_s3/xml.hpp"
#include <rwp/net/status.hpp>

#include <algorithm>
#include <array>

namespace rwp::storage::s3 {
namespace {

constexpr std::size_t kMaxShown = 300;

bool is_one_of(std::string_view code, std::initializer_list<std::string_view> names) {
  return std::find(names.begin(), names.end(), code) != names.end();
}

/// A short piece of a foreign text that cannot break a line of a log.
std::string shown(std::string_view text) {
  std::string out;
  for (const char c : text.substr(0, kMaxShown)) out += c >= ' ' && c < '\x7F' ? c : '?';
  return out;
}

Errc code_of(const Fault& fault) {
  if (is_one_of(fault.code, {"InvalidAccessKeyId", "SignatureDoesNotMatch", "ExpiredToken",
                             "InvalidToken", "RequestTimeTooSkewed", "TokenRefreshRequired"})) {
    return Errc::unauthenticated;
  }
  if (fault.is("BadDigest")) return Errc::corrupt;
  if (fault.is("NotImplemented")) return Errc::unsupported;
  // A redirection to where no attempt has led.
  if (fault.status < 400) return Errc::unavailable;
  return net::errc_of_status(fault.status);
}

}  // namespace

Fault read_fault(const net::HttpResponse& response) {
  Fault fault;
  fault.status = response.status;
  const auto header = [&response](std::string_view name) {
    return std::string(response.headers.find(name).value_or(""));
  };
  fault.request_id = shown(header("x-amz-request-id"));
  fault.region = header("x-amz-bucket-region");
  const auto document = parse_xml(response.body);
  if (!document || document->name != "Error") return fault;
  fault.code = shown(document->value("Code"));
  fault.message = shown(document->value("Message"));
  if (fault.region.empty()) fault.region = document->value("Region");
  return fault;
}

Remedy remedy_of(const Fault& fault) {
  if (is_one_of(fault.code, {"SlowDown", "ServiceUnavailable", "TooManyRequests"}) ||
      fault.status == 429 || fault.status == 503) {
    return Remedy::slow_down;
  }
  if (fault.is("RequestTimeTooSkewed")) return Remedy::clock;
  if (is_one_of(fault.code, {"ExpiredToken", "InvalidToken", "TokenRefreshRequired"})) {
    return Remedy::credentials;
  }
  const bool elsewhere = fault.status == 301 || fault.status == 307 || fault.status == 400;
  if (elsewhere && !fault.region.empty()) return Remedy::region;
  if (fault.status == 501 || fault.status == 505) return Remedy::none;
  if (fault.status >= 500 || fault.status == 408 || fault.status == 307) return Remedy::wait;
  if (is_one_of(fault.code, {"RequestTimeout", "InternalError", "OperationAborted",
                             "ConditionalRequestConflict", "BadDigest"})) {
    return Remedy::wait;
  }
  return Remedy::none;
}

Error to_error(const Fault& fault, std::string_view thing) {
  std::string message(thing);
  message.append(": the S3 server answers ").append(std::to_string(fault.status));
  if (!fault.code.empty()) message.append(" ").append(fault.code);
  // What it says of signatures repeats what was signed.
  if (!fault.message.empty() && code_of(fault) != Errc::unauthenticated) {
    message.append(" (").append(fault.message).append(")");
  }
  if (!fault.request_id.empty()) message.append(", request ").append(fault.request_id);
  return Error(code_of(fault), std::move(message));
}

}  // namespace rwp::storage::s3
