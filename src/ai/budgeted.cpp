#include "ai/decorator.hpp"
#include "ai/reservation.hpp"
#include <rwp/ai/budgeted.hpp>
#include <rwp/ai/token_estimate.hpp>

#include <boost/asio/this_coro.hpp>

#include <algorithm>
#include <array>
#include <cstdio>
#include <optional>

namespace rwp::ai {
namespace {

using boost::asio::awaitable;

std::string period_text(BudgetPeriod period, std::chrono::system_clock::time_point now) {
  const std::chrono::year_month_day date{std::chrono::floor<std::chrono::days>(now)};
  std::array<char, 40> text{};
  const int year = static_cast<int>(date.year());
  const auto month = static_cast<unsigned>(date.month());
  if (period == BudgetPeriod::month) {
    std::snprintf(text.data(), text.size(), "month:%04d-%02u", year, month);
  } else {
    std::snprintf(text.data(), text.size(), "day:%04d-%02u-%02u", year, month,
                  static_cast<unsigned>(date.day()));
  }
  return text.data();
}

bool fits(const std::string& rule, const std::string& name) {
  return rule.empty() || rule == "*" || rule == name;
}

/// What an account is called after; all together share one, which is not that of those without a
/// name.
std::string scope_of(const std::string& rule, const std::string& name) {
  if (rule.empty()) return {};
  return name.empty() ? "*" : name;
}

/// What is known of a call while it runs, for whoever has to settle it.
struct Bill {
  Money worst{};
  std::int64_t most_output = 0;
  /// For all attempts so far.
  Money set_aside{};
  TokenEstimate input{};
  std::string model{};
  std::string tenant{};
  std::string kind{};
  /// Of the service, that was asked for.
  std::string tier{};
  bool streamed = false;
  bool is_wire = false;
  /// What has come of a stream.
  std::string content{};
  std::shared_ptr<CallProgress> progress = std::make_shared<CallProgress>();
};

class BudgetedModel final : public Decorator {
 public:
  BudgetedModel(std::shared_ptr<Model> inner, BudgetOptions options)
      : Decorator(std::move(inner)), options_(std::move(options)) {
    assert(options_.ledger);
    auto settlement = std::make_shared<Settlement>();
    settlement->ledger = options_.ledger;
    settlement->log = options_.log;
    settlement->metrics = options_.metrics;
    settlement_ = std::move(settlement);
  }

 private:
  awaitable<Result<ChatReply>> do_chat(ChatRequest request) override {
    auto bill = open_bill(request);
    bill->most_output = bound_output(request) * choices_of(request);
    bill->worst = worst_of(*bill);
    const SteadyTime deadline = request.deadline;
    return paid(pass_chat(inner(), std::move(request)), std::move(bill), deadline);
  }

  awaitable<Result<ChatReply>> do_stream(ChatRequest request, OnDelta on_delta) override {
    auto bill = open_bill(request);
    bill->streamed = true;
    bill->most_output = bound_output(request) * choices_of(request);
    bill->worst = worst_of(*bill);
    bill->is_wire = request.wire != nullptr;
    OnDelta watched = [bill, on_delta = std::move(on_delta)](std::string_view piece) {
      if (!bill->is_wire) bill->content += piece;
      return on_delta(piece);
    };
    const SteadyTime deadline = request.deadline;
    return paid(pass_stream(inner(), std::move(request), std::move(watched)), std::move(bill),
                deadline);
  }

  awaitable<Result<EmbedReply>> do_embed(EmbedRequest request) override {
    auto bill = open_bill(request);
    bill->worst = worst_of(*bill);
    const SteadyTime deadline = request.deadline;
    return paid(pass_embed(inner(), std::move(request)), std::move(bill), deadline);
  }

  template <class Request>
  std::shared_ptr<Bill> open_bill(Request& request) const {
    auto bill = std::make_shared<Bill>();
    bill->input = estimate_input(request);
    bill->model = request.model.empty() ? default_model() : request.model;
    bill->tenant = request.tenant;
    bill->kind = request.kind;
    if constexpr (requires { request.wire; }) {
      if (request.wire) bill->tier = request.wire->service_tier;
    }
    request.progress = bill->progress;
    return bill;
  }

  std::vector<BudgetRule> rules_of(const std::string& tenant) const {
    return options_.rules_of ? options_.rules_of(tenant) : options_.rules;
  }

