#pragma once

#include <rwp/ai/model.hpp>
#include <rwp/ai_openai/openai_options.hpp>
#include <rwp/core/async.hpp>
#include <rwp/core/error.hpp>
#include <rwp/core/json_text.hpp>
#include <rwp/net/http_transport.hpp>
#include <rwp/observability/trace.hpp>

#include <boost/asio/awaitable.hpp>

#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

namespace rwp::ai_openai {

/// A request of the Responses API.
struct ResponseRequest {
  /// The body, an object, sent as it is but for `model`, filled in where it names none, and
  /// `stream`, which is this library's business.
  JsonText body{};
  SteadyTime deadline = SteadyTime::max();
  observability::TraceContext trace{};
};

/// An answer of the Responses API.
struct ResponseReply {
  std::string id{};
  /// "completed", "incomplete", "cancelled", or, of a background response, "queued" or
  /// "in_progress".
  std::string status{};
  std::string model{};
  /// All texts of the output, joined.
  std::string text{};
  /// What the model said instead of an answer; empty: it did not decline.
  std::string refusal{};
  std::vector<ai::ToolCall> tool_calls{};
  ai::TokenUsage usage{};
  /// Why it is incomplete: "max_output_tokens" or "content_filter".
  std::string incomplete_reason{};
  /// The whole of it, with all items of the output and whatever else the server says.
  JsonText document{};
};

/// Gets each event of a streamed response, in order: its type ("response.output_text.delta") and
/// the event. Answering false ends the stream (`Errc::cancelled`).
using OnResponseEvent = std::function<bool(std::string_view type, const JsonText& event)>;

/// OpenAI's Responses API.
///
/// Requests are repeated as OpenAiModel repeats its calls. A response that failed is an error with
/// the server's code; one that is cut, or has no output, is none. Errors, threads and lifetime as
/// OpenAiModel.
class Responses {
 public:
  static Result<std::shared_ptr<Responses>> make(std::shared_ptr<net::HttpTransport> transport,
                                                 OpenAiOptions options = OpenAiOptions());
  ~Responses();
  Responses(const Responses&) = delete;
  Responses& operator=(const Responses&) = delete;

  boost::asio::awaitable<Result<ResponseReply>> create(ResponseRequest request);
  /// A stream that ends without response.completed, .incomplete or .failed was cut: an error.
  boost::asio::awaitable<Result<ResponseReply>> stream(ResponseRequest request,
                                                       OnResponseEvent on_event);
  /// One that the server keeps (`store`), or that runs in the background.
  boost::asio::awaitable<Result<ResponseReply>> get(std::string id,
                                                    SteadyTime deadline = SteadyTime::max());
  /// Of a background response.
  boost::asio::awaitable<Result<ResponseReply>> cancel(std::string id,
                                                       SteadyTime deadline = SteadyTime::max());
  boost::asio::awaitable<Result<void>> remove(std::string id,
                                              SteadyTime deadline = SteadyTime::max());
  /// What it was given, as the server lists it.
  boost::asio::awaitable<Result<JsonText>> input_items(std::string id,
                                                       SteadyTime deadline = SteadyTime::max());
  /// How many tokens the server counts in a request, without running it.
  boost::asio::awaitable<Result<std::int64_t>> count_input_tokens(ResponseRequest request);

 private:
  struct Impl;
  explicit Responses(std::unique_ptr<Impl> impl);
  std::unique_ptr<Impl> impl_;
};

}  // namespace rwp::ai_openai
