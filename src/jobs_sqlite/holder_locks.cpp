#include "jobs_sqlite/holder_locks.hpp"

#include "net/sqlite/connection.hpp"

#include <cerrno>
#include <fcntl.h>
#include <sys/stat.h>

namespace rwp::jobs_sqlite {
namespace {

[[noreturn]] void fail(const std::string& thing) {
  throw net_sqlite::Failure(0, posix::error_from_errno(errno, thing));
}

struct flock lock_of(std::int64_t holder) {
  struct flock lock {};
  lock.l_type = F_WRLCK;
  lock.l_whence = SEEK_SET;
  lock.l_start = holder;
  lock.l_len = 1;
  return lock;
}

}  // namespace

posix::FileDescriptor HolderLocks::open_file(const std::string& path) {
  posix::FileDescriptor file(open(path.c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0600));
  if (!file) fail(path);
  return file;
}

HolderLocks::HolderLocks(const std::string& path) : file_(open_file(path)) {
  struct stat facts {};
  if (fstat(file_.get(), &facts) != 0) fail(path);
  inode_ = static_cast<std::int64_t>(facts.st_ino);
}

void HolderLocks::hold(std::int64_t holder) {
  struct flock lock = lock_of(holder);
  if (fcntl(file_.get(), F_OFD_SETLK, &lock) != 0) fail("the lock of a holder of leases");
}

bool HolderLocks::is_free(std::int64_t holder) const {
  struct flock lock = lock_of(holder);
  // Any doubt counts as alive: the lease's own end decides then.
  return fcntl(file_.get(), F_OFD_GETLK, &lock) == 0 && lock.l_type == F_UNLCK;
}

}  // namespace rwp::jobs_sqlite