  static std::int64_t choices_of(const ChatRequest& request) {
    return request.wire ? request.wire->choices : 1;
  }

  /// The most that may come, once it is bounded.
  std::int64_t bound_output(ChatRequest& request) const {
    const auto rules = rules_of(request.tenant);
    const auto fitting = std::any_of(rules.begin(), rules.end(), [&request](const auto& rule) {
      return fits(rule.tenant, request.tenant) && fits(rule.kind, request.kind);
    });
    if (request.max_output_tokens == 0 && fitting) {
      request.max_output_tokens = options_.output_tokens;
    }
    return request.max_output_tokens;
  }

  Money worst_of(const Bill& bill) const {
    Money worst = worst_at(bill, bill.model);
    for (const auto& other : options_.other_models) worst = std::max(worst, worst_at(bill, other));
    return worst;
  }

  Money worst_at(const Bill& bill, const std::string& model) const {
    return options_.prices.at_most(model, bill.input.at_most, bill.most_output, bill.tier);
  }

  /// While a call's earlier attempts may be charged, one more is paid for beside them.
  static awaitable<Result<void>> admit_again(const BudgetedModel* self, Bill* bill,
                                             Reservation* reservation, std::string model,
                                             SteadyTime deadline) {
    const Money more = self->worst_at(*bill, model);
    auto accounts = self->accounts_of(*bill);
    auto reserved = co_await reservation->reserve_more(std::move(accounts), more, deadline);
    if (reserved) bill->set_aside.micro_usd += more.micro_usd;
    co_return reserved;
  }

  std::vector<Reservation::Account> accounts_of(const Bill& bill) const {
    const auto now = options_.now();
    std::vector<Reservation::Account> accounts;
    for (const auto& rule : rules_of(bill.tenant)) {
      const std::string name = budget_account(rule, bill.tenant, bill.kind, now);
      if (name.empty()) continue;
      Reservation::Account account;
      account.id = Uuid::make_v7();
      account.name = name;
      account.limit = rule.limit;
      account.rule = "\"" + name + "\"";
      account.ends_in = budget_ends_in(rule.period, now);
      accounts.push_back(std::move(account));
    }
    return accounts;
  }

  template <class Reply>
  awaitable<Result<Reply>> paid(awaitable<Result<Reply>> asked, std::shared_ptr<Bill> bill,
                                SteadyTime deadline) {
    const auto executor = co_await boost::asio::this_coro::executor;
    Reservation reservation(executor, settlement_);
    auto accounts = accounts_of(*bill);
    auto reserved = co_await reservation.reserve(std::move(accounts), bill->worst, deadline);
    if (!reserved) {
      const Error refused = reserved.error();
      if (refused.code() == Errc::budget_exceeded) count_refusal();
      co_return refused;
    }
    // What is settled when this coroutine is cancelled or dropped at the next line.
    const BillOnDrop on_drop(this, bill.get(), &reservation);
    bill->set_aside = bill->worst;
    bill->progress->admit_again = [this, bill = bill.get(), &reservation,
                                   deadline](const std::string& other) {
      return admit_again(this, bill, &reservation, other, deadline);
    };
    auto reply = co_await std::move(asked);
    on_drop.dismiss();
    bill->progress->admit_again = nullptr;
    Money spent;
    std::optional<UsageEntry> entry;
    if (reply) {
      spent = cost_of(*reply);
      // Attempts that went before it and may have been charged.
      spent.micro_usd += unsettled_cost(*bill).micro_usd;
      entry = entry_of(*bill, reply->model, reply->usage, spent);
    } else {
      spent = unsettled_cost(*bill);
      if (spent.micro_usd > 0) entry = entry_of_cut(*bill, spent);
    }
    reservation.owe(spent, std::move(entry));
    co_await reservation.settle();
    co_return reply;
  }

  /// Tells the reservation what is owed when the call does not come to its end.
  class BillOnDrop {
   public:
    BillOnDrop(const BudgetedModel* model, const Bill* bill, Reservation* reservation)
        : model_(model), bill_(bill), reservation_(reservation) {}
    ~BillOnDrop() {
      if (dismissed_) return;
      bill_->progress->admit_again = nullptr;
      const Money spent = model_->unsettled_cost(*bill_);
      std::optional<UsageEntry> entry;
      if (spent.micro_usd > 0) entry = model_->entry_of_cut(*bill_, spent);
      reservation_->owe(spent, std::move(entry));
    }
    BillOnDrop(const BillOnDrop&) = delete;
    BillOnDrop& operator=(const BillOnDrop&) = delete;
    void dismiss() const { dismissed_ = true; }

