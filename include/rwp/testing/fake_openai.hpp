#pragma once

#include <rwp/ai/model.hpp>
#include <rwp/core/error.hpp>
#include <rwp/core/secret.hpp>
#include <rwp/net/http_message.hpp>
#include <rwp/observability/log.hpp>
#include <rwp/testing/fake_fault.hpp>

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>
#include <vector>

namespace rwp::testing {

/// Every `period`-th request takes this step, when no script does.
struct FakeShare {
  FakeStep step{};
  std::uint64_t period = 10;
};

/// What the fake allows; beyond it a request is 429, and counts all the same.
struct FakeRateOptions {
  /// 0: no limit.
  std::int64_t requests_per_minute = 0;
  /// Tokens of the question by the library's estimate, and those that its answer may have.
  std::int64_t tokens_per_minute = 0;
  /// How long a minute is.
  std::chrono::milliseconds minute{60'000};
};

struct FakeBatchOptions {
  /// From a batch's creation to its end.
  std::chrono::milliseconds takes{0};
};

/// What the fake has charged: every answer that its model gave, whether it arrived or not.
struct FakeBill {
  std::uint64_t answers = 0;
  /// Lines of batches, at half the price.
  std::uint64_t batch_answers = 0;
  /// Answers to different requests.
  std::uint64_t distinct = 0;
  std::int64_t input_tokens = 0;
  std::int64_t output_tokens = 0;
  /// A dollar for a million tokens read, four for a million written.
  std::int64_t microdollars = 0;
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
  FakeRateOptions rate{};
  FakeBatchOptions batches{};
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

/// An OpenAI-compatible server over real HTTP, for tests: chat completions (also streamed, with
/// tools), embeddings, models, responses, moderations, files and batches, with deterministic
/// answers, a limit, a bill, and misbehaviour on demand.
///
/// - What a request meets is the next step of the script, when there is one; else the fault that
///   its model names ("fake:cut", "fake:rate_limit:250"); else the shares; else a good answer. It
///   judges requests as OpenAI does, strict schemas too.
/// - A request with tools, but no tool's answer at its end, is answered with a call of the tool
///   that it chooses, or the first.
/// - A batch is answered when somebody looks after its time; its lines come in reverse order.
/// - By HTTP: POST /_fake/script {"steps":["rate_limit:250","ok"],"uploads":["lost"],
///   "batches":["expire:2"]} adds to the scripts, GET /_fake/requests counts, DELETE
///   /_fake/requests forgets, the bill too, GET /_fake/bill tells what was charged.
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
  /// What becomes of the uploads, or batches, to come, at most 10,000.
  FakeOpenAi& play_uploads(std::vector<FakeBatchStep> steps);
  FakeOpenAi& play_batches(std::vector<FakeBatchStep> steps);
  /// What was made late ("late:MS") is seen from now on.
  void deliver_late();
  /// Batches that run are at their end.
  void end_batches();
  FakeBill bill() const;
  /// Batches that were made.
  std::uint64_t batch_count() const;
  /// Requests that were beyond the limit.
  std::uint64_t limited_count() const;
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
