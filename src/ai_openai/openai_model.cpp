#include "ai_openai/adapt.hpp"
#include "ai_openai/impl.hpp"

#include <algorithm>
#include <cassert>
#include <utility>

namespace rwp::ai_openai {
namespace {

using boost::asio::awaitable;

/// What is learnt about models is forgotten beyond these.
constexpr std::size_t kMostModelsKnown = 64;

std::size_t bytes_of(const ai::ChatRequest& request) {
  std::size_t bytes = 0;
  for (const auto& message : request.messages) bytes += message.content.size();
  return bytes;
}

/// Fills in what the server left out.
void complete(ai::ChatReply& reply, const ai::ChatRequest& request, const std::string& model) {
  if (reply.model.empty()) reply.model = model;
  if (reply.usage.input_tokens == 0 && reply.usage.output_tokens == 0) {
    std::size_t written = reply.content.size();
    for (const auto& call : reply.tool_calls) written += call.name.size() + call.arguments.size();
    reply.usage = estimate_usage(bytes_of(request), written);
    // A stream's other choices, and what is no text, were counted as they came.
    if (request.wire && request.progress) {
      reply.usage.output_tokens =
          std::max(reply.usage.output_tokens, request.progress->streamed_tokens);
    }
  }
}

}  // namespace

Result<std::shared_ptr<OpenAiModel>> OpenAiModel::make(
    std::shared_ptr<net::HttpTransport> transport, OpenAiOptions options) {
  assert(transport);
  if (auto checked = check_options(options); !checked) return checked.error();
  auto impl = std::make_unique<Impl>(std::move(transport), std::move(options));
  return std::shared_ptr<OpenAiModel>(new OpenAiModel(std::move(impl)));
}

OpenAiModel::OpenAiModel(std::unique_ptr<Impl> impl) : impl_(std::move(impl)) {}
OpenAiModel::~OpenAiModel() = default;

std::string OpenAiModel::default_model() const {
  return impl_->options().model.empty() ? impl_->listed_model : impl_->options().model;
}

void OpenAiModel::on_rate_report(ai::OnRateReport listener) {
  impl_->upstream.on_rate_report(std::move(listener));
}

awaitable<Result<std::vector<ModelInfo>>> OpenAiModel::models(SteadyTime deadline) {
  return impl_->list_models(deadline, TraceContext());
}

Avoid& OpenAiModel::Impl::avoid_of(const std::string& model) {
  const auto found = avoids.find(model);
  if (found != avoids.end()) return found->second;
  if (avoids.size() >= kMostModelsKnown) avoids.clear();
  Avoid avoid = avoid_by_name(model);
  const Dialect& dialect = upstream.dialect();
  avoid.max_completion_tokens = options().legacy_max_tokens || dialect.legacy_max_tokens;
  avoid.strict_schema = !dialect.strict_schema;
  avoid.stream_options = !dialect.stream_usage;
  return avoids.emplace(model, avoid).first->second;
}

awaitable<Result<std::unique_ptr<net::HttpExchange>>> OpenAiModel::Impl::open_chat(
    std::shared_ptr<const ai::ChatRequest> request, std::string model, bool stream) {
  ChatForm form;
  form.model = model;
  form.stream = stream;
  form.reasoning_effort = options().reasoning_effort;
  form.avoid = avoid_of(model);
  for (;;) {
    Call call;
    call.path = "/chat/completions";
    call.model = model;
    call.body = chat_json(*request, form).release();
    if (stream) call.accept = "text/event-stream";
    call.deadline = request->deadline;
    call.trace = request->trace;
    call.subject = request->subject;
    auto called = co_await upstream.open(std::move(call));
    // Each round flips one more flag of this call's own form, so this ends.
    if (called.exchange || !learn(form.avoid, called.status, called.said)) {
      co_return std::move(called.exchange);
    }
    avoid_of(model) = form.avoid;
    options().log.info("request put in another form",
                       {{"model", model}, {"error", called.exchange.error()}});
  }
}

awaitable<Result<ai::ChatReply>> OpenAiModel::do_chat(ai::ChatRequest request) {
  auto model = co_await impl_->choose_model(request.model, impl_->options().model, request.deadline,
                                            request.trace);
  if (!model) co_return model.error();
  const auto shared = std::make_shared<const ai::ChatRequest>(std::move(request));
  if (shared->wire) {
    auto answered = co_await impl_->chat_wire(shared, *model);
    if (answered) complete(*answered, *shared, *model);
    co_return std::move(answered);
  }
  auto exchange = co_await impl_->open_chat(shared, *model, false);
  if (!exchange) co_return exchange.error();
  std::function<Read<ai::ChatReply>(std::string)> read = &read_chat;
  auto reply = co_await impl_->finish<ai::ChatReply>(std::move(*exchange), std::move(read));
  if (reply) complete(*reply, *shared, *model);
  co_return std::move(reply);
}

awaitable<Result<ai::ChatReply>> OpenAiModel::do_stream(ai::ChatRequest request,
                                                        ai::OnDelta on_delta) {
  auto model = co_await impl_->choose_model(request.model, impl_->options().model, request.deadline,
                                            request.trace);
  if (!model) co_return model.error();
  const auto shared = std::make_shared<const ai::ChatRequest>(std::move(request));
  if (shared->wire) {
    auto answered = co_await impl_->stream_wire(shared, *model, std::move(on_delta));
    if (answered) complete(*answered, *shared, *model);
    co_return std::move(answered);
  }
  auto exchange = co_await impl_->open_chat(shared, *model, true);
  if (!exchange) co_return exchange.error();
  auto reply = co_await impl_->read_stream(std::move(*exchange), std::move(on_delta));
  if (reply) complete(*reply, *shared, *model);
  co_return std::move(reply);
}

}  // namespace rwp::ai_openai
