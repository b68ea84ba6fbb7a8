#pragma once

#include <rwp/ai/message.hpp>
#include <rwp/ai/wire.hpp>
#include <rwp/core/error.hpp>
#include <rwp/core/json_text.hpp>
#include <rwp/observability/trace.hpp>

#include <boost/asio/awaitable.hpp>

#include <chrono>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace rwp::ai {

/// What the answer must look like.
struct OutputSchema {
  /// 1 to 64 letters, digits, - and _; told to the model.
  std::string name{};
  /// A JSON Schema (draft 7 or the part of 2020-12 that OpenAI's strict mode takes).
  JsonText schema{};
};

/// Which of a tenant's own calls go first where they have to wait; other tenants' are not passed.
enum class CallPriority : std::uint8_t { background, normal, urgent };

/// What became of a call's attempts at an upstream, for whoever has to pay for them.
struct CallProgress {
  /// Attempts under way, or ended with nobody knowing whether they are charged: cancelled, out of
  /// time, or with an answer that is none.
  int unsettled_attempts = 0;
  /// About what a stream of a WireCall has brought so far.
  std::int64_t streamed_tokens = 0;
  /// Sets money aside for one attempt more, at this model; who asks again while attempts are
  /// unsettled waits for it first, and gives up on its error. Empty: nobody pays.
  std::function<boost::asio::awaitable<Result<void>>(std::string model)> admit_again{};
  /// The calls that go in one request with this one; each pays for its own part.
  std::vector<std::shared_ptr<CallProgress>> parts{};

  /// An attempt goes out.
  void begin_attempt() {
    ++unsettled_attempts;
    for (const auto& part : parts) part->begin_attempt();
  }
  /// It is known what the attempt costs: its answer says so, or nothing.
  void settle_attempt() {
    --unsettled_attempts;
    for (const auto& part : parts) part->settle_attempt();
  }
};

struct ChatRequest {
  /// Empty: the model's own default.
  std::string model{};
  std::vector<Message> messages{};
  /// With it, `ChatReply::content` is meant to be JSON that the schema accepts. Nobody can promise
  /// that for what a model says, least of all when `finish_reason` is not stop; the answer is paid
  /// for and handed on all the same. ai::extract() judges it, asks for a repair, and makes typed
  /// errors of refusals and cuts.
  std::optional<OutputSchema> output_schema{};
  /// 0 to 2; unset: the model's default.
  std::optional<double> temperature{};
  /// Most tokens to answer; 0: the model's default.
  std::int64_t max_output_tokens = 0;
  /// At most 128. What the model wants called stands in ChatReply::tool_calls.
  std::vector<Tool> tools{};
  /// "none", "auto", "required", or the name of the one tool to call; empty: the model's default.
  std::string tool_choice{};
  /// Whether one answer may ask for several calls; unset: the model's default.
  std::optional<bool> parallel_tool_calls{};
  /// With it, ChatReply::logprobs, and so many alternatives a token: 0 to 20.
  std::optional<int> top_logprobs{};
  /// Further members of the request, an object, sent as they are (`seed`, `stop`, `metadata`, a
  /// compatible server's own); null: none. Not those that this struct has a member for, nor those
  /// that change what an answer looks like (`n`, `stream`, `audio`, …). make_redacted() leaves them
  /// alone.
  JsonText extra_fields{};
  /// For accounting: whose call, and what for ("job_ad.enrich").
  std::string tenant{};
  std::string kind{};
  /// Whom it is about, as a name that tells nobody who that is: 1 to 64 of a-z A-Z 0-9 - _; empty:
  /// nobody in particular. What is kept of the call (cached answers, artefacts) is kept under it,
  /// so that it can be found and removed; equal calls about two persons share no answer.
  std::string subject{};
  CallPriority priority = CallPriority::normal;
  /// Names of persons and other words that make_redacted() keeps from leaving; at most 100.
  std::vector<std::string> personal_words{};
  /// The time by which an answer is wanted; default: none.
  std::chrono::steady_clock::time_point deadline = std::chrono::steady_clock::time_point::max();
  /// The trace the call belongs to; a model behind HTTP sends it on. Default: none.
  observability::TraceContext trace{};
  /// Kept by make_budgeted() and make_attempt_limited() between them; null: nobody asks.
  std::shared_ptr<CallProgress> progress{};
  /// The same call as its caller wrote it; null: the members above are all there is.
  std::shared_ptr<WireCall> wire{};
};

/// The parts are within the sums: cached and cache_write of input, reasoning of output.
struct TokenUsage {
  std::int64_t input_tokens = 0;
  std::int64_t output_tokens = 0;
  std::int64_t cached_input_tokens = 0;
  std::int64_t reasoning_tokens = 0;
  std::int64_t cache_write_tokens = 0;
};

/// How an answer came about, and so whether it was paid for by this call.
enum class AnswerSource : std::uint8_t {
  model,   ///< Asked for; `usage` is what it took.
  cache,   ///< Kept from an earlier call; `usage` is what it took then.
  shared,  ///< Another call asked the same at the same time, and pays.
};

enum class FinishReason : std::uint8_t { stop, length, refusal, content_filter, tool_calls };

