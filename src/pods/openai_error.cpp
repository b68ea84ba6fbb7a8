#include "pods/openai_error.hpp"

#include <rwp/core/json_writer.hpp>

#include <algorithm>
#include <string_view>
#include <utility>

namespace rwp::pods {
namespace {

OpenAiError refusal(int status, std::string_view type, std::string_view code, std::string message) {
  OpenAiError refused;
  refused.status = status;
  refused.type = type;
  refused.code = code;
  refused.message = std::move(message);
  return refused;
}

OpenAiError of_code(const Error& error) {
  switch (error.code()) {
    case Errc::invalid_argument:
      return refusal(400, "invalid_request_error", "invalid_value", error.message());
    case Errc::unsupported:
      return refusal(400, "invalid_request_error", "unsupported_value", error.message());
    case Errc::not_found:
      return refusal(404, "invalid_request_error", "model_not_found", error.message());
    case Errc::permission_denied:
      return refusal(403, "permission_error", "permission_denied", error.message());
    case Errc::rate_limited:
      return refusal(429, "rate_limit_error", "rate_limit_exceeded", error.message());
    case Errc::budget_exceeded: {
      auto refused = refusal(429, "insufficient_quota", "insufficient_quota", error.message());
      refused.final = true;
      return refused;
    }
    case Errc::already_exists:
    case Errc::conflict:
      return refusal(409, "conflict_error", "conflict", error.message());
    case Errc::unavailable:
    case Errc::cancelled:
      return refusal(503, "service_unavailable_error", "model_unavailable", error.message());
    case Errc::deadline_exceeded:
      return refusal(504, "timeout_error", "deadline_exceeded", error.message());
    case Errc::corrupt:
      return refusal(502, "server_error", "bad_model_answer", error.message());
    case Errc::unauthenticated: {
      // The caller's key was good; it is the pod's that the model's provider refused.
      auto refused = refusal(502, "server_error", "pod_not_authenticated",
                             "The model's provider refused the credentials of this service.");
      refused.final = true;
      return refused;
    }
    case Errc::internal:
    case Errc::none:
      break;
  }
  return refusal(500, "server_error", "internal_error",
                 "The server had an error; the request id finds it in the log.");
}

void text_or_null(JsonWriter& out, std::string_view name, const std::string& text) {
  out.key(name);
  if (text.empty()) {
    out.null();
  } else {
    out.value(text);
  }
}

}  // namespace

OpenAiError to_openai_error(const Error& error) {
  auto refused = of_code(error);
  if (const auto wait = error.retry_after()) {
    refused.retry_after_seconds =
        static_cast<int>(std::clamp<std::int64_t>((wait->count() + 999) / 1000, 1, 86'400));
  } else if (refused.status == 429 && !refused.final) {
    refused.retry_after_seconds = 1;
  }
  return refused;
}

JsonText openai_error_json(const OpenAiError& error) {
  JsonWriter out;
  out.begin_object().key("error").begin_object();
  out.member("message", error.message);
  out.member("type", error.type);
  text_or_null(out, "param", error.param);
  text_or_null(out, "code", error.code);
  out.end_object().end_object();
  return out.finish();
}

server::Response openai_error_response(const OpenAiError& error) {
  auto response = server::json_response(error.status, openai_error_json(error).release());
  if (error.retry_after_seconds > 0) {
    response.headers.set("Retry-After", std::to_string(error.retry_after_seconds));
  }
  if (error.final) response.headers.set("X-Should-Retry", "false");
  return response;
}

server::Response openai_problem(const server::Problem& problem) {
  OpenAiError error;
  error.status = problem.status;
  error.message =
      problem.detail.empty() ? std::string(server::reason_phrase(problem.status)) : problem.detail;
  error.param = problem.field;
  error.code = problem.code;
  error.retry_after_seconds = problem.retry_after_seconds;
  if (problem.status == 401) {
    error.code = "invalid_api_key";
  } else if (problem.status == 429) {
    error.type = "rate_limit_error";
    error.code = "rate_limit_exceeded";
  } else if (problem.status >= 500) {
    error.type = problem.status == 503 ? "service_unavailable_error" : "server_error";
  }
  auto response = openai_error_response(error);
  if (problem.status == 401) response.headers.set("WWW-Authenticate", "Bearer");
  return response;
}

}  // namespace rwp::pods
