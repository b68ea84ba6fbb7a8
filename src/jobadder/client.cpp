#include "jobadder/api_error.hpp"
#include "jobadder/form.hpp"
#include <rwp/jobadder/client.hpp>

#include <algorithm>
#include <cassert>
#include <random>
#include <string_view>
#include <utility>

namespace rwp::jobadder {
namespace {

using boost::asio::awaitable;
using std::chrono::milliseconds;

constexpr std::chrono::minutes kLongestCall{5};

SteadyTime now() { return std::chrono::steady_clock::now(); }

bool is_repeatable(const Call& call) { return call.repeatable || call.method != "POST"; }

/// The path may have come from a webhook's ids; it names nothing but a resource.
bool is_path(const std::string& path) {
  return path.starts_with('/') && path.size() <= 512 &&
         std::all_of(path.begin(), path.end(), [](char c) {
           return c > ' ' && c < '\x7f' && c != '?' && c != '#' && c != '\\' && c != '@';
         });
}

Result<JsonText> read_json(net::HttpResponse response, const std::string& what) {
  if (response.body.empty()) return JsonText();
  auto json = JsonText::parse(std::move(response.body));
  if (!json) return Error(Errc::corrupt, what + ": JobAdder's answer is not JSON");
  return json;
}

}  // namespace

struct Client::Impl {
  explicit Impl(ClientOptions given) : options(std::move(given)) {
    assert(options.transport && options.tokens);
    if (!options.gate) options.gate = make_rate_gate();
  }

  void count(const char* outcome) const {
    if (!options.metrics) return;
    options.metrics
        ->counter("rwp_jobadder_requests_total", "Requests to JobAdder's API, by outcome.",
                  {{"outcome", outcome}})
        .add();
  }
  void throttled() const {
    if (!options.metrics) return;
    options.metrics
        ->counter("rwp_jobadder_throttled_total", "Requests that JobAdder refused for its rate.")
        .add();
  }
  net::HttpRequest request_of(const Call& call, const Access& access) const;
  /// None: give up.
  std::optional<milliseconds> wait_after(unsigned failures, SteadyTime deadline) {
    const auto wait = net::next_wait(options.retry, failures, std::nullopt, draw(engine));
    if (!wait || now() + *wait >= deadline) return std::nullopt;
    return wait;
  }
  awaitable<Result<net::HttpResponse>> send(Call call);

