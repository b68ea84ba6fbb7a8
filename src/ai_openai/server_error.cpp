#include "ai_openai/server_error.hpp"

#include <rwp/ai/answer_fault.hpp>
#include <rwp/core/json_text.hpp>
#include <rwp/core/utf8.hpp>

#include <algorithm>
#include <array>
#include <chrono>
#include <utility>

namespace rwp::ai_openai {
namespace {

constexpr std::size_t kMostMessageBytes = 500;
constexpr std::size_t kMostWordBytes = 100;

/// Strings, and the numbers that some servers give as a code.
std::string word(JsonView object, std::string_view name) {
  const auto member = object.find(name);
  if (!member) return {};
  if (const auto text = member->as_string()) return std::string(*text);
  const bool number = member->kind() == JsonKind::integer || member->kind() == JsonKind::real;
  return number ? member->text().str() : std::string();
}

ServerError read_object(JsonView object) {
  ServerError said;
  said.message = word(object, "message");
  said.type = word(object, "type");
  said.code = word(object, "code");
  said.param = word(object, "param");
  return said;
}

/// Fit for a message of ours: one line, bounded, without the key.
std::string tame(std::string text, const Secret& key, std::size_t most) {
  if (!key.empty()) {
    const std::string mask = key.masked();
    auto at = text.find(key.expose());
    while (at != std::string::npos) {
      text.replace(at, key.expose().size(), mask);
      at = text.find(key.expose(), at + mask.size());
    }
  }
  for (char& c : text) {
    if (static_cast<unsigned char>(c) < 0x20 || c == 0x7F) c = ' ';
  }
  if (text.size() > most) {
    std::size_t end = most;
    while (end > 0 && (static_cast<unsigned char>(text[end]) & 0xC0U) == 0x80U) --end;
    text.resize(end);
    text += "...";
  }
  return is_valid_utf8(text) ? text : std::string("(not UTF-8)");
}

bool any_of(const std::string& word, std::initializer_list<std::string_view> words) {
  return std::find(words.begin(), words.end(), word) != words.end();
}

bool is_about_money(const ServerError& said) {
  return said.type == "insufficient_quota" ||
         any_of(said.code,
                {"insufficient_quota", "credit_balance_exhausted", "billing_hard_limit_reached",
                 "billing_not_active", "organization_spend_limit_exceeded",
                 "project_spend_limit_exceeded", "organization_usage_limit_exceeded"});
}

struct Verdict {
  Errc code = Errc::invalid_argument;
  bool retryable = false;
};

/// By the code, then the type, then the status: a server out of money answers 429 too.
Verdict judge(int status, const ServerError& said) {
  if (is_about_money(said)) return {Errc::budget_exceeded, false};
  if (any_of(said.code, {"rate_limit_exceeded", "slow_down"}) && status != 503) {
    return {Errc::rate_limited, true};
  }
  switch (status) {
    case 401:
      return {Errc::unauthenticated, false};
    case 402:
      return {Errc::budget_exceeded, false};
    case 403:
      return {Errc::permission_denied, false};
    case 404:
      return {Errc::not_found, false};
    case 405:
    case 501:
      return {Errc::unsupported, false};
    case 408:
      return {Errc::deadline_exceeded, true};
    case 409:
      return {Errc::conflict, true};
    case 429:
      return {Errc::rate_limited, true};
    default:
      break;
  }
  if (status >= 500) return {Errc::unavailable, true};
  if (status >= 300 && status < 400) return {Errc::unsupported, false};
  return {Errc::invalid_argument, false};
}

/// For an error within an answer that began well.
int status_of(const ServerError& said) {
  if (any_of(said.type, {"rate_limit_error", "requests", "tokens"})) return 429;
  if (any_of(said.type, {"invalid_request_error", "invalid_prompt"})) return 400;
  if (said.type == "authentication_error") return 401;
  if (said.type == "permission_error") return 403;
  if (said.type == "not_found_error") return 404;
  // Older servers say the status as the code.
  if (said.code.size() == 3 && said.code >= "400" && said.code <= "599") {
    return std::stoi(said.code);
  }
  return 500;
}

std::string request_id(const net::HttpHeaders& headers) {
  for (const std::string_view name : {"x-request-id", "request-id", "apim-request-id"}) {
    if (const auto id = headers.find(name)) return std::string(*id);
  }
  return {};
}

std::string facts(const Speaker& speaker, const net::HttpHeaders& headers,
                  const ServerError& said) {
  std::string text;
  const auto add = [&](std::string_view name, std::string value) {
    if (value.empty()) return;
    text += (text.empty() ? " (" : ", ") + std::string(name) + " " +
            tame(std::move(value), speaker.key, kMostWordBytes);
  };
  add("param", said.param);
  add("request", request_id(headers));
  return text.empty() ? text : text + ")";
}

std::string describe(const Speaker& speaker, const std::string& verb,
                     const net::HttpHeaders& headers, const ServerError& said) {
  std::string text = speaker.host + verb;
  const std::string& name = said.code.empty() ? said.type : said.code;
  if (!name.empty()) text += " " + tame(name, speaker.key, kMostWordBytes);
  if (!said.message.empty()) text += ": " + tame(said.message, speaker.key, kMostMessageBytes);
  return text + facts(speaker, headers, said);
}

}  // namespace

std::optional<ServerError> find_server_error(JsonView document) {
  if (document.kind() != JsonKind::object) return std::nullopt;
  if (const auto error = document.find("error"); error && !error->is_null()) {
    if (error->kind() == JsonKind::object) return read_object(*error);
    ServerError said;
    said.message = word(document, "error");
    return said;
  }
  // vLLM of old; FastAPI; others.
  const auto object = document.find("object");
  if (object && object->as_string() == "error") return read_object(document);
  if (document.find("choices") || document.find("data")) return std::nullopt;
  if (const auto detail = document.find("detail")) {
    ServerError said;
    said.message = detail->as_string() ? word(document, "detail") : detail->text().str();
    return said;
  }
  if (document.find("message")) return read_object(document);
  return std::nullopt;
}

ServerError read_server_error(std::string_view body) {
  const auto text = JsonText::parse(std::string(body));
  if (!text) return {};
  const JsonDocument document(*text);
  return find_server_error(document.root()).value_or(ServerError());
}

Error to_error(const Speaker& speaker, int status, const net::HttpHeaders& headers,
               const ServerError& said) {
  auto verdict = judge(status, said);
  if (const auto word = headers.find("x-should-retry"); word && !is_about_money(said)) {
    if (net::equal_without_case(*word, "true")) verdict.retryable = true;
    if (net::equal_without_case(*word, "false")) verdict.retryable = false;
  }
  Error error(verdict.code,
              describe(speaker, " answered " + std::to_string(status), headers, said));
  if (any_of(said.code, {"context_length_exceeded", "exceed_context_size_error"}) ||
      said.type == "exceed_context_size_error") {
    error = ai::with_fault(error, ai::AnswerFault::context_too_long);
  }
  if (said.code == "slow_down") error = ai::with_fault(error, ai::AnswerFault::too_fast);
  return error.with_retryable(verdict.retryable);
}

Error to_error(const Speaker& speaker, const net::HttpHeaders& headers, const ServerError& said) {
  const auto verdict = judge(status_of(said), said);
  const Error error(verdict.code, describe(speaker, " broke off its answer with", headers, said));
  return ai::with_fault(error, ai::AnswerFault::broken_off).with_retryable(verdict.retryable);
}

Error broken_answer(const Speaker& speaker, const net::HttpHeaders& headers, std::string_view why) {
  return Error(Errc::corrupt, speaker.host + " gave an answer that is none: " + std::string(why) +
                                  facts(speaker, headers, ServerError()))
      .with_retryable(true);
}

}  // namespace rwp::ai_openai
