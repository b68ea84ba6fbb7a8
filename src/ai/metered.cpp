#include "ai/savings.hpp"
#include <rwp/ai/metered.hpp>

#include <boost/asio/this_coro.hpp>

#include <algorithm>
#include <cassert>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <deque>
#include <set>
#include <string>
#include <string_view>
#include <unordered_map>
#include <utility>

namespace rwp::ai {
namespace {

using boost::asio::awaitable;
using Steady = std::chrono::steady_clock;

constexpr std::size_t kMaxModelLabels = 50;
/// Calls that are kept until the ledger is there again, and booked at once.
constexpr std::size_t kMostOwed = 10'000;
constexpr std::size_t kMostOwedTogether = 500;

class MeteredModel final : public Model {
 public:
  MeteredModel(std::shared_ptr<Model> inner, MeterOptions options)
      : inner_(std::move(inner)), options_(std::move(options)) {
    assert(inner_);
    if (options_.savings)
      savings_ =
          std::make_shared<Savings>(options_.savings, options_.savings_together, options_.log);
  }

  std::string default_model() const override { return inner_->default_model(); }

 private:
  struct Origin {
    std::string tenant{};
    std::string kind{};
    std::string model{};
    observability::TraceContext parent{};
    /// The parent itself when no span is made.
    observability::TraceContext span{};
  };

  /// Counts a call when it ends, also when it ends by an exception (a cancelled coroutine).
  class Call {
   public:
    Call(MeteredModel* meter, std::string operation, Origin origin)
        : meter_(meter),
          operation_(std::move(operation)),
          origin_(std::move(origin)),
          model_(meter->default_model()) {}
    Call(const Call&) = delete;
    Call& operator=(const Call&) = delete;
    ~Call() {
      const auto took = Steady::now() - start_;
      meter_->count(operation_, model_, code_, took);
      meter_->export_span(*this, took);
    }

    void answered_by(const std::string& model) {
      if (!model.empty()) model_ = model;
      code_ = "ok";
    }
    void failed(const Error& error) { code_ = to_string(error.code()); }
    void used(const TokenUsage& usage) { usage_ = usage; }

    const std::string& operation() const { return operation_; }
    const Origin& origin() const { return origin_; }
    const std::string& model() const { return model_; }
    const std::string& code() const { return code_; }
    const TokenUsage& usage() const { return usage_; }

   private:
    MeteredModel* const meter_;
    const std::string operation_;
    const Origin origin_;
    const Steady::time_point start_ = Steady::now();
    std::string model_;
    std::string code_{to_string(Errc::cancelled)};
    TokenUsage usage_;
  };

  /// One call of the ledger, with what it did not take of earlier ones. Unless it ends, as a
  /// cancelled coroutine does not, all is owed again.
  class Booking {
   public:
    Booking(MeteredModel* meter, UsageEntry paid) : meter_(meter) {
      auto& owed = meter_->owed_;
      while (!owed.empty() && entries_.size() < kMostOwedTogether) {
        entries_.push_back(std::move(owed.front()));
        owed.pop_front();
      }
      entries_.push_back(std::move(paid));
    }
    Booking(const Booking&) = delete;
    Booking& operator=(const Booking&) = delete;
    ~Booking() {
      if (!entries_.empty() && entries_.back().at == UsageEntry().at) {
        entries_.back().at = std::chrono::system_clock::now();
      }
      for (auto& entry : entries_) {
        if (meter_->owed_.size() < kMostOwed) meter_->owed_.push_back(std::move(entry));
      }
    }

    std::vector<UsageEntry> entries() const { return entries_; }
    void ended(const Result<void>& booked) {
      if (booked || !may_pass(booked.error())) entries_.clear();
    }

   private:
    static bool may_pass(const Error& error) {
      return error.retryable() || error.code() == Errc::unavailable ||
             error.code() == Errc::deadline_exceeded || error.code() == Errc::cancelled;
    }

    MeteredModel* const meter_;
    std::vector<UsageEntry> entries_;
  };

  /// What is kept of a request, which is moved on itself, with the call's own span in its trace.
  template <class Request>
  Origin origin_of(Request& request) const {
    Origin origin{request.tenant, request.kind, request.model, request.trace, request.trace};
    if (options_.spans && request.trace.valid()) {
      origin.span = request.trace.make_child();
      request.trace = origin.span;
    }
    return origin;
  }

  awaitable<Result<ChatReply>> do_chat(ChatRequest request) override {
    Origin origin = origin_of(request);
    return measured("chat", std::move(origin), inner_->chat(std::move(request)));
  }

  awaitable<Result<ChatReply>> do_stream(ChatRequest request, OnDelta on_delta) override {
    Origin origin = origin_of(request);
    if (options_.metrics) {
      on_delta = [this, start = Steady::now(), first = true,
                  on_delta = std::move(on_delta)](std::string_view piece) mutable {
        if (std::exchange(first, false)) first_piece_after(Steady::now() - start);
        return on_delta(piece);
      };
    }
    return measured("stream", std::move(origin),
                    inner_->stream(std::move(request), std::move(on_delta)));
  }

