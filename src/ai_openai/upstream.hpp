#pragma once

#include "ai_openai/server_error.hpp"
#include <rwp/ai/rate_allowance.hpp>
#include <rwp/ai_openai/dialect.hpp>
#include <rwp/ai_openai/openai_options.hpp>
#include <rwp/core/async.hpp>
#include <rwp/core/error.hpp>
#include <rwp/net/http_transport.hpp>
#include <rwp/observability/trace.hpp>

#include <boost/asio/awaitable.hpp>

#include <chrono>
#include <cstddef>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>

namespace rwp::ai_openai {

/// One request to the service.
struct Call {
  std::string method = "POST";
  /// Below the base URL: "/chat/completions".
  std::string path{};
  std::string body{};
  std::string content_type = "application/json";
  /// What Azure's older routes have in their path; empty: not of a model.
  std::string model{};
  /// Makes something that a repetition would make twice: repeated only after 429.
  bool makes_something = false;
  /// "application/json" or "text/event-stream".
  std::string accept = "application/json";
  SteadyTime deadline = SteadyTime::max();
  observability::TraceContext trace{};
  /// As ai::ChatRequest::subject.
  std::string subject{};
};

/// What became of a call: an answer of status 2xx whose body is to be read, or the error and, when
/// the server gave it, what it said.
struct Called {
  Result<std::unique_ptr<net::HttpExchange>> exchange{};
  int status = 0;
  ServerError said{};
  /// The refusal's body, as far as it was read.
  std::string body{};
};

/// The service at the other end of a transport: addresses, headers, time limits and retries.
///
/// Threads: confined to the transport's I/O thread. Lifetime: outlives its calls.
class Upstream {
 public:
  /// `options` has been checked.
  Upstream(std::shared_ptr<net::HttpTransport> transport, OpenAiOptions options);

  /// Sends until an answer of status 2xx begins, the error is final, the attempts are used up, or
  /// the deadline would pass.
  boost::asio::awaitable<Called> open(Call call);
  /// Reads an answer to its end.
  boost::asio::awaitable<Result<std::string>> read_all(net::HttpExchange& exchange) const;
  /// An error while an answer was read, with the answer's request id.
  Error broken_off(const net::HttpExchange& exchange, const Error& error) const;

  void on_rate_report(ai::OnRateReport listener) { listener_ = std::move(listener); }

  const std::shared_ptr<net::HttpTransport>& transport() const noexcept { return transport_; }
  const OpenAiOptions& options() const noexcept { return options_; }
  const Dialect& dialect() const noexcept { return dialect_; }
  const Speaker& speaker() const noexcept { return speaker_; }

 private:
  std::string url_of(const Call& call) const;
  /// Whether a call that failed so is repeated, and after which wait.
  std::optional<std::chrono::milliseconds> wait_before_next(const Call& call, const Called& called,
                                                            int retries);
  net::HttpRequest request_of(const Call& call) const;
  boost::asio::awaitable<Called> attempt(net::HttpRequest request) const;

  const std::shared_ptr<net::HttpTransport> transport_;
  const OpenAiOptions options_;
  const Dialect dialect_;
  Speaker speaker_;
  ai::OnRateReport listener_;
  /// Without a slash at the end.
  std::string base_;
  /// Retries that are left: each call adds a share of one.
  double budget_;
};

/// A segment of a path: what could end it is escaped.
std::string path_segment(std::string_view text);

/// `Errc::invalid_argument` names the option that is out of its range.
Result<void> check_options(const OpenAiOptions& options);

}  // namespace rwp::ai_openai
