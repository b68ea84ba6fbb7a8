#include "net/http_url.hpp"
#include <rwp/net/http_transport.hpp>

#include <algorithm>
#include <array>
#include <charconv>
#include <string_view>
#include <utility>

namespace rwp::net {
namespace {

constexpr std::size_t kMaxRequestFields = 256;
constexpr std::size_t kMaxRequestHeaderBytes = std::size_t{64} << 10U;
constexpr std::size_t kMaxMethodBytes = 32;
/// Of what an answer announces.
constexpr std::size_t kMostReserved = std::size_t{16} << 20U;
/// What says how a message is framed or how its connection is used.
constexpr std::array<std::string_view, 6> kOwnHeaders = {
    "host", "content-length", "transfer-encoding", "connection", "expect", "upgrade"};

bool is_method(std::string_view method) {
  // A token, like a header's name.
  return method.size() <= kMaxMethodBytes && valid_header(method, "");
}

std::optional<std::string> header_fault(const HttpHeaders& headers) {
  if (headers.size() > kMaxRequestFields) return "more than 256 header fields";
  std::size_t bytes = 0;
  for (const auto& [name, value] : headers) {
    // A bad name may hold anything, and is not told.
    if (!valid_header(name, "")) return "a header's name is not a token";
    if (!valid_header(name, value)) return "header " + name + ": has a control character";
    const auto same = [&own = name](std::string_view other) {
      return equal_without_case(own, other);
    };
    if (std::any_of(kOwnHeaders.begin(), kOwnHeaders.end(), same)) {
      return "header " + name + ": is set by the transport";
    }
    bytes += name.size() + value.size() + 4;
  }
  if (bytes > kMaxRequestHeaderBytes) return "a header of more than 64 KiB";
  return std::nullopt;
}

std::optional<std::string> request_fault(const HttpRequest& request) {
  if (!is_method(request.method)) return "the method is not a token of at most 32 bytes";
  if (request.method == "CONNECT") return "the method CONNECT is not for requests";
  if (auto fault = http_url_fault(request.url)) return fault;
  if (auto fault = header_fault(request.headers)) return fault;
  if (request.body_source && !request.body.empty()) return "both body and body_source are given";
  if (request.body_source_bytes && !request.body_source) {
    return "body_source_bytes without a body_source";
  }
  if (request.method == "HEAD" && (request.body_source || !request.body.empty())) {
    return "a HEAD request has no body";
  }
  if (request.connect_timeout.count() < 0 || request.head_timeout.count() < 0 ||
      request.idle_timeout.count() < 0) {
    return "a time-out is negative";
  }
  return std::nullopt;
}

/// The announced length of the body; none: not announced, or no number.
std::optional<std::uint64_t> announced_bytes(const HttpResponseHead& head) {
  const auto text = head.headers.find("content-length");
  if (!text) return std::nullopt;
  std::uint64_t bytes = 0;
  const char* end = text->data() + text->size();
  const auto [stopped, problem] = std::from_chars(text->data(), end, bytes);
  if (problem != std::errc() || stopped != end) return std::nullopt;
  return bytes;
}

}  // namespace

boost::asio::awaitable<Result<HttpResponse>> HttpTransport::send(HttpRequest request) {
  const std::string shown = describe_request(request);
  const std::size_t most = request.max_response_bytes;
  const bool has_body = request.method != "HEAD";
  auto opened = co_await open(std::move(request));
  if (!opened) co_return opened.error();
  HttpExchange& exchange = **opened;

  const Error too_large(Errc::corrupt,
                        shown + ": the answer has more than " + std::to_string(most) + " bytes");
  const auto announced = announced_bytes(exchange.head());
  if (has_body && announced && *announced > most) co_return too_large;
  HttpResponse response;
  while (true) {
    auto piece = co_await exchange.read();
    if (!piece) co_return piece.error();
    if (piece->empty()) break;
    if (piece->size() > most - response.body.size()) co_return too_large;
    if (response.body.empty()) {
      response.body = std::move(*piece);
      // Once, not each time that it doubles.
      if (announced) response.body.reserve(std::min<std::size_t>(*announced, kMostReserved));
    } else {
      response.body += *piece;
    }
  }
  static_cast<HttpResponseHead&>(response) = exchange.head();
  co_return std::move(response);
}

boost::asio::awaitable<Result<std::unique_ptr<HttpExchange>>> HttpTransport::open(
    HttpRequest request) {
  if (const auto fault = request_fault(request)) {
    co_return Error(Errc::invalid_argument, describe_request(request) + ": " + *fault);
  }
  auto opening = do_open(std::move(request));
  co_return co_await std::move(opening);
}

std::string describe_request(const HttpRequest& request) {
  std::string out = is_method(request.method) ? request.method : std::string("?");
  const auto parts = split_http_url(request.url);
  if (!parts) return out + " (no URL)";
  std::string_view host = parts->authority;
  if (const auto at = host.rfind('@'); at != std::string_view::npos) host.remove_prefix(at + 1);
  out += ' ';
  const auto append = [&out](std::string_view text) {
    // Only what cannot break a line of a log.
    for (const char c : text) out += c > ' ' && c < '\x7F' ? c : '?';
  };
  append(parts->scheme);
  append("://");
  append(host);
  append(parts->path.empty() ? std::string_view("/") : parts->path);
  return out;
}

}  // namespace rwp::net
