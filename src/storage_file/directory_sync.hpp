#pragma once

#include <condition_variable>
#include <cstdint>
#include <map>
#include <mutex>
#include <string>

namespace rwp::storage {

/// Makes names in directories durable; those who ask at the same time share one fsync.
///
/// Who asks while one is under way waits for the next, which begins after his own change, so that
/// it surely covers it. Threads: safe to share; blocks.
class DirectorySync {
 public:
  /// Returns after an fsync of `descriptor`, the directory known as `name`, that began after this
  /// call did. 0, or the errno with which it failed.
  int sync(const std::string& name, int descriptor);

 private:
  struct Directory {
    std::uint64_t begun = 0;
    std::uint64_t ended = 0;
    std::uint64_t last_failed = 0;
    int failure = 0;
    int waiting = 0;
    bool running = false;
  };

  std::mutex mutex_;
  std::condition_variable ended_;
  std::map<std::string, Directory> directories_;  // Only those somebody waits for.
};

}  // namespace rwp::storage
