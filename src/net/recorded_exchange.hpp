#pragma once

#include <rwp/core/error.hpp>
#include <rwp/core/json_text.hpp>
#include <rwp/net/http_transport.hpp>
#include <rwp/net/replay_transport.hpp>

#include <optional>
#include <string>

namespace rwp::net {

/// One line of a recording.
struct RecordedExchange {
  std::string method{};
  /// Masked, as are the headers.
  std::string url{};
  HttpHeaders headers{};
  std::string body{};
  HttpResponse answer{};
  /// Instead of the answer.
  std::optional<Error> error{};
};

/// The URL with the values of these query names as "MASKED".
std::string masked_url(const std::string& url, const MaskedNames& names);
HttpHeaders masked_headers(const HttpHeaders& headers, const MaskedNames& names);

/// On one line, without its end.
std::string to_line(const RecordedExchange& exchange);
/// `Errc::corrupt` names the member that is missing or wrong.
Result<RecordedExchange> exchange_from_line(std::string line);

}  // namespace rwp::net
