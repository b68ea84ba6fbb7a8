#include <rwp/ai/metered.hpp>

#include <cassert>
#include <chrono>
#include <cstddef>
#include <set>
#include <string>
#include <utility>

namespace rwp::ai {
namespace {

using boost::asio::awaitable;
using Steady = std::chrono::steady_clock;

constexpr std::size_t kMaxModelLabels = 50;

class MeteredModel final : public Model {
 public:
  MeteredModel(std::shared_ptr<Model> inner, MeterOptions options)
      : inner_(std::move(inner)), options_(std::move(options)) {
    assert(inner_);
  }

  std::string default_model() const override { return inner_->default_model(); }

 private:
  /// Counts a call when it ends, also when it ends by an exception (a cancelled coroutine).
  class Call {
   public:
    Call(MeteredModel* meter, std::string operation)
        : meter_(meter), operation_(std::move(operation)), model_(meter->default_model()) {}
    Call(const Call&) = delete;
    Call& operator=(const Call&) = delete;
    ~Call() { meter_->count(operation_, model_, code_, Steady::now() - start_); }

    void answered_by(const std::string& model) {
      if (!model.empty()) model_ = model;
      code_ = "ok";
    }
    void failed(const Error& error) { code_ = to_string(error.code()); }
    const std::string& model() const { return model_; }

   private:
    MeteredModel* const meter_;
    const std::string operation_;
    const Steady::time_point start_ = Steady::now();
    std::string model_;
    std::string code_{to_string(Errc::cancelled)};
  };

  /// Whose call it was; kept, since the request itself is moved on.
  struct Origin {
    std::string tenant{};
    std::string kind{};
  };

  awaitable<Result<ChatReply>> do_chat(ChatRequest request) override {
    Origin origin{request.tenant, request.kind};
    return measured("chat", std::move(origin), inner_->chat(std::move(request)));
  }

  awaitable<Result<ChatReply>> do_stream(ChatRequest request, OnDelta on_delta) override {
    Origin origin{request.tenant, request.kind};
    return measured("stream", std::move(origin),
                    inner_->stream(std::move(request), std::move(on_delta)));
  }

  awaitable<Result<EmbedReply>> do_embed(EmbedRequest request) override {
    Origin origin{request.tenant, request.kind};
    return measured("embed", std::move(origin), inner_->embed(std::move(request)));
  }

  template <class Reply>
  awaitable<Result<Reply>> measured(std::string operation, Origin origin,
                                    awaitable<Result<Reply>> answering) {
    Call call(this, std::move(operation));
    auto reply = co_await std::move(answering);
    if (!reply) {
      call.failed(reply.error());
      co_return reply;
    }
    call.answered_by(reply->model);
    // What came out of a cache, or was paid for by another call, costs nothing again.
    if (reply->source != AnswerSource::model) {
      count_saved(reply->source);
      co_return reply;
    }
    const Money cost = charge(call.model(), reply->usage, tier_of(*reply));
    if (options_.ledger) {
      UsageEntry entry;
      entry.id = Uuid::make_v7();
      entry.tenant = std::move(origin.tenant);
      entry.kind = std::move(origin.kind);
      entry.model = call.model();
      entry.input_tokens = reply->usage.input_tokens;
      entry.output_tokens = reply->usage.output_tokens;
      entry.cost = cost;
      std::vector<UsageEntry> entries;
      entries.push_back(std::move(entry));
      const auto booked = co_await options_.ledger->record(std::move(entries));
      if (!booked) ledger_failed(booked.error(), call.model(), cost);
    }
    co_return reply;
  }

  static std::string tier_of(const ChatReply& reply) { return reply.service_tier; }
  static std::string tier_of(const EmbedReply&) { return {}; }

  void count_saved(AnswerSource source) {
    if (!options_.metrics) return;
    options_.metrics
        ->counter("rwp_ai_saved_calls_total", "AI calls that were answered without being paid for",
                  {{"source", source == AnswerSource::cache ? "cache" : "shared"}})
        .add();
  }

  Money charge(const std::string& model, const TokenUsage& usage, const std::string& tier) {
    const auto price = options_.prices.price(model, usage, tier);
    if (!price.known && unpriced_.size() < kMaxModelLabels && unpriced_.insert(model).second) {
      options_.log.warn("model without a price is charged as the dearest", {{"model", model}});
    }
    if (options_.metrics) {
      auto& metrics = *options_.metrics;
      const std::string name = label(model);
      const auto tokens = [&](const char* direction, std::int64_t count) {
        metrics
            .counter("rwp_ai_tokens_total", "Tokens of answered AI calls",
                     {{"direction", direction}, {"model", name}})
            .add(static_cast<double>(count < 0 ? 0 : count));
      };
      tokens("input", usage.input_tokens);
      tokens("output", usage.output_tokens);
      metrics.counter("rwp_ai_cost_usd_total", "US dollars spent on AI calls", {{"model", name}})
          .add(static_cast<double>(price.cost.micro_usd) / 1e6);
    }
    return price.cost;
  }

  void count(const std::string& operation, const std::string& model, const std::string& code,
             Steady::duration took) {
    if (!options_.metrics) return;
    options_.metrics
        ->counter("rwp_ai_calls_total", "AI calls that ended",
                  {{"code", code}, {"model", label(model)}, {"operation", operation}})
        .add();
    options_.metrics
        ->histogram("rwp_ai_call_seconds", "How long AI calls took",
                    observability::seconds_buckets(), {{"operation", operation}})
        .observe(std::chrono::duration<double>(took).count());
  }

  void ledger_failed(const Error& error, const std::string& model, Money cost) {
    options_.log.error("AI call could not be booked",
                       {{"error", error}, {"model", model}, {"cost_micro_usd", cost.micro_usd}});
    if (!options_.metrics) return;
    options_.metrics
        ->counter("rwp_ai_ledger_errors_total", "AI calls that the usage ledger did not take")
        .add();
  }

  /// Upstreams name their models as they like; the number of series stays bounded.
  std::string label(const std::string& model) {
    if (labels_.contains(model)) return model;
    if (labels_.size() >= kMaxModelLabels) return "other";
    labels_.insert(model);
    return model;
  }

  const std::shared_ptr<Model> inner_;
  const MeterOptions options_;
  std::set<std::string> labels_;
  std::set<std::string> unpriced_;
};

}  // namespace

std::shared_ptr<Model> make_metered(std::shared_ptr<Model> model, MeterOptions options) {
  return std::make_shared<MeteredModel>(std::move(model), std::move(options));
}

}  // namespace rwp::ai