  awaitable<Result<EmbedReply>> do_embed(EmbedRequest request) override {
    Origin origin = origin_of(request);
    return measured("embed", std::move(origin), inner_->embed(std::move(request)));
  }

  template <class Reply>
  awaitable<Result<Reply>> measured(std::string operation, Origin origin,
                                    awaitable<Result<Reply>> answering) {
    Call call(this, std::move(operation), std::move(origin));
    auto reply = co_await std::move(answering);
    if (!reply) {
      call.failed(reply.error());
      co_return reply;
    }
    call.answered_by(reply->model);
    call.used(reply->usage);
    // What came out of a cache, or was paid for by another call, costs nothing again.
    if (reply->source != AnswerSource::model) {
      count_saved(reply->source);
      if (savings_) {
        auto executor = co_await boost::asio::this_coro::executor;
        savings_->add(saved_by(call, reply->source, tier_of(*reply)), executor);
      }
      co_return reply;
    }
    const Money cost = charge(call.model(), call.operation(), reply->usage, tier_of(*reply));
    if (options_.ledger) {
      const Uuid id =
          options_.entry_id && !options_.entry_id->is_nil() ? *options_.entry_id : Uuid::make_v7();
      Booking booking(this, paid_by(call, id, cost, tier_of(*reply)));
      auto entries = booking.entries();
      const auto booked = co_await options_.ledger->record(std::move(entries));
      if (!booked) ledger_failed(booked.error(), call.model(), cost);
      booking.ended(booked);
    }
    co_return reply;
  }

  UsageEntry paid_by(const Call& call, Uuid id, Money cost, const std::string& tier) const {
    UsageEntry entry;
    entry.id = id;
    entry.tenant = call.origin().tenant;
    entry.kind = call.origin().kind;
    entry.model = call.model();
    entry.input_tokens = call.usage().input_tokens;
    entry.output_tokens = call.usage().output_tokens;
    entry.cost = cost;
    if (tier == "batch") {
      entry.source = UsageSource::batch;
      const Money at_once =
          options_.prices.price(call.model(), call.usage(), std::string("standard")).cost;
      entry.saved.micro_usd = std::max<std::int64_t>(at_once.micro_usd - cost.micro_usd, 0);
    }
    return entry;
  }

  static std::string tier_of(const ChatReply& reply) { return reply.service_tier; }
  static std::string tier_of(const EmbedReply&) { return {}; }

  UsageEntry saved_by(const Call& call, AnswerSource source, const std::string& tier) const {
    UsageEntry entry;
    entry.tenant = call.origin().tenant;
    entry.kind = call.origin().kind;
    entry.model = call.model();
    entry.input_tokens = call.usage().input_tokens;
    entry.output_tokens = call.usage().output_tokens;
    entry.source = source == AnswerSource::cache ? UsageSource::cache : UsageSource::shared;
    entry.saved = options_.prices.price(call.model(), call.usage(), tier).cost;
    return entry;
  }

  void count_saved(AnswerSource source) {
    if (!options_.metrics) return;
    const bool from_cache = source == AnswerSource::cache;
    observability::Counter*& saved = from_cache ? saved_by_cache_ : saved_by_sharing_;
    if (saved == nullptr) {
      saved = &options_.metrics->counter("rwp_ai_saved_calls_total",
                                         "AI calls that were answered without being paid for",
                                         {{"source", from_cache ? "cache" : "shared"}});
    }
    saved->add();
  }

  Money charge(const std::string& model, const std::string& operation, const TokenUsage& usage,
               const std::string& tier) {
    const auto price = options_.prices.price(model, usage, tier);
    if (!price.known && unpriced_.size() < kMaxModelLabels && unpriced_.insert(model).second) {
      options_.log.warn("model without a price is charged as the dearest", {{"model", model}});
    }
    if (options_.metrics) {
      const Spent& spent = spent_of(label(model), operation);
      const auto tokens = [](const Spent::Tokens& of, std::int64_t count) {
        const auto number = static_cast<double>(count < 0 ? 0 : count);
        of.sum->add(number);
        of.each->observe(number);
      };
      tokens(spent.input, usage.input_tokens);
      tokens(spent.output, usage.output_tokens);
      spent.cost->add(static_cast<double>(price.cost.micro_usd) / 1e6);
    }
    return price.cost;
  }

  /// Series that are looked up once: a look-up costs more than a call.
  struct Ended {
    observability::Counter* calls = nullptr;
    observability::Histogram* seconds = nullptr;
    observability::Histogram* operation_seconds = nullptr;
  };
  struct Spent {
    struct Tokens {
      observability::Counter* sum = nullptr;
      observability::Histogram* each = nullptr;
    };
    Tokens input{};
    Tokens output{};
    observability::Counter* cost = nullptr;
  };

  /// OpenTelemetry's name of an operation.
  static const char* operation_name(const std::string& operation) {
    return operation == "embed" ? "embeddings" : "chat";
  }

