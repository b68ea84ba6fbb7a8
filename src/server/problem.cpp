#include <rwp/core/json_writer.hpp>
#include <rwp/server/problem.hpp>

#include <algorithm>

namespace rwp::server {

int http_status(Errc code) noexcept {
  switch (code) {
    case Errc::none:
      return 200;
    case Errc::invalid_argument:
      return 400;
    case Errc::unauthenticated:
      return 401;
    case Errc::permission_denied:
      return 403;
    case Errc::not_found:
      return 404;
    case Errc::already_exists:
    case Errc::conflict:
      return 409;
    case Errc::rate_limited:
    case Errc::budget_exceeded:
      return 429;
    case Errc::cancelled:
      return 499;
    case Errc::unsupported:
      return 501;
    case Errc::corrupt:
      return 502;
    case Errc::unavailable:
      return 503;
    case Errc::deadline_exceeded:
      return 504;
    case Errc::internal:
      return 500;
  }
  return 500;
}

std::string_view reason_phrase(int status) noexcept {
  switch (status) {
    case 100:
      return "Continue";
    case 200:
      return "OK";
    case 201:
      return "Created";
    case 202:
      return "Accepted";
    case 204:
      return "No Content";
    case 207:
      return "Multi-Status";
    case 304:
      return "Not Modified";
    case 400:
      return "Bad Request";
    case 401:
      return "Unauthorized";
    case 403:
      return "Forbidden";
    case 404:
      return "Not Found";
    case 405:
      return "Method Not Allowed";
    case 406:
      return "Not Acceptable";
    case 408:
      return "Request Timeout";
    case 409:
      return "Conflict";
    case 411:
      return "Length Required";
    case 413:
      return "Content Too Large";
    case 414:
      return "URI Too Long";
    case 415:
      return "Unsupported Media Type";
    case 417:
      return "Expectation Failed";
    case 422:
      return "Unprocessable Content";
    case 429:
      return "Too Many Requests";
    case 431:
      return "Request Header Fields Too Large";
    case 499:
      return "Client Closed Request";
    case 500:
      return "Internal Server Error";
    case 501:
      return "Not Implemented";
    case 502:
      return "Bad Gateway";
    case 503:
      return "Service Unavailable";
    case 504:
      return "Gateway Timeout";
    case 505:
      return "HTTP Version Not Supported";
    default:
      return "Unknown";
  }
}

Problem to_problem(const Error& error, std::string field) {
  Problem problem;
  problem.status = http_status(error.code());
  problem.code = to_string(error.code());
  problem.detail = error.code() == Errc::internal
                       ? "an internal error; the request id finds it in the log"
                       : error.message();
  problem.field = std::move(field);
  if (const auto wait = error.retry_after()) {
    problem.retry_after_seconds =
        static_cast<int>(std::clamp<std::int64_t>((wait->count() + 999) / 1000, 1, 86'400));
  }
  return problem;
}

Response problem_json(const Problem& problem) {
  JsonWriter out;
  out.begin_object();
  out.member("type", "about:blank");
  out.member("title", reason_phrase(problem.status));
  out.member("status", problem.status);
  if (!problem.code.empty()) out.member("code", problem.code);
  if (!problem.detail.empty()) out.member("detail", problem.detail);
  if (!problem.field.empty()) out.member("field", problem.field);
  if (!problem.request_id.empty()) out.member("request_id", problem.request_id);
  out.end_object();
  Response response;
  response.status = problem.status;
  response.headers.add("Content-Type", "application/problem+json");
  if (problem.retry_after_seconds > 0) {
    response.headers.add("Retry-After", std::to_string(problem.retry_after_seconds));
  }
  response.body = out.finish().release();
  return response;
}

}  // namespace rwp::server
