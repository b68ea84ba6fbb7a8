#pragma once

#include <rwp/ai/batch_api.hpp>
#include <rwp/ai/batch_format.hpp>
#include <rwp/ai/model.hpp>
#include <rwp/ai/rate_allowance.hpp>
#include <rwp/ai_openai/model_info.hpp>
#include <rwp/ai_openai/openai_options.hpp>
#include <rwp/core/async.hpp>
#include <rwp/core/error.hpp>
#include <rwp/net/http_transport.hpp>

#include <boost/asio/awaitable.hpp>

#include <memory>
#include <string>
#include <vector>

namespace rwp::ai_openai {

/// Any service that speaks OpenAI's chat completions, embeddings and models over HTTP.
///
/// - Structured output goes as `response_format: json_schema`, strict where the schema keeps the
///   rules of strict mode. What the server refuses as unsupported (the temperature, the name of the
///   token limit, a strict schema) is left out for that model from then on, and the call repeated.
/// - stream() asks for the usage too. A stream that breaks off, falls silent, carries an event that
///   is none, reports an error, or ends without saying why, is an error.
/// - embed() asks for base64 and takes lists of numbers as well; many inputs go in several
///   requests, one after the other.
/// - An answer without usage is estimated: a token for four bytes.
/// - What servers do differently stands in one table (dialect.hpp). What an answer says that is not
///   known here is in ChatReply::extra_fields.
///
/// Retries: an attempt is repeated while no byte of a good answer has come: when the connection
/// failed, and after 408, 409, 429 and 5xx, at most `max_attempts` in all, with full jitter or
/// after Retry-After (up to two minutes) and never past the deadline; over all calls at most one
/// for ten calls, and ten in reserve, so that a server in trouble is not burdened more. Money may
/// have been spent on an attempt whose connection broke. An answer that breaks off, or is none, is
/// not asked for again here: its error is retryable, and the job decides.
///
/// Errors: as ai::Model. The message has the server's code, parameter and request id.
/// rate_limited carries `retry_after`; budget_exceeded (quota, credit) is final; not_found: no such
/// model; corrupt: an answer that is none, worth a retry.
/// Threads, lifetime: as every Model; the transport is shared, and of the same runtime.
class OpenAiModel final : public ai::Model, public ai::ReportsRates {
 public:
  /// `Errc::invalid_argument` names the option and its rule.
  static Result<std::shared_ptr<OpenAiModel>> make(std::shared_ptr<net::HttpTransport> transport,
                                                   OpenAiOptions options = OpenAiOptions());
  ~OpenAiModel() override;

  /// What the server offers, at most 10,000.
  boost::asio::awaitable<Result<std::vector<ModelInfo>>> models(
      SteadyTime deadline = SteadyTime::max());

  /// Files and batches of the same service, by the same options. Errors as
  /// make_openai_batch_api().
  Result<std::shared_ptr<ai::BatchApi>> batches() const;
  /// How chat completions stand in the lines of its batches. Errors as make_openai_batch_format().
  Result<std::shared_ptr<const ai::BatchFormat>> batch_format() const;

  /// OpenAiOptions::model; when that is empty, what the server listed; empty before it was asked.
  std::string default_model() const override;

  /// Told of each answer's x-ratelimit headers, refusals' as well.
  void on_rate_report(ai::OnRateReport listener) override;

 private:
  struct Impl;
  explicit OpenAiModel(std::unique_ptr<Impl> impl);

  boost::asio::awaitable<Result<ai::ChatReply>> do_chat(ai::ChatRequest request) override;
  boost::asio::awaitable<Result<ai::ChatReply>> do_stream(ai::ChatRequest request,
                                                          ai::OnDelta on_delta) override;
  boost::asio::awaitable<Result<ai::EmbedReply>> do_embed(ai::EmbedRequest request) override;

  std::unique_ptr<Impl> impl_;
};

}  // namespace rwp::ai_openai
