#pragma once

#include <rwp/ai/budgeted.hpp>
#include <rwp/ai/model.hpp>
#include <rwp/core/error.hpp>
#include <rwp/core/usage_ledger.hpp>
#include <rwp/core/uuid.hpp>

#include <boost/asio/awaitable.hpp>

#include <chrono>
#include <string>
#include <string_view>
#include <vector>

namespace rwp::ai_batch {

/// The same id for the same text.
Uuid named_id(std::string_view text);

/// Money that is set aside while a job waits for its batch, on the accounts of all rules that fit.
/// Another process may settle it: the reservations' ids follow from the wait's name and the
/// account's.
///
/// Threads: the handlers runtime's. Lifetime: `budget` outlives it.
class HeldMoney {
 public:
  /// `wait`: names one wait of one job, and no other.
  HeldMoney(const ai::BudgetOptions& budget, std::string wait)
      : budget_(budget), wait_(std::move(wait)) {}

  /// Sets the worst case aside, at a batch's price, and answers the accounts; an output that has no
  /// bound gets one. Errors as make_budgeted()'s.
  boost::asio::awaitable<Result<std::vector<std::string>>> hold(ai::ChatRequest* request,
                                                                std::chrono::milliseconds lapses);
  /// Settles what is held there; again: nothing more. What the ledger does not take is logged, and
  /// its last error answered.
  boost::asio::awaitable<Result<void>> settle(std::vector<std::string> accounts, Money spent);

 private:
  Uuid id_on(const std::string& account) const { return named_id(wait_ + "\n" + account); }

  const ai::BudgetOptions& budget_;
  const std::string wait_;
};

}  // namespace rwp::ai_batch
