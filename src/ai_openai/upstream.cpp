#include "ai_openai/upstream.hpp"

#include "ai_openai/rate_headers.hpp"
#include "ai_openai/retry_wait.hpp"
#include <rwp/ai/answer_fault.hpp>

#include <algorithm>
#include <random>
#include <utility>

namespace rwp::ai_openai {
namespace {

using boost::asio::awaitable;

/// Retries for each call, over all calls, and those that are free of it until they are used up.
constexpr double kRetryShare = 0.1;
constexpr double kRetryReserve = 10;
/// Most of an error's body that is looked at.
constexpr std::size_t kMostErrorBytes = std::size_t{64} << 10U;

std::string host_of(const std::string& base_url) {
  const auto begin = base_url.find("://") + 3;
  return base_url.substr(begin, base_url.find('/', begin) - begin);
}

double random_share() {
  thread_local std::mt19937_64 generator{std::random_device{}()};
  return std::uniform_real_distribution<double>(0, 1)(generator);
}

/// What a refusal's body says, as far as it comes.
awaitable<std::string> read_some(net::HttpExchange& exchange) {
  std::string body;
  while (body.size() < kMostErrorBytes) {
    auto piece = co_await exchange.read();
    if (!piece || piece->empty()) break;
    body += *piece;
  }
  co_return body;
}

}  // namespace

Upstream::Upstream(std::shared_ptr<net::HttpTransport> transport, OpenAiOptions options)
    : transport_(std::move(transport)),
      options_(std::move(options)),
      dialect_(find_dialect(options_.dialect).value()),
      base_(options_.base_url),
      budget_(kRetryReserve) {
  speaker_.host = host_of(options_.base_url);
  speaker_.key = options_.api_key;
  while (base_.ends_with('/')) base_.pop_back();
}

std::string Upstream::url_of(const Call& call) const {
  std::string url = base_;
  if (!options_.api_version.empty() && !call.model.empty()) {
    url += "/deployments/" + path_segment(call.model);
  }
  url += call.path;
  if (!options_.api_version.empty()) {
    url += call.path.find('?') == std::string::npos ? "?" : "&";
    url += "api-version=" + path_segment(options_.api_version);
  }
  return url;
}

net::HttpRequest Upstream::request_of(const Call& call) const {
  net::HttpRequest request;
  request.method = call.method;
  request.url = url_of(call);
  request.body = call.body;
  request.headers.add("Accept", call.accept);
  if (!call.body.empty()) request.headers.add("Content-Type", call.content_type);
  if (!options_.api_key.empty()) {
    if (dialect_.api_key_header) {
      request.headers.add("api-key", options_.api_key.expose());
    } else {
      request.headers.add("Authorization", "Bearer " + options_.api_key.expose());
    }
  }
  if (!options_.organization.empty()) {
    request.headers.add("OpenAI-Organization", options_.organization);
  }
  if (options_.sends_subject && !call.subject.empty()) {
    request.headers.add("Rwp-Subject", call.subject);
  }
  if (!options_.project.empty()) request.headers.add("OpenAI-Project", options_.project);
  request.deadline =
      std::min(call.deadline, std::chrono::steady_clock::now() + options_.attempt_timeout);
  request.trace = call.trace;
  request.connect_timeout = options_.connect_timeout;
  request.head_timeout = options_.head_timeout;
  request.idle_timeout = options_.idle_timeout;
  request.max_response_bytes = options_.max_response_bytes;
  return request;
}

awaitable<Called> Upstream::attempt(net::HttpRequest request) const {
  Called called;
  called.exchange = co_await transport_->open(std::move(request));
  if (!called.exchange) co_return std::move(called);
  const auto& head = (*called.exchange)->head();
  called.status = head.status;
  if (listener_) listener_(read_rate_headers(head.headers));
  if (head.status >= 200 && head.status < 300) co_return std::move(called);
  called.body = co_await read_some(**called.exchange);
  called.said = read_server_error(called.body);
  auto error = to_error(speaker_, head.status, head.headers, called.said);
  const auto told = told_wait(head.headers, std::chrono::system_clock::now());
  called.exchange = told && error.retryable() ? error.with_retry_after(*told) : error;
  co_return std::move(called);
}

std::optional<std::chrono::milliseconds> Upstream::wait_before_next(const Call& call,
                                                                    const Called& called,
                                                                    int retries) {
  const Error error = called.exchange.error();
  if (retries + 1 >= options_.max_attempts || !error.retryable()) return std::nullopt;
  // A time limit of ours says nothing of what the server has done, and charged for.
  if (called.status == 0 && error.code() != Errc::unavailable) return std::nullopt;
  if (call.makes_something && called.status != 429) return std::nullopt;
  const auto wait = wait_after(error, static_cast<unsigned>(retries) + 1, random_share());
  if (!wait || std::chrono::steady_clock::now() + *wait >= call.deadline) return std::nullopt;
  if (budget_ < 1) return std::nullopt;
  budget_ -= 1;
  return wait;
}

awaitable<Called> Upstream::open(Call call) {
  budget_ = std::min(budget_ + kRetryShare, kRetryReserve);
  for (int retries = 0;; ++retries) {
    net::HttpRequest request = request_of(call);
    Called called = co_await attempt(std::move(request));
    if (called.exchange) co_return std::move(called);
    const auto wait = wait_before_next(call, called, retries);
    if (!wait) co_return std::move(called);
    options_.log.debug(
        "request is repeated",
        {{"error", called.exchange.error()}, {"wait_ms", wait->count()}, {"retries", retries + 1}});
    auto slept = co_await sleep_for(*wait);
    if (!slept) {
      called.exchange = slept.error();
      co_return std::move(called);
    }
  }
}

Error Upstream::broken_off(const net::HttpExchange& exchange, const Error& error) const {
  const auto id = exchange.head().headers.find("x-request-id");
  const Error broken = ai::with_fault(error, ai::AnswerFault::broken_off);
  if (!id) return broken;
  return broken.with_context(speaker_.host + " (request " + std::string(*id) + ")");
}

awaitable<Result<std::string>> Upstream::read_all(net::HttpExchange& exchange) const {
  std::string body;
  for (;;) {
    auto piece = co_await exchange.read();
    if (!piece) co_return broken_off(exchange, piece.error());
    if (piece->empty()) co_return std::move(body);
    if (body.size() + piece->size() > options_.max_response_bytes) {
      const std::string why =
          "it is larger than " + std::to_string(options_.max_response_bytes) + " bytes";
      co_return broken_answer(speaker_, exchange.head().headers, why).with_retryable(false);
    }
    body += *piece;
  }
}

std::string path_segment(std::string_view text) {
  constexpr std::string_view kDigits = "0123456789ABCDEF";
  std::string segment;
  for (const char c : text) {
    const auto byte = static_cast<unsigned char>(c);
    const bool plain = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
                       c == '-' || c == '_' || c == '.' || c == '~';
    if (plain) {
      segment += c;
    } else {
      segment += {'%', kDigits[byte >> 4U], kDigits[byte & 0xFU]};
    }
  }
  return segment;
}

}  // namespace rwp::ai_openai
