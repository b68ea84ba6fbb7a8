#pragma once

#include "jobs_sqlite/holder_locks.hpp"
#include "jobs_sqlite/transaction.hpp"

#include <chrono>
#include <cstdint>
#include <string>
#include <unordered_map>

namespace rwp::jobs_sqlite {

/// Whose leases are judged how.
struct HolderJudge {
  /// Null in memory.
  const HolderLocks* locks = nullptr;
  std::string boot_id{};
  /// Leases that have merely lapsed are left until then: nobody could extend them meanwhile.
  std::chrono::nanoseconds lapsed_only_after{0};
};

/// Tells of each holder once whether its process is dead.
///
/// Lifetime: of one transaction's work; both arguments outlive it.
class Deaths {
 public:
  Deaths(Transaction& transaction, const HolderJudge& judge)
      : transaction_(transaction), judge_(judge) {}

  bool is_dead(std::int64_t holder);

 private:
  bool look(std::int64_t holder);

  Transaction& transaction_;
  const HolderJudge& judge_;
  std::unordered_map<std::int64_t, bool> dead_;
};

}  // namespace rwp::jobs_sqlite
