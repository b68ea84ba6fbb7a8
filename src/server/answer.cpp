#include "server/answer.hpp"

#include <rwp/server/problem.hpp>

#include <array>
#include <charconv>

namespace rwp::server {
namespace {

void append_number(std::string& out, std::uint64_t number, int base = 10) {
  std::array<char, 24> digits{};
  const auto [end, problem] =
      std::to_chars(digits.data(), digits.data() + digits.size(), number, base);
  out.append(digits.data(), end);
}

void append_field(std::string& out, std::string_view name, std::string_view value) {
  out += name;
  out += ": ";
  out += value;
  out += "\r\n";
}

bool is_own(std::string_view name) noexcept {
  switch (name.size()) {
    case 4:
      return net::equal_without_case(name, "date");
    case 10:
      return net::equal_without_case(name, "connection") ||
             net::equal_without_case(name, "keep-alive");
    case 12:
      return net::equal_without_case(name, "x-request-id");
    case 14:
      return net::equal_without_case(name, "content-length");
    case 17:
      return net::equal_without_case(name, "transfer-encoding");
    default:
      return false;
  }
}

}  // namespace

std::string_view DateText::now() {
  const std::time_t second = std::time(nullptr);
  if (second != second_) {
    second_ = second;
    std::tm parts{};
    ::gmtime_r(&second, &parts);
    std::array<char, 40> text{};
    const std::size_t size =
        std::strftime(text.data(), text.size(), "%a, %d %b %Y %H:%M:%S GMT", &parts);
    text_.assign(text.data(), size);
  }
  return text_;
}

bool status_has_body(int status) noexcept {
  return status >= 200 && status != 204 && status != 304;
}

bool are_sendable(const HttpHeaders& headers) noexcept {
  for (const auto& [name, value] : headers) {
    if (!net::valid_header(name, value)) return false;
  }
  return true;
}

void append_head(std::string& out, const Response& response, const AnswerFacts& facts) {
  out += "HTTP/1.1 ";
  append_number(out, static_cast<std::uint64_t>(response.status));
  out += ' ';
  out += reason_phrase(response.status);
  out += "\r\n";
  for (const auto& [name, value] : response.headers) {
    if (!is_own(name)) append_field(out, name, value);
  }
  if (facts.content_length) {
    out += "Content-Length: ";
    append_number(out, *facts.content_length);
    out += "\r\n";
  } else if (facts.chunked) {
    append_field(out, "Transfer-Encoding", "chunked");
  }
  // What is answered is somebody's own, or of this moment, until its handler says otherwise.
  if (!response.headers.find("Cache-Control")) append_field(out, "Cache-Control", "no-store");
  append_field(out, "Date", facts.date);
  append_field(out, "X-Request-Id", facts.request_id);
  if (facts.close) {
    append_field(out, "Connection", "close");
  } else if (facts.say_keep_alive) {
    append_field(out, "Connection", "keep-alive");
  }
  out += "\r\n";
}

void append_chunk(std::string& out, std::string_view piece) {
  append_number(out, piece.size(), 16);
  out += "\r\n";
  out += piece;
  out += "\r\n";
}

}  // namespace rwp::server
