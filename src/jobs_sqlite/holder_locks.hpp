#pragma once

#include "core/posix_file.hpp"

#include <cstdint>
#include <string>

namespace rwp::jobs_sqlite {

/// How processes that share a file see each other's death at once: each holder of leases keeps a
/// lock on one byte of a file, and the kernel drops it when the process ends, however it ends. Open
/// file description locks: they hold across PID namespaces, and close() of another descriptor
/// leaves them.
///
/// Threads: one at a time.
class HolderLocks {
 public:
  /// Opens, and makes, the file. Throws net_sqlite::Failure.
  explicit HolderLocks(const std::string& path);

  /// Names the file, so that a lock in one that has been replaced is not taken for released.
  std::int64_t inode() const noexcept { return inode_; }

  /// Takes the byte of this holder for as long as the object lives. Throws when it is taken.
  void hold(std::int64_t holder);

  /// The file once more, for a lock that is not a holder's.
  static posix::FileDescriptor open_file(const std::string& path);

  /// Whether nobody holds that byte any more.
  bool is_free(std::int64_t holder) const;

 private:
  posix::FileDescriptor file_;
  std::int64_t inode_ = 0;
};

}  // namespace rwp::jobs_sqlite
