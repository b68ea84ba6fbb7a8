#pragma once

#include <rwp/core/async.hpp>
#include <rwp/core/usage_ledger.hpp>
#include <rwp/core/uuid.hpp>

#include <chrono>
#include <cstddef>
#include <list>
#include <unordered_map>
#include <vector>

namespace rwp::ai {

/// What one process holds of an account: slices, and the calls that are paid from them. No clock,
/// no ledger.
class SlicedAccount {
 public:
  struct Slice {
    Uuid id{};
    Money amount{};
    /// When it was taken, and when the ledger forgets it.
    SteadyTime taken_at{};
    SteadyTime lapses_at{};
  };
  struct Settlement {
    Uuid id{};
    Money spent{};
  };

  void add(const Slice& slice);

  /// Sets `amount` aside for a call that may take until `until`, of slices taken since `since`.
  /// False: they do not hold it. Repeating an id changes nothing.
  bool take(const Uuid& call, Money amount, SteadyTime until, SteadyTime since);
  /// What take() would find.
  Money free(SteadyTime until, SteadyTime since) const;
  /// A call's money is replaced by what it spent. False: no such call.
  bool settle(const Uuid& call, Money spent);

  /// Removes the slices taken before `before` that no call needs any more: settle them.
  std::vector<Settlement> close(SteadyTime before);

  bool empty() const noexcept { return held_.empty() && calls_.empty(); }
  std::size_t slices() const noexcept { return held_.size(); }

 private:
  struct Held {
    Slice slice{};
    Money free{};
    Money spent{};
    std::size_t calls = 0;
    bool serves(SteadyTime until, SteadyTime since) const {
      return free.micro_usd > 0 && slice.taken_at >= since && slice.lapses_at >= until;
    }
  };
  struct Part {
    std::list<Held>::iterator held{};
    Money amount{};
  };

  /// The oldest first.
  std::list<Held> held_;
  std::unordered_map<Uuid, std::vector<Part>> calls_;
};

}  // namespace rwp::ai