   private:
    const BudgetedModel* const model_;
    const Bill* const bill_;
    Reservation* const reservation_;
    mutable bool dismissed_ = false;
  };

  Money cost_of(const ChatReply& reply) const {
    if (reply.source != AnswerSource::model) return {};
    return options_.prices.price(reply.model, reply.usage, reply.service_tier, options_.now()).cost;
  }
  Money cost_of(const EmbedReply& reply) const {
    if (reply.source != AnswerSource::model) return {};
    return options_.prices.price(reply.model, reply.usage, "standard", options_.now()).cost;
  }

  /// Of attempts of which nobody knows whether they are charged.
  Money unsettled_cost(const Bill& bill) const {
    const int attempts = bill.progress->unsettled_attempts;
    if (attempts == 0) return {};
    Money one = bill.worst;
    if (bill.streamed) {
      one = options_.prices.price(bill.model, streamed_usage(bill), bill.tier, options_.now()).cost;
    }
    const Money all{std::min(attempts * one.micro_usd, bill.set_aside.micro_usd)};
    count_unsettled(all.micro_usd);
    return all;
  }

  static TokenUsage streamed_usage(const Bill& bill) {
    TokenUsage usage;
    usage.input_tokens = bill.input.expected;
    usage.output_tokens =
        bill.is_wire ? bill.progress->streamed_tokens : estimate_tokens(bill.content).expected;
    return usage;
  }

  std::optional<UsageEntry> entry_of(const Bill& bill, const std::string& model,
                                     const TokenUsage& usage, Money spent) const {
    if (!options_.record) return std::nullopt;
    UsageEntry entry;
    entry.id = Uuid::make_v7();
    entry.tenant = bill.tenant;
    entry.kind = bill.kind;
    entry.model = model.empty() ? bill.model : model;
    entry.input_tokens = usage.input_tokens;
    entry.output_tokens = usage.output_tokens;
    entry.cost = spent;
    return entry;
  }

  std::optional<UsageEntry> entry_of_cut(const Bill& bill, Money spent) const {
    return entry_of(bill, bill.model, streamed_usage(bill), spent);
  }

  void count_refusal() const {
    if (!options_.metrics) return;
    options_.metrics->counter("rwp_ai_budget_refused_total", "AI calls that a budget did not hold")
        .add();
  }

  void count_unsettled(std::int64_t micro_usd) const {
    if (!options_.metrics) return;
    options_.metrics
        ->counter("rwp_ai_unsettled_usd_total",
                  "US dollars booked for AI calls that broke off, by estimate")
        .add(static_cast<double>(micro_usd) / 1e6);
  }

  const BudgetOptions options_;
  std::shared_ptr<const Settlement> settlement_;
};

}  // namespace

std::string budget_account(const BudgetRule& rule, const std::string& tenant,
                           const std::string& kind, std::chrono::system_clock::time_point now) {
  if (!fits(rule.tenant, tenant) || !fits(rule.kind, kind)) return {};
  return "ai/tenant:" + scope_of(rule.tenant, tenant) + "/kind:" + scope_of(rule.kind, kind) + "/" +
         period_text(rule.period, now);
}

std::chrono::milliseconds budget_ends_in(BudgetPeriod period,
                                         std::chrono::system_clock::time_point now) {
  const auto today = std::chrono::floor<std::chrono::days>(now);
  std::chrono::sys_days next = today + std::chrono::days(1);
  if (period == BudgetPeriod::month) {
    const std::chrono::year_month_day date{today};
    next = (date.year() / date.month() + std::chrono::months(1)) / std::chrono::day(1);
  }
  return std::chrono::ceil<std::chrono::milliseconds>(next - now);
}

std::shared_ptr<Model> make_budgeted(std::shared_ptr<Model> model, BudgetOptions options) {
  return std::make_shared<BudgetedModel>(std::move(model), std::move(options));
}

}  // namespace rwp::ai
