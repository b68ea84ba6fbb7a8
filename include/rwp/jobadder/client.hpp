#pragma once

#include <rwp/core/async.hpp>
#include <rwp/core/error.hpp>
#include <rwp/core/json_text.hpp>
#include <rwp/jobadder/rate_gate.hpp>
#include <rwp/jobadder/token_keeper.hpp>
#include <rwp/net/http_transport.hpp>
#include <rwp/net/retry.hpp>
#include <rwp/observability/log.hpp>
#include <rwp/observability/metrics.hpp>

#include <boost/asio/awaitable.hpp>

#include <chrono>
#include <cstddef>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

namespace rwp::jobadder {

/// Names and values of a query, in their order; a name may stand several times.
using Query = std::vector<std::pair<std::string, std::string>>;

struct ClientOptions {
  /// Sends each attempt once: the client retries itself, as each attempt needs a token and a place
  /// in the rate.
  std::shared_ptr<net::HttpTransport> transport{};
  std::shared_ptr<TokenKeeper> tokens{};
  /// Null: a gate without a limit, which still heeds refusals.
  std::shared_ptr<RateGate> gate{};
  /// Of failures of the transport and 5xx. Refusals for the rate are waited for until the deadline.
  net::RetryOptions retry{.max_attempts = 6};
  /// Longest answer in JSON.
  std::size_t max_answer_bytes = std::size_t{32} << 20U;
  /// From the request's last byte to the head of an answer.
  std::chrono::milliseconds answer_timeout{30'000};
  observability::Logger log{};
  /// May be null. Series: rwp_jobadder_requests_total{outcome}, rwp_jobadder_throttled_total.
  std::shared_ptr<observability::Metrics> metrics{};
};

/// One request to the API.
struct Call {
  std::string method = "GET";
  /// From the API's root: "/candidates/1".
  std::string path{};
  Query query{};
  /// The body, when `content_type` is not empty.
  std::string body{};
  std::string content_type{};
  /// Of the answer; empty: JSON.
  std::string accept{};
  /// May be sent again when its outcome is not known. GET, PUT and DELETE may anyway; a POST only
  /// when its repetition does no harm.
  bool repeatable = false;
  /// 0: the client's.
  std::size_t max_answer_bytes = 0;
  SteadyTime deadline = SteadyTime::max();
};

/// A file that is sent.
struct Upload {
  std::string file_name{};
  std::string content_type = "application/octet-stream";
  std::string content{};
};

struct Download {
  std::string content{};
  std::string content_type{};
};

/// Speaks to one account's API: a token for each attempt, the rate, retries, errors.
///
/// A 401 renews the token and repeats the request once. A 429 stops all who share the gate for as
/// long as it says, and is repeated until the deadline; so are, some times, failures of what is
/// repeatable.
/// Errors: `Errc::invalid_argument` (400, 422; the message has JobAdder's words and the fields),
/// `Errc::unauthenticated` (see TokenKeeper), `Errc::permission_denied`, `Errc::not_found`,
/// `Errc::already_exists` (409: a candidate with this address), `Errc::rate_limited`,
/// `Errc::unavailable` (what is not repeatable: the outcome is unknown), `Errc::deadline_exceeded`,
/// `Errc::corrupt` (no JSON, or too long), `Errc::cancelled`. Without a deadline a call has one of
/// five minutes.
/// Threads: confined to its runtime's I/O thread, where calls may overlap. Lifetime: outlives its
/// calls in flight.
class Client {
 public:
  explicit Client(ClientOptions options);
  ~Client();
  Client(const Client&) = delete;
  Client& operator=(const Client&) = delete;

  /// The answer, of a status below 300.
  boost::asio::awaitable<Result<net::HttpResponse>> send(Call call);

  /// A document; of GET.
  boost::asio::awaitable<Result<JsonText>> get(std::string path, Query query = Query(),
                                               SteadyTime deadline = SteadyTime::max());
  /// POST: made once, never repeated when its outcome is unknown. `null` for an empty answer.
  boost::asio::awaitable<Result<JsonText>> create(std::string path, JsonText body,
                                                  SteadyTime deadline = SteadyTime::max());
  /// PUT; `null` for an empty answer.
  boost::asio::awaitable<Result<JsonText>> update(std::string path, JsonText body,
                                                  SteadyTime deadline = SteadyTime::max());
  boost::asio::awaitable<Result<void>> remove(std::string path,
                                              SteadyTime deadline = SteadyTime::max());
  /// A file, at most `max_bytes`.
  boost::asio::awaitable<Result<Download>> download(std::string path, std::size_t max_bytes,
                                                    SteadyTime deadline = SteadyTime::max());
  /// A file as multipart/form-data, in the part `fileData`; made once, as create().
  boost::asio::awaitable<Result<JsonText>> upload(std::string path, Upload file,
                                                  SteadyTime deadline = SteadyTime::max());

 private:
  struct Impl;
  const std::shared_ptr<Impl> impl_;
};

}  // namespace rwp::jobadder
