#pragma once

#include <rwp/ai/budgeted.hpp>
#include <rwp/core/async.hpp>
#include <rwp/core/error.hpp>

#include <boost/asio/any_io_executor.hpp>
#include <boost/asio/awaitable.hpp>

#include <chrono>
#include <memory>
#include <optional>
#include <string>
#include <vector>

namespace rwp::ai {

/// What settles a call's reservations: shared, as it may outlive the decorator's call.
struct Settlement {
  std::shared_ptr<UsageLedger> ledger{};
  observability::Logger log{};
  std::shared_ptr<observability::Metrics> metrics{};
};

/// One call's money on all accounts that it falls under. Whoever drops it without settling settles
/// it with what it cost by then, in the background.
///
/// Threads: confined to its executor's I/O thread.
class Reservation {
 public:
  struct Account {
    Uuid id{};
    std::string name{};
    Money limit{};
    std::string rule{};
    /// Until its period ends, and the next begins with all of its money.
    std::chrono::milliseconds ends_in{};
    /// Set aside beside an earlier one of the same call, which takes what was spent.
    bool is_more = false;
  };

  Reservation(boost::asio::any_io_executor executor, std::shared_ptr<const Settlement> settlement)
      : executor_(std::move(executor)), settlement_(std::move(settlement)) {}
  ~Reservation();
  Reservation(const Reservation&) = delete;
  Reservation& operator=(const Reservation&) = delete;

  /// One account after the other; when one refuses, the others are released.
  boost::asio::awaitable<Result<void>> reserve(std::vector<Account> accounts, Money amount,
                                               SteadyTime deadline);
  /// For an attempt more of the same call. When an account refuses, what was reserved before it
  /// stays until all is settled.
  boost::asio::awaitable<Result<void>> reserve_more(std::vector<Account> accounts, Money amount,
                                                    SteadyTime deadline);
  /// What is settled, and booked if there is an entry: by settle(), or when this is dropped.
  void owe(Money spent, std::optional<UsageEntry> entry);
  /// Settles what is owed, and waits for it. A call that was cancelled cannot wait any more: then
  /// this does not begin, and the destructor does it.
  boost::asio::awaitable<void> settle();

 private:
  static boost::asio::awaitable<void> settle_all(std::shared_ptr<const Settlement> settlement,
                                                 std::vector<Account> accounts, Money spent,
                                                 std::optional<UsageEntry> entry);
  /// The first error, with whose rule it was.
  boost::asio::awaitable<Result<void>> reserve_each(std::vector<Account> accounts, Money amount,
                                                    SteadyTime deadline);

  const boost::asio::any_io_executor executor_;
  const std::shared_ptr<const Settlement> settlement_;
  std::vector<Account> held_;
  Money owed_{};
  std::optional<UsageEntry> entry_;
  bool settled_ = false;
};

}  // namespace rwp::ai
