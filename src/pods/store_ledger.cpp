#include "pods/store_ledger.hpp"

#include <rwp/core/async.hpp>
#include <rwp/core/runtime.hpp>

#include <string>
#include <utility>
#include <vector>

namespace rwp::pods {
namespace {

using jobs::Awaitable;

class StoreLedger final : public UsageLedger {
 public:
  explicit StoreLedger(std::shared_ptr<jobs::JobStore> store) : store_(std::move(store)) {}

  Awaitable<Result<void>> reserve(UsageReservation reservation) override {
    return there(store_->usage().reserve(std::move(reservation)));
  }
  Awaitable<Result<void>> settle(Uuid reservation, std::string account, Money spent) override {
    return there(store_->usage().settle(reservation, std::move(account), spent));
  }
  Awaitable<Result<Money>> balance(std::string account) override {
    return there(store_->usage().balance(std::move(account)));
  }
  Awaitable<Result<void>> record(std::vector<UsageEntry> entries) override {
    return there(store_->usage().record(std::move(entries)));
  }
  Awaitable<Result<UsageSum>> sum(UsageFilter filter) override {
    return there(store_->usage().sum(std::move(filter)));
  }

  Awaitable<Result<std::vector<UsageGroup>>> groups(UsageFilter filter, std::size_t most) override {
    return there(store_->usage().groups(std::move(filter), most));
  }

 private:
  /// A coroutine does not begin before it is awaited, so `operation` begins over there.
  template <class T>
  Awaitable<T> there(Awaitable<T> operation) {
    return on(store_->runtime().executor(), std::move(operation));
  }

  const std::shared_ptr<jobs::JobStore> store_;
};

}  // namespace

std::shared_ptr<UsageLedger> ledger_of(std::shared_ptr<jobs::JobStore> store) {
  return std::make_shared<StoreLedger>(std::move(store));
}

}  // namespace rwp::pods