  void count(const std::string& operation, const std::string& model, const std::string& code,
             Steady::duration took) {
    if (!options_.metrics) return;
    const std::string name = label(model);
    Ended& ended = ended_[operation + '\n' + name + '\n' + code];
    if (ended.calls == nullptr) {
      auto& metrics = *options_.metrics;
      ended.calls = &metrics.counter("rwp_ai_calls_total", "AI calls that ended",
                                     {{"code", code}, {"model", name}, {"operation", operation}});
      ended.seconds =
          &metrics.histogram("rwp_ai_call_seconds", "How long AI calls took",
                             observability::seconds_buckets(), {{"operation", operation}});
      observability::Labels labels = {{"gen_ai_operation_name", operation_name(operation)},
                                      {"gen_ai_response_model", name}};
      labels.emplace_back("error_type", code == "ok" ? std::string() : code);
      ended.operation_seconds = &metrics.histogram(
          "gen_ai_client_operation_duration_seconds", "GenAI operation duration",
          {0.01, 0.02, 0.04, 0.08, 0.16, 0.32, 0.64, 1.28, 2.56, 5.12, 10.24, 20.48, 40.96, 81.92},
          labels);
    }
    ended.calls->add();
    const double seconds = std::chrono::duration<double>(took).count();
    ended.seconds->observe(seconds);
    ended.operation_seconds->observe(seconds);
  }

  const Spent& spent_of(const std::string& name, const std::string& operation) {
    Spent& spent = spent_[operation + '\n' + name];
    if (spent.cost != nullptr) return spent;
    auto& metrics = *options_.metrics;
    const auto tokens = [&](const char* direction) {
      Spent::Tokens of;
      of.sum = &metrics.counter("rwp_ai_tokens_total", "Tokens of answered AI calls",
                                {{"direction", direction}, {"model", name}});
      of.each = &metrics.histogram(
          "gen_ai_client_token_usage", "Number of input and output tokens used",
          {1, 4, 16, 64, 256, 1024, 4096, 16384, 65536, 262144, 1048576, 4194304},
          {{"gen_ai_operation_name", operation_name(operation)},
           {"gen_ai_response_model", name},
           {"gen_ai_token_type", direction}});
      return of;
    };
    spent.input = tokens("input");
    spent.output = tokens("output");
    spent.cost = &metrics.counter("rwp_ai_cost_usd_total", "US dollars spent on AI calls",
                                  {{"model", name}});
    return spent;
  }

  void first_piece_after(Steady::duration took) {
    if (first_piece_ == nullptr) {
      first_piece_ = &options_.metrics->histogram(
          "gen_ai_server_time_to_first_token_seconds", "Time to the first piece of a stream",
          {0.001, 0.005, 0.01, 0.02, 0.04, 0.06, 0.08, 0.1, 0.25, 0.5, 0.75, 1, 2.5, 5, 7.5, 10});
    }
    first_piece_->observe(std::chrono::duration<double>(took).count());
  }

  /// Names and attributes: https://opentelemetry.io/docs/specs/semconv/gen-ai/gen-ai-spans/.
  void export_span(const Call& call, Steady::duration took) const {
    const Origin& origin = call.origin();
    if (!options_.spans || !origin.span.sampled || origin.span == origin.parent) return;
    const std::string operation = operation_name(call.operation());
    const std::string& asked = origin.model.empty() ? call.model() : origin.model;
    observability::SpanRecord span;
    span.name = operation + " " + asked;
    span.kind = observability::SpanKind::client;
    span.context = origin.span;
    span.parent_span_id = origin.parent.span_id;
    span.end = std::chrono::system_clock::now();
    span.start = span.end - std::chrono::duration_cast<std::chrono::system_clock::duration>(took);
    span.failed = call.code() != "ok";
    span.attributes = {{"gen_ai.operation.name", operation}, {"gen_ai.request.model", asked}};
    if (span.failed) {
      span.attributes.emplace_back("error.type", call.code());
    } else {
      span.attributes.emplace_back("gen_ai.response.model", call.model());
      span.attributes.emplace_back("gen_ai.usage.input_tokens",
                                   std::to_string(call.usage().input_tokens));
      span.attributes.emplace_back("gen_ai.usage.output_tokens",
                                   std::to_string(call.usage().output_tokens));
    }
    options_.spans->export_span(std::move(span));
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
  std::shared_ptr<Savings> savings_;
  std::deque<UsageEntry> owed_;
  std::set<std::string> labels_;
  std::set<std::string> unpriced_;
  std::unordered_map<std::string, Ended> ended_;
  std::unordered_map<std::string, Spent> spent_;
  observability::Histogram* first_piece_ = nullptr;
  observability::Counter* saved_by_cache_ = nullptr;
  observability::Counter* saved_by_sharing_ = nullptr;
};

}  // namespace

std::shared_ptr<Model> make_metered(std::shared_ptr<Model> model, MeterOptions options) {
  return std::make_shared<MeteredModel>(std::move(model), std::move(options));
}

}  // namespace rwp::ai