struct ChatReply {
  /// With FinishReason::refusal: what the model said instead of an answer.
  std::string content{};
  /// The model that answered, as it names itself; "rwp-local" for the LocalModel.
  std::string model{};
  FinishReason finish_reason = FinishReason::stop;
  TokenUsage usage{};
  /// The provider's id of the answer; may be empty.
  std::string id{};
  /// The tier it was served in, as the provider names it ("flex"); empty: the ordinary one.
  std::string service_tier{};
  AnswerSource source = AnswerSource::model;
  /// A later member of a fallback chain gave it, not the model that was asked for.
  bool from_fallback = false;
  /// What is to be called, with FinishReason::tool_calls; of a stream, put together from its
  /// pieces.
  std::vector<ToolCall> tool_calls{};
  /// As the provider gives them: `{"content":[{"token":…,"logprob":…}],"refusal":…}`; null: none.
  JsonText logprobs{};
  /// What the provider said besides, an object: unknown members of the answer, and under "message"
  /// and "choice" those of these (`{"system_fingerprint":"…","message":{"reasoning":"…"}}`);
  /// null: nothing. Of a stream, texts put together from their pieces.
  JsonText extra_fields{};
  /// The answer's body as it came, of a WireCall; null: only the members above.
  std::shared_ptr<const std::string> wire{};
};

/// Gets each piece of a streamed answer, in order, on the caller's executor. Answering false ends
/// the stream (`Errc::cancelled`).
using OnDelta = std::function<bool(std::string_view piece)>;

struct EmbedRequest {
  std::string model{};
  /// 1 to 2,048 texts, none of them empty.
  std::vector<std::string> inputs{};
  /// 0: the model's own size.
  std::int64_t dimensions = 0;
  std::string tenant{};
  std::string kind{};
  /// As ChatRequest::subject.
  std::string subject{};
  CallPriority priority = CallPriority::normal;
  /// As ChatRequest::personal_words.
  std::vector<std::string> personal_words{};
  std::chrono::steady_clock::time_point deadline = std::chrono::steady_clock::time_point::max();
  /// As ChatRequest::trace.
  observability::TraceContext trace{};
  /// As ChatRequest::progress.
  std::shared_ptr<CallProgress> progress{};
};

struct EmbedReply {
  /// One vector an input, in their order; of length 1.
  std::vector<std::vector<float>> vectors{};
  std::string model{};
  TokenUsage usage{};
  AnswerSource source = AnswerSource::model;
  bool from_fallback = false;
};

/// A language model, or a decorator around one.
///
/// Arguments are checked here once: 1 to 1,000 messages, none empty, 4 MiB of valid UTF-8 in all,
/// and 16 images of 20 MiB at most, 48 MiB together; 128 tools of 256 KiB together, well named; a
/// temperature of 0 to 2; a schema of at most 256 KiB that is an object and is well named; 64 KiB
/// of extra fields; 1 to 2,048 texts to embed, each 1 MiB at most, of 0 or 1 to 16,384 dimensions;
/// names of at most 256 bytes; 100 personal words of 2 to 256 bytes. `Errc::invalid_argument` names
/// the field and the rule, and a deadline that has passed is `Errc::deadline_exceeded`;
/// implementations see only what is valid. Errors: rate_limited, budget_exceeded, unavailable
/// (worth a retry), deadline_exceeded, cancelled, unauthenticated, permission_denied, not_found (no
/// such model), invalid_argument, unsupported, corrupt (an answer that is no answer). Threads:
/// confined to its runtime's I/O thread, where calls may overlap. Lifetime: outlives its calls in
/// flight.
class Model {
 public:
  virtual ~Model() = default;
  Model(const Model&) = delete;
  Model& operator=(const Model&) = delete;

  boost::asio::awaitable<Result<ChatReply>> chat(ChatRequest request);
  /// As chat(); the pieces put together are the reply's content. A stream that breaks is an error,
  /// never a short answer.
  boost::asio::awaitable<Result<ChatReply>> stream(ChatRequest request, OnDelta on_delta);
  boost::asio::awaitable<Result<EmbedReply>> embed(EmbedRequest request);

  /// The model used when a request names none.
  virtual std::string default_model() const = 0;

 protected:
  Model() = default;

  // For decorators: asks a model without checking again what the decorator was given.
  static boost::asio::awaitable<Result<ChatReply>> pass_chat(Model& to, ChatRequest request);
  static boost::asio::awaitable<Result<ChatReply>> pass_stream(Model& to, ChatRequest request,
                                                               OnDelta on_delta);
  static boost::asio::awaitable<Result<EmbedReply>> pass_embed(Model& to, EmbedRequest request);

 private:  // What an implementation provides; the arguments have been checked.
  virtual boost::asio::awaitable<Result<ChatReply>> do_chat(ChatRequest request) = 0;
  virtual boost::asio::awaitable<Result<ChatReply>> do_stream(ChatRequest request,
                                                              OnDelta on_delta) = 0;
  virtual boost::asio::awaitable<Result<EmbedReply>> do_embed(EmbedRequest request) = 0;
};

}  // namespace rwp::ai
