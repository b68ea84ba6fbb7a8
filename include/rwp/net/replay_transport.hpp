#pragma once

#include <rwp/core/error.hpp>
#include <rwp/net/http_transport.hpp>

#include <cstddef>
#include <memory>
#include <string>
#include <vector>

/// Exchanges recorded once against the real service, and replayed in tests without it.
///
/// The file has one JSON object a line:
///
///     {"method":"POST","url":"https://host/v1/x?key=MASKED","headers":[["Authorization","MASKED"]],
///      "body":"…","answer":{"status":200,"headers":[["content-type","…"]],"body":"…"}}
///
/// A body that is not UTF-8 stands under "body_hex"; an exchange that failed has "error" with
/// "code" and "message" in place of "answer". Bodies are not masked: look at the file before it is
/// checked in.
namespace rwp::net {

/// What is kept from the file, as names without regard to case.
struct MaskedNames {
  std::vector<std::string> headers = {
      "authorization", "proxy-authorization", "api-key", "x-api-key", "cookie", "set-cookie"};
  /// Of the URL's query.
  std::vector<std::string> query = {"api_secret", "api_key",        "key",
                                    "token",      "access_token",   "client_secret",
                                    "signature",  "x-amz-signature"};
};

struct RecordOptions {
  MaskedNames masked{};
  /// Longest body of an answer that is recorded; a longer one ends its exchange with
  /// `Errc::unsupported`.
  std::size_t max_body_bytes = std::size_t{16} << 20U;
};

/// Sends through `inner`, and appends each exchange to the file at `path` once its body has been
/// read to the end, or has failed. An exchange that is dropped before is not recorded. A request
/// whose body comes from a source is `Errc::unsupported`. For tests: it writes on the I/O thread.
/// `Errc::unavailable`: the file cannot be opened.
Result<std::shared_ptr<HttpTransport>> make_recording_transport(
    std::shared_ptr<HttpTransport> inner, const std::string& path,
    RecordOptions options = RecordOptions());

struct ReplayOptions {
  /// As when it was recorded.
  MaskedNames masked{};
  /// Bodies are read in pieces of so many bytes; zero: whole.
  std::size_t piece_bytes = 0;
};

/// Answers requests with what was recorded for the same method, URL and body, in the recorded order
/// and each once; headers and time limits are not looked at. `Errc::not_found`: nothing (more) was
/// recorded for such a request; the message tells what was for others.
/// Errors of opening: `Errc::not_found`, and `Errc::corrupt` with the number of the line.
Result<std::shared_ptr<HttpTransport>> open_replay_transport(
    const std::string& path, ReplayOptions options = ReplayOptions());

}  // namespace rwp::net
