#include "storage_file/directory_sync.hpp"

#include <cerrno>
#include <unistd.h>

namespace rwp::storage {

int DirectorySync::sync(const std::string& name, int descriptor) {
  std::unique_lock lock(mutex_);
  const auto place = directories_.try_emplace(name).first;
  Directory& directory = place->second;
  ++directory.waiting;
  const std::uint64_t wanted = directory.begun + 1;
  while (directory.ended < wanted) {
    if (directory.running) {
      ended_.wait(lock);
      continue;
    }
    directory.running = true;
    const std::uint64_t round = ++directory.begun;
    lock.unlock();
    const int failure = ::fsync(descriptor) == 0 ? 0 : errno;
    lock.lock();
    directory.running = false;
    directory.ended = round;
    if (failure != 0) {
      directory.last_failed = round;
      directory.failure = failure;
    }
    ended_.notify_all();
  }
  // The kernel reports a failed write back once: whoever waited for that round, or a later one that
  // succeeded after it, must not be told that all is well.
  const int outcome = directory.last_failed >= wanted ? directory.failure : 0;
  if (--directory.waiting == 0) directories_.erase(place);
  return outcome;
}

}  // namespace rwp::storage
