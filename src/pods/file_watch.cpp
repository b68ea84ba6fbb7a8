#include "pods/file_watch.hpp"

#include <sys/stat.h>

namespace rwp::pods {

FileStamp FileStamp::of(const struct stat& status) {
  constexpr std::int64_t kNanoseconds = 1'000'000'000;
  FileStamp stamp;
  stamp.device = static_cast<std::uint64_t>(status.st_dev);
  stamp.inode = static_cast<std::uint64_t>(status.st_ino);
  stamp.size = static_cast<std::int64_t>(status.st_size);
  stamp.modified_ns = status.st_mtim.tv_sec * kNanoseconds + status.st_mtim.tv_nsec;
  return stamp;
}

std::optional<FileStamp> FileStamp::of(const std::string& path) {
  struct stat status {};
  if (::stat(path.c_str(), &status) != 0) return std::nullopt;
  return of(status);
}

bool FileWatch::must_read(const FileStamp& read, SteadyTime now) {
  if (now < next_look_) return false;
  next_look_ = now + every_;
  seen_ = FileStamp::of(path_);
  if (seen_ != read) return true;
  clear_fault();
  return false;
}

bool FileWatch::is_new_fault() {
  if (bad_ && *bad_ == seen_) return false;
  bad_ = seen_;
  return true;
}

}  // namespace rwp::pods
