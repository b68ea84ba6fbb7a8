#pragma once

#include <rwp/core/usage_ledger.hpp>
#include <rwp/observability/log.hpp>

#include <boost/asio/any_io_executor.hpp>
#include <boost/asio/awaitable.hpp>

#include <chrono>
#include <map>
#include <memory>
#include <string>
#include <tuple>
#include <utility>

namespace rwp::ai {

/// What answers that cost nothing would have cost, gathered for a while and booked together: a
/// row for each would cost more than many of them save.
///
/// Threads: confined to the executor's. What is gathered when the process dies is lost; nobody is
/// billed by it.
class Savings : public std::enable_shared_from_this<Savings> {
 public:
  Savings(std::shared_ptr<UsageLedger> ledger, std::chrono::milliseconds together,
          observability::Logger log)
      : ledger_(std::move(ledger)), together_(together), log_(std::move(log)) {}

  void add(UsageEntry entry, const boost::asio::any_io_executor& executor);

 private:
  boost::asio::awaitable<void> book();

  using Key = std::tuple<std::string, std::string, std::string, UsageSource>;

  const std::shared_ptr<UsageLedger> ledger_;
  const std::chrono::milliseconds together_;
  const observability::Logger log_;
  std::map<Key, UsageEntry> pending_;
  bool comes_ = false;
};

}  // namespace rwp::ai
