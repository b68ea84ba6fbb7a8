#include "net/curl_error.hpp"

namespace rwp::net {
namespace {

struct Kind {
  Errc code = Errc::unavailable;
  bool retryable = true;
};

Kind kind_of(CURLcode code, std::string_view detail, bool in_header) {
  switch (code) {
    case CURLE_OPERATION_TIMEDOUT:
      return {Errc::deadline_exceeded, true};
    case CURLE_UNSUPPORTED_PROTOCOL:  // Also an answer that is no HTTP/1 or /2.
    case CURLE_WEIRD_SERVER_REPLY:
    case CURLE_BAD_CONTENT_ENCODING:
    case CURLE_FILESIZE_EXCEEDED:
      return {Errc::corrupt, false};
    case CURLE_RECV_ERROR:
      // What 7.88 says of a malformed chunk; a broken connection has other words.
      if (detail.find("chunked-encoding") != std::string_view::npos) return {Errc::corrupt, false};
      return {};
    case CURLE_OUT_OF_MEMORY:
      // What 7.88 says of a line of the header that grows beyond its bound.
      return in_header ? Kind{Errc::corrupt, false} : Kind{};
    case CURLE_PEER_FAILED_VERIFICATION:
    case CURLE_SSL_CACERT_BADFILE:
    case CURLE_SSL_ISSUER_ERROR:
      return {Errc::unavailable, false};
    case CURLE_URL_MALFORMAT:
      return {Errc::invalid_argument, false};
    default:
      return {};
  }
}

}  // namespace

Error curl_error(CURLcode code, const std::string& shown, std::string_view detail, bool in_header) {
  const Kind kind = kind_of(code, detail, in_header);
  std::string text(detail.empty() ? std::string_view(curl_easy_strerror(code)) : detail);
  // Whole words in capitals (SSL, HTTP) stay.
  const auto is_capital = [&text](std::size_t at) {
    return at < text.size() && text[at] >= 'A' && text[at] <= 'Z';
  };
  if (is_capital(0) && !is_capital(1)) text[0] = static_cast<char>(text[0] + ('a' - 'A'));
  while (!text.empty() && (text.back() == '\n' || text.back() == '.')) text.pop_back();
  return Error(kind.code, shown + ": " + text).with_retryable(kind.retryable);
}

}  // namespace rwp::net
