#include "server/request_head.hpp"

#include "server/target.hpp"

#include <boost/beast/http/basic_parser.hpp>
#include <boost/beast/http/error.hpp>

#include <algorithm>
#include <charconv>
#include <string>

namespace rwp::server {
namespace {

namespace http = boost::beast::http;
using boost::beast::string_view;
using boost::system::error_code;

constexpr std::size_t kMaxFields = 100;
constexpr std::size_t kUsualFields = 8;

Problem refuse(int status, std::string code, std::string detail, std::string field) {
  Problem problem = malformed(std::move(detail), std::move(field));
  problem.status = status;
  problem.code = std::move(code);
  return problem;
}

/// Beast's grammar; fields go straight into the request.
class HeadParser final : public http::basic_parser<true> {
 public:
  explicit HeadParser(Request& request) : request_(request) {}
  bool is_1_0() const noexcept { return version_ == 10; }
  bool has_too_many_fields() const noexcept { return too_many_; }

 private:
  void on_request_impl(http::verb, string_view method, string_view target, int version,
                       error_code&) override {
    request_.method.assign(method.data(), method.size());
    request_.target.assign(target.data(), target.size());
    version_ = version;
  }
  void on_field_impl(http::field, string_view name, string_view value,
                     error_code& problem) override {
    if (request_.headers.size() == kMaxFields) {
      too_many_ = true;
      problem = http::error::header_limit;
      return;
    }
    if (request_.headers.empty()) request_.headers.reserve(kUsualFields);
    request_.headers.add(std::string(name), std::string(value));
  }
  void on_response_impl(int, string_view, int, error_code&) override {}
  void on_header_impl(error_code&) override {}
  void on_body_init_impl(const boost::optional<std::uint64_t>&, error_code&) override {}
  std::size_t on_body_impl(string_view, error_code&) override { return 0; }
  void on_chunk_header_impl(std::uint64_t, string_view, error_code&) override {}
  std::size_t on_chunk_body_impl(std::uint64_t, string_view, error_code&) override { return 0; }
  void on_finish_impl(error_code&) override {}

  Request& request_;
  int version_ = 11;
  bool too_many_ = false;
};

bool is_digit(char c) noexcept { return c >= '0' && c <= '9'; }

/// Whether the request line ends with a version of HTTP, though not one that is spoken here.
bool names_other_version(std::string_view bytes) noexcept {
  const std::string_view line = bytes.substr(0, bytes.find('\r'));
  if (line.size() < 8) return false;
  const std::string_view version = line.substr(line.size() - 8);
  return version.starts_with("HTTP/") && is_digit(version[5]) && version[6] == '.' &&
         is_digit(version[7]) && version != "HTTP/1.0" && version != "HTTP/1.1";
}

Problem explain(const error_code& problem, const HeadParser& parser, std::string_view bytes) {
  if (parser.has_too_many_fields()) {
    return refuse(431, "header_too_large", "a request must not have more than 100 header fields",
                  "");
  }
  if (problem == http::error::bad_version && names_other_version(bytes)) {
    return refuse(505, "unsupported", "only HTTP/1.0 and HTTP/1.1 are spoken here", "");
  }
  if (problem == http::error::bad_transfer_encoding) {
    return malformed("a request has one Transfer-Encoding and then no Content-Length",
                     "Transfer-Encoding");
  }
  if (problem == http::error::bad_content_length ||
      problem == http::error::multiple_content_length) {
    return malformed("a request has one Content-Length, in digits, and then no Transfer-Encoding",
                     "Content-Length");
  }
  return malformed("the request is not HTTP/1.1: " + problem.message());
}

std::optional<Problem> read_framing(const Request& request, RequestHead& head) {
  int hosts = 0;
  int lengths = 0;
  int encodings = 0;
  std::string_view length;
  std::string_view encoding;
  std::string_view expectation;
  for (const auto& [name, value] : request.headers) {
    if (net::equal_without_case(name, "host")) {
      ++hosts;
    } else if (net::equal_without_case(name, "content-length")) {
      ++lengths;
      length = value;
    } else if (net::equal_without_case(name, "transfer-encoding")) {
      ++encodings;
      encoding = value;
    } else if (net::equal_without_case(name, "expect")) {
      expectation = value;
    }
  }
  if (hosts > 1 || (hosts == 0 && !head.http_1_0)) {
    return malformed("a request has exactly one Host", "Host");
  }
  if (lengths + encodings > 1) {
    return malformed("a request has one Content-Length or one Transfer-Encoding, not more",
                     encodings > 0 ? "Transfer-Encoding" : "Content-Length");
  }
  if (encodings == 1) {
    if (head.http_1_0) {
      return malformed("HTTP/1.0 has no Transfer-Encoding", "Transfer-Encoding");
    }
    if (!net::equal_without_case(encoding, "chunked")) {
      return refuse(501, "unsupported", "no other transfer coding than chunked is read here",
                    "Transfer-Encoding");
    }
    head.body = BodyKind::chunked;
  } else if (lengths == 1) {
    const char* end = length.data() + length.size();
    const auto [stop, problem] = std::from_chars(length.data(), end, head.content_length);
    if (length.empty() || !std::all_of(length.begin(), length.end(), is_digit) ||
        problem != std::errc() || stop != end) {
      return malformed("Content-Length must be a number of bytes", "Content-Length");
    }
    head.body = head.content_length > 0 ? BodyKind::sized : BodyKind::none;
  }
  if (!expectation.empty()) {
    if (!net::equal_without_case(expectation, "100-continue")) {
      return refuse(417, "unsupported", "no other expectation than 100-continue is met here",
                    "Expect");
    }
    head.expects_continue = !head.http_1_0 && head.body != BodyKind::none;
  }
  return std::nullopt;
}

}  // namespace

std::optional<Problem> parse_request_head(std::string_view bytes, Request& request,
                                          RequestHead& head) {
  HeadParser parser(request);
  parser.header_limit(static_cast<std::uint32_t>(bytes.size() + 1));
  parser.body_limit(boost::none);
  error_code problem;
  parser.put(boost::asio::const_buffer(bytes.data(), bytes.size()), problem);
  if (problem) return explain(problem, parser, bytes);
  head.http_1_0 = parser.is_1_0();
  head.keep_alive = parser.keep_alive();
  return read_framing(request, head);
}

}  // namespace rwp::server
