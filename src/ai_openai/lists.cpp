#include "ai_openai/impl.hpp"

#include <algorithm>
#include <memory>
#include <span>
#include <utility>

namespace rwp::ai_openai {
namespace {

using boost::asio::awaitable;

/// One request to embed: well below the service's own limits, and parsed in some milliseconds.
constexpr std::size_t kMostInputsTogether = 256;
constexpr std::size_t kMostInputBytesTogether = std::size_t{512} << 10U;
/// Names told when one has to be chosen.
constexpr std::size_t kMostNamesTold = 5;

Result<std::string> the_one(const std::string& host, const std::vector<ModelInfo>& models) {
  if (models.size() == 1) return models.front().id;
  if (models.empty()) {
    return Error(Errc::not_found, host + " lists no model; name one (?model=NAME)");
  }
  std::string names;
  for (std::size_t i = 0; i < std::min(models.size(), kMostNamesTold); ++i) {
    names += (i == 0 ? "" : ", ") + models[i].id;
  }
  if (models.size() > kMostNamesTold) names += ", ...";
  return Error(Errc::invalid_argument,
               host + " lists several models; name one (?model=NAME): " + names);
}

/// How many of the inputs from `begin` on go together; at least one.
std::size_t share_of(const std::vector<std::string>& inputs, std::size_t begin) {
  std::size_t count = 1;
  std::size_t bytes = inputs[begin].size();
  while (begin + count < inputs.size() && count < kMostInputsTogether) {
    bytes += inputs[begin + count].size();
    if (bytes > kMostInputBytesTogether) break;
    ++count;
  }
  return count;
}

}  // namespace

awaitable<Result<std::vector<ModelInfo>>> OpenAiModel::Impl::list_models(SteadyTime deadline,
                                                                         TraceContext trace) {
  Call call;
  call.method = "GET";
  call.path = "/models";
  call.deadline = deadline;
  call.trace = trace;
  auto called = co_await upstream.open(std::move(call));
  if (!called.exchange) co_return called.exchange.error();
  std::function<Read<std::vector<ModelInfo>>(std::string)> read = &read_models;
  co_return co_await finish<std::vector<ModelInfo>>(std::move(*called.exchange), std::move(read));
}

awaitable<Result<std::string>> OpenAiModel::Impl::choose_model(std::string asked,
                                                               std::string configured,
                                                               SteadyTime deadline,
                                                               TraceContext trace) {
  if (!asked.empty()) co_return std::move(asked);
  if (!configured.empty()) co_return std::move(configured);
  while (listed_model.empty()) {
    if (listing) {
      const auto wake = co_await listed.wait_until(deadline);
      if (wake == Wake::cancelled) co_return Error(Errc::cancelled, "cancelled");
      if (wake == Wake::timed_out) {
        co_return Error(Errc::deadline_exceeded, "deadline passed before the models were listed");
      }
      continue;
    }
    listing = true;
    // Also when the listing is cancelled with an exception: the next who waits lists then.
    const auto end = [this](void*) {
      listing = false;
      listed.notify_all();
    };
    std::unique_ptr<void, decltype(end)> guard(this, end);
    auto models = co_await list_models(deadline, trace);
    guard.reset();
    if (!models) co_return models.error();
    auto one = the_one(upstream.speaker().host, *models);
    if (!one) co_return one.error();
    listed_model = *one;
  }
  co_return listed_model;
}

awaitable<Result<ai::EmbedReply>> OpenAiModel::Impl::embed_some(
    std::string model, std::string body, std::size_t inputs, std::int64_t dimensions,
    SteadyTime deadline, TraceContext trace, std::string subject) {
  Call call;
  call.path = "/embeddings";
  call.subject = std::move(subject);
  call.model = std::move(model);
  call.body = std::move(body);
  call.deadline = deadline;
  call.trace = trace;
  auto called = co_await upstream.open(std::move(call));
  if (!called.exchange) co_return called.exchange.error();
  std::function<Read<ai::EmbedReply>(std::string)> read = [inputs, dimensions](std::string answer) {
    return read_embeddings(std::move(answer), inputs, dimensions);
  };
  co_return co_await finish<ai::EmbedReply>(std::move(*called.exchange), std::move(read));
}

awaitable<Result<ai::EmbedReply>> OpenAiModel::do_embed(ai::EmbedRequest request) {
  const auto& options = impl_->options();
  auto model = co_await impl_->choose_model(
      request.model, options.embedding_model.empty() ? options.model : options.embedding_model,
      request.deadline, request.trace);
  if (!model) co_return model.error();
  ai::EmbedReply reply;
  reply.vectors.reserve(request.inputs.size());
  const bool base64 = impl_->upstream.dialect().base64_embeddings;
  std::size_t begin = 0;
  while (begin < request.inputs.size()) {
    const std::size_t count = share_of(request.inputs, begin);
    const auto inputs = std::span(request.inputs).subspan(begin, count);
    std::string body = embeddings_json(inputs, *model, request.dimensions, base64).release();
    auto some = co_await impl_->embed_some(*model, std::move(body), count, request.dimensions,
                                           request.deadline, request.trace, request.subject);
    if (!some) co_return some.error();
    std::size_t bytes = 0;
    for (const auto& input : inputs) bytes += input.size();
    const bool told = some->usage.input_tokens > 0;
    reply.usage.input_tokens +=
        told ? some->usage.input_tokens : estimate_usage(bytes, 0).input_tokens;
    reply.model = some->model.empty() ? *model : std::move(some->model);
    std::move(some->vectors.begin(), some->vectors.end(), std::back_inserter(reply.vectors));
    begin += count;
  }
  const std::size_t size = reply.vectors.front().size();
  const bool alike = std::all_of(reply.vectors.begin(), reply.vectors.end(),
                                 [size](const auto& vector) { return vector.size() == size; });
  if (!alike) {
    co_return Error(Errc::corrupt, options.base_url + " changed the size of its vectors");
  }
  co_return std::move(reply);
}

}  // namespace rwp::ai_openai
