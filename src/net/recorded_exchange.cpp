#include "net/recorded_exchange.hpp"

#include <rwp/core/json_view.hpp>
#include <rwp/core/json_writer.hpp>
#include <rwp/core/utf8.hpp>

#include <algorithm>
#include <string_view>
#include <utility>

namespace rwp::net {
namespace {

constexpr std::string_view kMasked = "MASKED";
constexpr std::string_view kHex = "0123456789abcdef";

bool is_one_of(std::string_view name, const std::vector<std::string>& names) {
  return std::any_of(names.begin(), names.end(),
                     [name](const std::string& each) { return equal_without_case(each, name); });
}

void write_body(JsonWriter& json, const std::string& body) {
  if (body.empty()) return;
  if (is_valid_utf8(body)) {
    json.member("body", std::string_view(body));
    return;
  }
  std::string hex;
  for (const char c : body) {
    const auto byte = static_cast<unsigned char>(c);
    hex += kHex[byte >> 4U];
    hex += kHex[byte & 15U];
  }
  json.member("body_hex", std::string_view(hex));
}

void write_headers(JsonWriter& json, const HttpHeaders& headers) {
  json.key("headers").begin_array();
  for (const auto& [name, value] : headers) {
    json.begin_array().value(std::string_view(name)).value(std::string_view(value)).end_array();
  }
  json.end_array();
}

Error wrong(std::string_view member) {
  return Error(Errc::corrupt, std::string(member) + ": is missing or not of its kind");
}

Result<std::string> read_text(JsonView object, std::string_view name) {
  const auto member = object.find(name);
  const auto text = member ? member->as_string() : std::nullopt;
  if (!text) return wrong(name);
  return std::string(*text);
}

Result<std::string> read_body(JsonView object) {
  if (object.find("body")) return read_text(object, "body");
  if (!object.find("body_hex")) return std::string();
  const auto hex = read_text(object, "body_hex");
  if (!hex) return hex.error();
  if (hex->size() % 2 != 0) return wrong("body_hex");
  std::string body;
  for (std::size_t i = 0; i < hex->size(); i += 2) {
    const std::size_t high = kHex.find((*hex)[i]);
    const std::size_t low = kHex.find((*hex)[i + 1]);
    if (high == std::string_view::npos || low == std::string_view::npos) return wrong("body_hex");
    body += static_cast<char>(high * 16 + low);
  }
  return body;
}

Result<HttpHeaders> read_headers(JsonView object) {
  HttpHeaders headers;
  const auto list = object.find("headers");
  if (!list || list->kind() != JsonKind::array) return wrong("headers");
  for (std::size_t i = 0; i < list->size(); ++i) {
    const JsonView field = list->at(i);
    const bool is_pair = field.kind() == JsonKind::array && field.size() == 2;
    const auto name = is_pair ? field.at(0).as_string() : std::nullopt;
    const auto value = is_pair ? field.at(1).as_string() : std::nullopt;
    if (!name || !value) return wrong("headers");
    headers.add(std::string(*name), std::string(*value));
  }
  return headers;
}

Result<HttpResponse> read_answer(JsonView object) {
  HttpResponse answer;
  const auto status = object.find("status");
  const auto number = status ? status->as_int64() : std::nullopt;
  if (!number || *number < 200 || *number > 999) return wrong("answer.status");
  answer.status = static_cast<int>(*number);
  answer.http_version = "1.1";
  auto headers = read_headers(object);
  if (!headers) return headers.error().with_context("answer");
  answer.headers = std::move(*headers);
  auto body = read_body(object);
  if (!body) return body.error().with_context("answer");
  answer.body = std::move(*body);
  return answer;
}

Result<void> read_error(JsonView object, std::optional<Error>& error) {
  const auto code = read_text(object, "code");
  if (!code) return code.error().with_context("error");
  auto message = read_text(object, "message");
  if (!message) return message.error().with_context("error");
  error = Error(errc_from_string(*code), std::move(*message));
  return {};
}

}  // namespace

std::string masked_url(const std::string& url, const MaskedNames& names) {
  const std::size_t mark = url.find('?');
  if (mark == std::string::npos) return url;
  const std::size_t end = std::min(url.find('#'), url.size());
  std::string out = url.substr(0, mark);
  std::size_t at = mark;
  while (at < end) {
    out += url[at];  // '?' or '&'
    const std::size_t next = std::min(url.find('&', at + 1), end);
    const std::string_view pair = std::string_view(url).substr(at + 1, next - at - 1);
    const std::string_view name = pair.substr(0, pair.find('='));
    if (is_one_of(name, names.query)) {
      out.append(name).append("=").append(kMasked);
    } else {
      out += pair;
    }
    at = next;
  }
  return out + url.substr(end);
}

HttpHeaders masked_headers(const HttpHeaders& headers, const MaskedNames& names) {
  HttpHeaders out;
  for (const auto& [name, value] : headers) {
    out.add(name, is_one_of(name, names.headers) ? std::string(kMasked) : value);
  }
  return out;
}

std::string to_line(const RecordedExchange& exchange) {
  JsonWriter json;
  json.begin_object();
  json.member("method", std::string_view(exchange.method));
  json.member("url", std::string_view(exchange.url));
  write_headers(json, exchange.headers);
  write_body(json, exchange.body);
  if (exchange.error) {
    json.key("error").begin_object();
    json.member("code", to_string(exchange.error->code()));
    json.member("message", std::string_view(exchange.error->message())).end_object();
  } else {
    json.key("answer").begin_object().member("status", exchange.answer.status);
    write_headers(json, exchange.answer.headers);
    write_body(json, exchange.answer.body);
    json.end_object();
  }
  json.end_object();
  return json.finish().release();
}

Result<RecordedExchange> exchange_from_line(std::string line) {
  const auto text = JsonText::parse(std::move(line));
  if (!text) return Error(Errc::corrupt, text.error().message());
  const JsonDocument document(*text);
  const JsonView root = document.root();
  RecordedExchange exchange;
  auto method = read_text(root, "method");
  auto url = read_text(root, "url");
  auto body = read_body(root);
  for (const auto* part : {&method, &url, &body}) {
    if (!*part) return part->error();
  }
  exchange.method = std::move(*method);
  exchange.url = std::move(*url);
  exchange.body = std::move(*body);
  if (const auto failed = root.find("error")) {
    if (auto read = read_error(*failed, exchange.error); !read) return read.error();
    return exchange;
  }
  const auto answered = root.find("answer");
  if (!answered) return wrong("answer");
  auto answer = read_answer(*answered);
  if (!answer) return answer.error();
  exchange.answer = std::move(*answer);
  return exchange;
}

}  // namespace rwp::net
