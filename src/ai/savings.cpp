#include "ai/savings.hpp"

#include <rwp/core/async.hpp>

#include <cstddef>
#include <vector>

namespace rwp::ai {
namespace {

/// Tenants, kinds and models beyond these are told apart no more.
constexpr std::size_t kMostGroups = 1'000;

}  // namespace

void Savings::add(UsageEntry entry, const boost::asio::any_io_executor& executor) {
  Key key(entry.tenant, entry.kind, entry.model, entry.source);
  if (pending_.size() >= kMostGroups && !pending_.contains(key)) {
    entry.tenant.clear();
    entry.kind.clear();
    entry.model = "other";
    key = Key(entry.tenant, entry.kind, entry.model, entry.source);
  }
  const auto [found, is_new] = pending_.try_emplace(std::move(key), entry);
  if (!is_new) {
    UsageEntry& sum = found->second;
    sum.calls += entry.calls;
    sum.input_tokens += entry.input_tokens;
    sum.output_tokens += entry.output_tokens;
    sum.saved.micro_usd += entry.saved.micro_usd;
  }
  if (std::exchange(comes_, true)) return;
  spawn(executor, book());
}

boost::asio::awaitable<void> Savings::book() {
  const auto self = shared_from_this();
  const auto waited = co_await sleep_for(together_);
  comes_ = false;
  if (!waited) co_return;
  std::vector<UsageEntry> entries;
  for (auto& [key, entry] : pending_) {
    entry.id = Uuid::make_v7();
    entries.push_back(std::move(entry));
  }
  pending_.clear();
  const auto booked = co_await ledger_->record(std::move(entries));
  if (!booked) log_.warn("what a cache saved could not be booked", {{"error", booked.error()}});
}

}  // namespace rwp::ai
