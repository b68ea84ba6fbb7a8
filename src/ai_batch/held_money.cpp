#include "ai_batch/held_money.hpp"

#include <rwp/ai/token_estimate.hpp>
#include <rwp/core/sha256.hpp>

#include <algorithm>
#include <cstdint>
#include <utility>

namespace rwp::ai_batch {
namespace {

using boost::asio::awaitable;

}  // namespace

Uuid named_id(std::string_view text) {
  const Sha256 digest = sha256(text);
  Uuid id;
  std::copy_n(digest.begin(), id.bytes.size(), id.bytes.begin());
  // Version 8 of RFC 9562: made as its maker likes.
  id.bytes[6] = static_cast<std::uint8_t>((id.bytes[6] & 0x0FU) | 0x80U);
  id.bytes[8] = static_cast<std::uint8_t>((id.bytes[8] & 0x3FU) | 0x80U);
  return id;
}

awaitable<Result<std::vector<std::string>>> HeldMoney::hold(ai::ChatRequest* request,
                                                            std::chrono::milliseconds lapses) {
  const auto now = budget_.now();
  const auto rules = budget_.rules_of ? budget_.rules_of(request->tenant) : budget_.rules;
  std::vector<std::string> held;
  Money worst;
  for (const auto& rule : rules) {
    std::string account = ai::budget_account(rule, request->tenant, request->kind, now);
    if (account.empty()) continue;
    if (held.empty()) {
      if (request->max_output_tokens == 0) request->max_output_tokens = budget_.output_tokens;
      ai::TokenUsage most;
      most.input_tokens = ai::estimate_input(*request).at_most;
      // Each of several answers has the limit for itself.
      const std::int64_t choices = request->wire ? request->wire->choices : 1;
      most.output_tokens = request->max_output_tokens * choices;
      // A batch is never answered in another tier.
      worst = budget_.prices.price(request->model, most, "batch", now).cost;
    }
    UsageReservation wanted;
    wanted.id = id_on(account);
    wanted.account = account;
    wanted.amount = worst;
    wanted.limit = rule.limit;
    wanted.lapses_after = lapses;
    auto reserved = co_await budget_.ledger->reserve(std::move(wanted));
    if (reserved) {
      held.push_back(std::move(account));
      continue;
    }
    (void)co_await settle(std::move(held), Money());
    if (reserved.error().code() != Errc::budget_exceeded) {
      co_return reserved.error().with_context("the usage ledger");
    }
    const Error refused(Errc::budget_exceeded,
                        "the budget \"" + account + "\" does not hold what this call may cost");
    if (worst > rule.limit) co_return refused;
    co_return refused.with_retry_after(ai::budget_ends_in(rule.period, now));
  }
  co_return held;
}

awaitable<Result<void>> HeldMoney::settle(std::vector<std::string> accounts, Money spent) {
  Result<void> all;
  for (auto& account : accounts) {
    const Uuid id = id_on(account);
    auto settled = co_await budget_.ledger->settle(id, std::move(account), spent);
    if (settled) continue;
    budget_.log.error("a batch's answer could not be settled",
                      {{"error", settled.error()}, {"cost_micro_usd", spent.micro_usd}});
    all = settled.error();
  }
  co_return all;
}

}  // namespace rwp::ai_batch
