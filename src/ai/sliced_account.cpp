#include "ai/sliced_account.hpp"

#include <algorithm>
#include <utility>

namespace rwp::ai {

void SlicedAccount::add(const Slice& slice) {
  Held held;
  held.slice = slice;
  held.free = slice.amount;
  held_.push_back(held);
}

Money SlicedAccount::free(SteadyTime until, SteadyTime since) const {
  Money sum;
  for (const Held& held : held_) {
    if (held.serves(until, since)) sum.micro_usd += held.free.micro_usd;
  }
  return sum;
}

bool SlicedAccount::take(const Uuid& call, Money amount, SteadyTime until, SteadyTime since) {
  if (calls_.contains(call)) return true;
  if (free(until, since) < amount) return false;
  std::vector<Part> parts;
  std::int64_t missing = amount.micro_usd;
  for (auto held = held_.begin(); held != held_.end() && missing > 0; ++held) {
    if (!held->serves(until, since)) continue;
    const std::int64_t part = std::min(missing, held->free.micro_usd);
    held->free.micro_usd -= part;
    ++held->calls;
    missing -= part;
    parts.push_back({held, Money{part}});
  }
  calls_.emplace(call, std::move(parts));
  return true;
}

bool SlicedAccount::settle(const Uuid& call, Money spent) {
  const auto found = calls_.find(call);
  if (found == calls_.end()) return false;
  const std::vector<Part> parts = std::move(found->second);
  calls_.erase(found);
  std::int64_t owed = spent.micro_usd;
  for (std::size_t i = 0; i < parts.size(); ++i) {
    Held& held = *parts[i].held;
    const std::int64_t amount = parts[i].amount.micro_usd;
    // The last part bears what goes beyond the call's bound.
    const std::int64_t paid = i + 1 == parts.size() ? owed : std::min(owed, amount);
    held.spent.micro_usd += paid;
    held.free.micro_usd = std::max<std::int64_t>(held.free.micro_usd + amount - paid, 0);
    --held.calls;
    owed -= paid;
  }
  // A call of nothing that spent something is nobody's.
  return owed == 0;
}

std::vector<SlicedAccount::Settlement> SlicedAccount::close(SteadyTime before) {
  std::vector<Settlement> closed;
  for (auto held = held_.begin(); held != held_.end();) {
    if (held->calls > 0 || held->slice.taken_at >= before) {
      ++held;
      continue;
    }
    closed.push_back({held->slice.id, held->spent});
    held = held_.erase(held);
  }
  return closed;
}

}  // namespace rwp::ai