  ClientOptions options;
  std::minstd_rand engine{std::random_device{}()};
  std::uniform_real_distribution<double> draw{0.0, 1.0};
};

net::HttpRequest Client::Impl::request_of(const Call& call, const Access& access) const {
  net::HttpRequest request;
  request.method = call.method;
  request.url = access.api_url + call.path;
  if (!call.query.empty()) request.url += "?" + encode_form(call.query);
  request.headers.set("Authorization", "Bearer " + access.token.expose());
  request.headers.set("Accept", call.accept.empty() ? "application/json" : call.accept);
  if (!call.content_type.empty()) {
    request.headers.set("Content-Type", call.content_type);
    request.body = call.body;
  }
  request.deadline = call.deadline;
  request.head_timeout = options.answer_timeout;
  request.max_response_bytes =
      call.max_answer_bytes == 0 ? options.max_answer_bytes : call.max_answer_bytes;
  return request;
}

awaitable<Result<net::HttpResponse>> Client::Impl::send(Call call) {
  const std::string what = call.method + " " + call.path;
  if (!is_path(call.path)) {
    co_return Error(Errc::invalid_argument, "path: is none of JobAdder's");
  }
  call.deadline = std::min(call.deadline, now() + kLongestCall);
  unsigned failures = 0;
  bool renewed = false;
  auto access = co_await options.tokens->access(call.deadline);
  while (true) {
    if (!access) co_return access.error().with_context(what);
    if (auto let = co_await options.gate->acquire(call.deadline); !let) {
      co_return let.error().with_context(what);
    }
    auto request = request_of(call, *access);
    auto response = co_await options.transport->send(std::move(request));
    if (response && response->status < 300) {
      count("ok");
      co_return response;
    }
    if (response && response->status == 401 && !std::exchange(renewed, true)) {
      count("unauthenticated");
      access = co_await options.tokens->renew(access->generation, call.deadline);
      continue;
    }
    if (response && response->status == 429) {
      count("throttled");
      throttled();
      options.gate->pause(told_wait(*response));
      options.log.info("JobAdder asks for a pause", {{"wait_ms", told_wait(*response).count()}});
      // It was not carried out, whatever it was. The gate says when, or that it is too late.
      access = co_await options.tokens->access(call.deadline);
      continue;
    }
    Error error = response ? error_of(*response, what) : response.error().with_context(what);
    count(response ? (response->status >= 500 ? "server_error" : "refused") : "failed");
    const bool passes = error.retryable() && error.code() != Errc::deadline_exceeded;
    const bool late = error.code() == Errc::deadline_exceeded && now() < call.deadline;
    if (!(passes || late)) co_return error;
    if (!is_repeatable(call)) {
      co_return Error(error.code(), error.message() + "; the outcome is unknown");
    }
    const auto wait = wait_after(++failures, call.deadline);
    if (!wait) co_return error;
    if (auto slept = co_await sleep_for(*wait); !slept) co_return slept.error();
    access = co_await options.tokens->access(call.deadline);
  }
}

Client::Client(ClientOptions options) : impl_(std::make_shared<Impl>(std::move(options))) {}
Client::~Client() = default;

awaitable<Result<net::HttpResponse>> Client::send(Call call) {
  const auto impl = impl_;
  auto response = co_await impl->send(std::move(call));
  co_return response;
}

awaitable<Result<JsonText>> Client::get(std::string path, Query query, SteadyTime deadline) {
  Call call;
  call.path = std::move(path);
  call.query = std::move(query);
  call.deadline = deadline;
  const std::string what = "GET " + call.path;
  auto response = co_await send(std::move(call));
  if (!response) co_return response.error();
  co_return read_json(std::move(*response), what);
}

awaitable<Result<JsonText>> Client::create(std::string path, JsonText body, SteadyTime deadline) {
  Call call;
  call.method = "POST";
  call.path = std::move(path);
  call.body = body.release();
  call.content_type = "application/json";
  call.deadline = deadline;
  const std::string what = "POST " + call.path;
  auto response = co_await send(std::move(call));
  if (!response) co_return response.error();
  co_return read_json(std::move(*response), what);
}

awaitable<Result<JsonText>> Client::update(std::string path, JsonText body, SteadyTime deadline) {
  Call call;
  call.method = "PUT";
  call.path = std::move(path);
  call.body = body.release();
  call.content_type = "application/json";
  call.deadline = deadline;
  const std::string what = "PUT " + call.path;
  auto response = co_await send(std::move(call));
  if (!response) co_return response.error();
  co_return read_json(std::move(*response), what);
}

awaitable<Result<void>> Client::remove(std::string path, SteadyTime deadline) {
  Call call;
  call.method = "DELETE";
  call.path = std::move(path);
  call.deadline = deadline;
  auto response = co_await send(std::move(call));
  if (!response) co_return response.error();
  co_return Result<void>();
}

awaitable<Result<Download>> Client::download(std::string path, std::size_t max_bytes,
                                             SteadyTime deadline) {
  Call call;
  call.path = std::move(path);
  call.accept = "*/*";
  call.max_answer_bytes = max_bytes;
  call.deadline = deadline;
  auto response = co_await send(std::move(call));
  if (!response) co_return response.error();
  Download file;
  file.content_type = std::string(response->headers.find("Content-Type").value_or(""));
  file.content = std::move(response->body);
  co_return file;
}

awaitable<Result<JsonText>> Client::upload(std::string path, Upload file, SteadyTime deadline) {
  const bool plain = std::all_of(file.file_name.begin(), file.file_name.end(), [](char c) {
    return static_cast<unsigned char>(c) >= ' ' && c != '"' && c != '\\' && c != '\x7f';
  });
  if (!plain || file.file_name.empty() || !net::valid_header("Content-Type", file.content_type)) {
    co_return Error(Errc::invalid_argument,
                    "file_name: must not be empty, nor hold quotes or control characters");
  }
  const std::string boundary = "rwp-" + random_token();
  Call call;
  call.method = "POST";
  call.path = std::move(path);
  call.content_type = "multipart/form-data; boundary=" + boundary;
  call.body = "--" + boundary +
              "\r\nContent-Disposition: form-data; name=\"fileData\"; filename=\"" +
              file.file_name + "\"\r\nContent-Type: " + file.content_type + "\r\n\r\n" +
              file.content + "\r\n--" + boundary + "--\r\n";
  call.deadline = deadline;
  const std::string what = "POST " + call.path;
  auto response = co_await send(std::move(call));
  if (!response) co_return response.error();
  co_return read_json(std::move(*response), what);
}

}  // namespace rwp::jobadder
