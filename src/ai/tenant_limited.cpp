#include "ai/admission.hpp"
#include "ai/decorator.hpp"
#include <rwp/ai/tenant_limited.hpp>
#include <rwp/ai/token_estimate.hpp>

#include <algorithm>
#include <functional>
#include <optional>

namespace rwp::ai {
namespace {

using boost::asio::awaitable;

/// Tenants whose rates are kept; beyond, those that ask for nothing are forgotten, rate and all.
constexpr std::size_t kMostRates = 10'000;

class TenantLimitedModel final : public Decorator {
 public:
  TenantLimitedModel(std::shared_ptr<Model> inner, TenantLimitOptions options)
      : Decorator(std::move(inner)), options_(std::move(options)), admission_(options_) {}

 private:
  struct Rate {
    std::shared_ptr<RateAllowance> allowance{};
    std::int64_t requests = 0;
    std::int64_t tokens = 0;
    SteadyTime asked_at{};
  };
  struct Caller {
    std::string tenant{};
    CallPriority priority = CallPriority::normal;
    std::int64_t tokens = 0;
    SteadyTime deadline{};
  };

  template <class Request>
  static Caller caller_of(const Request& request) {
    return {request.tenant, request.priority, estimate_input(request).expected, request.deadline};
  }

  awaitable<Result<ChatReply>> do_chat(ChatRequest request) override {
    Caller caller = caller_of(request);
    return admitted(pass_chat(inner(), std::move(request)), std::move(caller));
  }
  awaitable<Result<ChatReply>> do_stream(ChatRequest request, OnDelta on_delta) override {
    Caller caller = caller_of(request);
    return admitted(pass_stream(inner(), std::move(request), std::move(on_delta)),
                    std::move(caller));
  }
  awaitable<Result<EmbedReply>> do_embed(EmbedRequest request) override {
    Caller caller = caller_of(request);
    return admitted(pass_embed(inner(), std::move(request)), std::move(caller));
  }

  template <class Reply>
  awaitable<Result<Reply>> admitted(awaitable<Result<Reply>> asked, Caller caller) {
    const SteadyTime until =
        std::min(caller.deadline, std::chrono::steady_clock::now() + options_.longest_wait);
    const auto rate = rate_of(caller.tenant);
    if (rate) {
      auto acquired = co_await rate->acquire(caller.tokens, until);
      if (options_.on_standing) options_.on_standing(caller.tenant, rate->standing());
      if (!acquired) {
        if (acquired.error().code() != Errc::rate_limited) co_return acquired.error();
        co_return refused("rate", acquired.error());
      }
    }
    auto entered = co_await admission_.enter(caller.tenant, caller.priority, until);
    if (!entered) {
      if (rate) rate->settle(caller.tokens, 0, false);
      if (entered.error().code() != Errc::rate_limited) co_return entered.error();
      co_return refused("places", entered.error());
    }
    const Admission::Place place = std::move(*entered);
    show();
    auto reply = co_await std::move(asked);
    if (rate && reply) {
      rate->settle(caller.tokens, reply->usage.input_tokens + reply->usage.output_tokens, true);
    }
    co_return reply;
  }

  std::shared_ptr<RateAllowance> rate_of(const std::string& tenant) {
    const TenantLimit limit = admission_.limit_of(tenant);
    if (limit.requests_per_minute == 0 && limit.tokens_per_minute == 0) return nullptr;
    const SteadyTime asked_at = std::chrono::steady_clock::now();
    if (rates_.size() >= kMostRates && !rates_.contains(tenant)) {
      // A minute of silence has filled its buckets anyway.
      std::erase_if(rates_, [&](const auto& rate) {
        return rate.second.asked_at < asked_at - std::chrono::minutes(1);
      });
      if (rates_.size() >= kMostRates) rates_.clear();
    }
    Rate& rate = rates_[tenant];
    const bool as_before =
        rate.requests == limit.requests_per_minute && rate.tokens == limit.tokens_per_minute;
    if (!rate.allowance || !as_before) {
      rate.requests = limit.requests_per_minute;
      rate.tokens = limit.tokens_per_minute;
      RateAllowanceOptions options;
      options.requests_per_minute = limit.requests_per_minute;
      options.tokens_per_minute = limit.tokens_per_minute;
      options.burst = std::chrono::seconds(10);
      rate.allowance = options_.rates ? options_.rates("tenant/" + tenant, options)
                                      : make_rate_allowance(options);
    }
    rate.asked_at = asked_at;
    return rate.allowance;
  }

  Error refused(const char* reason, const Error& error) {
    if (options_.metrics) {
      options_.metrics
          ->counter("rwp_ai_tenant_refused_total", "AI calls refused by a tenant's limit",
                    {{"reason", reason}})
          .add();
    }
    show();
    return error.with_context("the tenant's limit");
  }

  void show() {
    if (!options_.metrics) return;
    options_.metrics->gauge("rwp_ai_tenant_running", "AI calls that have a place")
        .set(static_cast<double>(admission_.running()));
    options_.metrics->gauge("rwp_ai_tenant_waiting", "AI calls that wait for a place")
        .set(static_cast<double>(admission_.waiting()));
  }

  const TenantLimitOptions options_;
  Admission admission_;
  std::map<std::string, Rate> rates_;
};

}  // namespace

std::shared_ptr<Model> make_tenant_limited(std::shared_ptr<Model> model,
                                           TenantLimitOptions options) {
  return std::make_shared<TenantLimitedModel>(std::move(model), std::move(options));
}

}  // namespace rwp::ai
