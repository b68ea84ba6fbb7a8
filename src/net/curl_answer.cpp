#include "net/curl_answer.hpp"

#include <algorithm>
#include <utility>

namespace rwp::net {
namespace {

constexpr std::size_t kMaxHeaderBytes = std::size_t{64} << 10U;
constexpr std::size_t kMaxFields = 256;

std::string_view trim(std::string_view text) {
  const auto is_blank = [](char c) { return c == ' ' || c == '\t'; };
  while (!text.empty() && is_blank(text.front())) text.remove_prefix(1);
  while (!text.empty() && is_blank(text.back())) text.remove_suffix(1);
  return text;
}

bool is_digit(char c) { return c >= '0' && c <= '9'; }

}  // namespace

bool AnswerHeader::take_line(std::string_view line) {
  bytes_ += line.size();
  if (bytes_ > kMaxHeaderBytes) return refuse("the header of the answer has more than 64 KiB");
  while (!line.empty() && (line.back() == '\n' || line.back() == '\r')) line.remove_suffix(1);
  // Trailers, which nobody asked for.
  if (complete_) return true;
  if (!in_fields_) return take_status(line);
  if (!line.empty()) return take_field(line);
  in_fields_ = false;
  complete_ = head_.status >= 200;
  return true;
}

bool AnswerHeader::take_status(std::string_view line) {
  const std::size_t blank = line.find(' ');
  if (!line.starts_with("HTTP/") || blank == std::string_view::npos) {
    return refuse("the answer does not start with an HTTP status line");
  }
  const std::string_view status = line.substr(blank + 1, 3);
  if (status.size() != 3 || !std::all_of(status.begin(), status.end(), is_digit)) {
    return refuse("the status of the answer is not three digits");
  }
  head_ = HttpResponseHead();
  head_.headers.reserve(8);
  head_.http_version = line.substr(5, blank - 5);
  head_.status = (status[0] - '0') * 100 + (status[1] - '0') * 10 + (status[2] - '0');
  in_fields_ = true;
  return true;
}

bool AnswerHeader::take_field(std::string_view line) {
  if (++fields_ > kMaxFields) return refuse("the answer has more than 256 header fields");
  const std::size_t colon = line.find(':');
  if (colon == std::string_view::npos) return refuse("a header field of the answer has no colon");
  std::string name(line.substr(0, colon));
  std::string value(trim(line.substr(colon + 1)));
  if (!valid_header(name, value)) return refuse("a header field of the answer is malformed");
  head_.headers.add(std::move(name), std::move(value));
  return true;
}

bool AnswerHeader::refuse(std::string_view fault) {
  if (fault_.empty()) fault_ = fault;
  return false;
}

}  // namespace rwp::net
