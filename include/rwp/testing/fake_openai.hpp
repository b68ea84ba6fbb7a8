#pragma once

#include <rwp/ai/model.hpp>
#include <rwp/core/error.hpp>
#include <rwp/core/secret.hpp>
#include <rwp/net/http_message.hpp>
#include <rwp/observability/log.hpp>

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

namespace rwp::testing {

/// What the fake does with a request.
enum class Fault : std::uint8_t {
  none,            ///< "ok": a good answer.
  rate_limit,      ///< 429 with Retry-After (`value`: milliseconds, 1 s).
  quota,           ///< 429, the money is spent.
  bad_key,         ///< 401, and repeats the key that it was sent.
  server_error,    ///< 500.
  overloaded,      ///< 503.
  bad_gateway,     ///< 502 with a page of HTML.
  slow,            ///< A good answer after a while (`value`: milliseconds, 2 s).
  hang,            ///< No answer until the client has gone.
  cut,             ///< Breaks off within the answer.
  stall,           ///< Falls silent within the answer, until the client has gone.
  malformed,       ///< Broken JSON, or an event that is none.
  wrong_type,      ///< 200 with a page of HTML.
  empty,           ///< 200 with nothing, or a stream that ends without saying why.
  huge,            ///< An answer of `value` MiB (64).
  error_event,     ///< 200, and then the error object.
  refusal,         ///< The model declines.
  length,          ///< The answer was cut at the token limit.
  content_filter,  ///< The filter withheld it.
  misfit,          ///< JSON that breaks the schema asked for.
};

/// One step of a script: "ok", "rate_limit", "rate_limit:250", "slow:1500", "cut", …
struct FakeStep {
  Fault fault = Fault::none;
  /// What it means stands at the fault; negative: its default.
  std::int64_t value = -1;
};

/// `Errc::invalid_argument` names the word that is no fault, and lists those that are.
Result<FakeStep> parse_fake_step(std::string_view text);
/// The fault's word.
std::string_view fault_name(Fault fault) noexcept;

/// Every `period`-th request takes this step, when no script does.
struct FakeShare {
  FakeStep step{};
  std::uint64_t period = 10;
};

struct FakeOpenAiOptions {
  /// Port 0: a free one.
  std::string listen = "127.0.0.1:0";
  /// What GET /v1/models lists; others are served as well.
  std::vector<std::string> models = {"fake-gpt"};
  /// Empty: any key, and none, will do.
  Secret api_key{};
  std::vector<FakeShare> shares{};
  /// Parameters that are refused as unsupported: "temperature", "max_completion_tokens", …
  std::vector<std::string> refused_parameters{};
  /// Embeddings are lists of numbers, also where base64 was asked for.
  bool only_float_embeddings = false;
  /// Who answers; null: a LocalModel. Used on the fake's own runtime.
  std::shared_ptr<ai::Model> model{};
  observability::Logger log{};
};

/// A request that the fake has seen.
struct FakeRequest {
  std::string path{};
  std::string model{};
  bool stream = false;
  Fault fault = Fault::none;
  net::HttpHeaders headers{};
  std::string body{};
};

/// An OpenAI-compatible server over real HTTP, for tests: chat completions (also streamed),
/// embeddings and models, with deterministic answers, and misbehaviour on demand.
///
/// What a request meets is the next step of the script, when there is one; else the fault that its
/// model names ("fake:cut", "fake:rate_limit:250"); else the shares; else a good answer. It judges
/// requests as OpenAI does, strict schemas too. Besides, by HTTP: POST /_fake/script
/// {"steps":["rate_limit:250","ok"]} adds to the script, GET /_fake/requests counts, DELETE
/// /_fake/requests forgets.
/// Threads: any. Lifetime: owns its server and runtime; what is in flight ends with it.
class FakeOpenAi {
 public:
  /// `Errc::unavailable`: the address is in use.
  static Result<std::unique_ptr<FakeOpenAi>> start(FakeOpenAiOptions options = FakeOpenAiOptions());
  ~FakeOpenAi();
  FakeOpenAi(const FakeOpenAi&) = delete;
  FakeOpenAi& operator=(const FakeOpenAi&) = delete;

  std::uint16_t port() const noexcept;
  /// "http://127.0.0.1:PORT/v1".
  std::string base_url() const;

  /// Adds steps for the requests to come (POST to chat or embeddings), at most 10,000.
  FakeOpenAi& play(std::vector<FakeStep> steps);
  /// The requests so far that reached a route of the API, at most the last 1,000.
  std::vector<FakeRequest> requests() const;
  std::uint64_t request_count() const;
  /// Answers that their client did not wait for.
  std::uint64_t abandoned_count() const;
  void forget_requests();

 private:
  struct Impl;
  explicit FakeOpenAi(std::unique_ptr<Impl> impl);
  std::unique_ptr<Impl> impl_;
};

}  // namespace rwp::testing
