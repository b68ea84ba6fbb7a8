#pragma once

#include "ai_openai/reply_json.hpp"
#include "ai_openai/request_json.hpp"
#include "ai_openai/upstream.hpp"
#include <rwp/ai_openai/openai_model.hpp>
#include <rwp/core/async.hpp>
#include <rwp/observability/trace.hpp>

#include <functional>
#include <map>
#include <memory>
#include <string>
#include <utility>

namespace rwp::ai_openai {

using observability::TraceContext;

/// What the model's calls share.
struct OpenAiModel::Impl {
  Impl(std::shared_ptr<net::HttpTransport> transport, OpenAiOptions options)
      : upstream(std::move(transport), std::move(options)) {}

  const OpenAiOptions& options() const noexcept { return upstream.options(); }

  /// The first name that is not empty; else the one model that the server lists.
  boost::asio::awaitable<Result<std::string>> choose_model(std::string asked,
                                                           std::string configured,
                                                           SteadyTime deadline, TraceContext trace);
  boost::asio::awaitable<Result<std::vector<ModelInfo>>> list_models(SteadyTime deadline,
                                                                     TraceContext trace);

  /// Begins a chat completion; repeats it in another form when the server refuses this one.
  boost::asio::awaitable<Result<std::unique_ptr<net::HttpExchange>>> open_chat(
      std::shared_ptr<const ai::ChatRequest> request, std::string model, bool stream);
  boost::asio::awaitable<Result<ai::ChatReply>> read_stream(
      std::unique_ptr<net::HttpExchange> exchange, ai::OnDelta on_delta) const;
  // A WireCall: the caller's bytes go on, the answer's come back.
  boost::asio::awaitable<Result<std::unique_ptr<net::HttpExchange>>> open_wire(
      std::shared_ptr<const ai::ChatRequest> request, std::string model);
  boost::asio::awaitable<Result<ai::ChatReply>> chat_wire(
      std::shared_ptr<const ai::ChatRequest> request, std::string model);
  boost::asio::awaitable<Result<ai::ChatReply>> stream_wire(
      std::shared_ptr<const ai::ChatRequest> request, std::string model, ai::OnDelta on_delta);
  boost::asio::awaitable<Result<ai::EmbedReply>> embed_some(std::string model, std::string body,
                                                            std::size_t inputs,
                                                            std::int64_t dimensions,
                                                            SteadyTime deadline, TraceContext trace,
                                                            std::string subject);

  /// What a model avoids as far as is known.
  Avoid& avoid_of(const std::string& model);

  /// What an answer of a good status means that is none.
  Error to_error(const net::HttpExchange& exchange, const Wrong& wrong) const {
    const auto& headers = exchange.head().headers;
    if (const auto* said = std::get_if<ServerError>(&wrong)) {
      return ai_openai::to_error(upstream.speaker(), headers, *said);
    }
    return broken_answer(upstream.speaker(), headers, std::get<std::string>(wrong));
  }

  /// Reads an answer to its end and makes a T of it.
  template <class T>
  boost::asio::awaitable<Result<T>> finish(std::unique_ptr<net::HttpExchange> exchange,
                                           std::function<Read<T>(std::string body)> read) {
    auto body = co_await upstream.read_all(*exchange);
    if (!body) co_return body.error();
    auto answer = read(std::move(*body));
    if (const auto* wrong = std::get_if<Wrong>(&answer)) co_return to_error(*exchange, *wrong);
    co_return std::get<T>(std::move(answer));
  }

  Upstream upstream;
  std::map<std::string, Avoid> avoids;
  /// What the server listed, when no model was named; asked for by one call at a time.
  std::string listed_model;
  bool listing = false;
  Signal listed;
};

}  // namespace rwp::ai_openai
