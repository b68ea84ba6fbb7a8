#include "jobs_sqlite/deaths.hpp"

namespace rwp::jobs_sqlite {

bool Deaths::is_dead(std::int64_t holder) {
  if (holder == transaction_.holder) return false;
  const auto [known, is_new] = dead_.try_emplace(holder, false);
  if (is_new) known->second = look(holder);
  return known->second;
}

bool Deaths::look(std::int64_t holder) {
  auto query = transaction_.database.query("SELECT boot_id, lock_file FROM holder WHERE id = ?");
  query.bind(1, holder);
  if (!query.step()) return true;
  if (query.text(0) != judge_.boot_id) return true;
  if (judge_.locks == nullptr || query.integer(1) != judge_.locks->inode()) return false;
  return judge_.locks->is_free(holder);
}

}  // namespace rwp::jobs_sqlite
