#include "core/posix_file.hpp"

#include <algorithm>
#include <cerrno>
#include <chrono>
#include <fcntl.h>
#include <sys/stat.h>
#include <system_error>
#include <thread>
#include <unistd.h>

namespace rwp::posix {

void FileDescriptor::reset() noexcept {
  if (number_ >= 0) ::close(std::exchange(number_, -1));
}

Error error_from_errno(int code, std::string_view thing) {
  std::string message(thing);
  message += ": ";
  switch (code) {
    case ENOSPC:
      return Error(Errc::unavailable, message + "the disk is full; free some space on it");
    case EDQUOT:
      return Error(Errc::unavailable, message + "the disk quota is used up; free or raise it");
    case EFBIG:
      return Error(Errc::unavailable, message + "larger than this process may write (ulimit -f)");
    case EMFILE:
    case ENFILE:
      return Error(Errc::unavailable, message + "too many open files (ulimit -n)");
    case EROFS:
    case EACCES:
    case EPERM:
      return Error(Errc::permission_denied, message + std::generic_category().message(code));
    case ENAMETOOLONG:
      return Error(Errc::invalid_argument, message + "the path is too long");
    case ENOENT:
      return Error(Errc::not_found, message + "not there");
    default:
      return Error(Errc::unavailable, message + std::generic_category().message(code));
  }
}

Result<void> write_all(int descriptor, std::string_view bytes, std::string_view thing) {
  while (!bytes.empty()) {
    const ::ssize_t written = ::write(descriptor, bytes.data(), bytes.size());
    if (written < 0) {
      if (errno == EINTR) continue;
      return error_from_errno(errno, thing);
    }
    bytes.remove_prefix(static_cast<std::size_t>(written));
  }
  return {};
}

Result<std::string> read_exactly(int descriptor, std::size_t offset, std::size_t size,
                                 std::string_view thing) {
  std::string bytes(size, '\0');
  std::size_t filled = 0;
  while (filled < size) {
    const ::ssize_t got = ::pread(descriptor, bytes.data() + filled, size - filled,
                                  static_cast<::off_t>(offset + filled));
    if (got < 0) {
      if (errno == EINTR) continue;
      return error_from_errno(errno, thing);
    }
    if (got == 0) {
      return Error(Errc::corrupt, std::string(thing) + ": became shorter while it was read");
    }
    filled += static_cast<std::size_t>(got);
  }
  return bytes;
}

int make_directories(const std::string& path) {
  for (std::size_t end = path.find('/', 1);; end = path.find('/', end + 1)) {
    const std::string part = path.substr(0, end);
    if (::mkdir(part.c_str(), 0750) == 0) {
      const auto slash = part.rfind('/');
      const std::string above = slash == std::string::npos ? "." : part.substr(0, slash + 1);
      const FileDescriptor parent(::open(above.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
      if (!parent || ::fsync(parent.get()) != 0) return errno;
    } else if (errno != EEXIST && errno != EISDIR) {
      return errno;
    }
    if (end == std::string::npos) return 0;
  }
}

Result<RangeLock> RangeLock::take(FileDescriptor file, std::size_t byte, std::string_view thing) {
  using namespace std::chrono_literals;
  struct ::flock range {};
  range.l_type = F_WRLCK;
  range.l_whence = SEEK_SET;
  range.l_start = static_cast<::off_t>(byte);
  range.l_len = 1;
  // Not F_OFD_SETLKW, which waits for ever where the holder was stopped.
  const auto deadline = std::chrono::steady_clock::now() + 10s;
  std::chrono::microseconds pause = 20us;
  while (::fcntl(file.get(), F_OFD_SETLK, &range) != 0) {
    if (errno == EINTR) continue;
    if (errno != EAGAIN && errno != EACCES) return error_from_errno(errno, thing);
    if (std::chrono::steady_clock::now() >= deadline) {
      return Error(Errc::unavailable,
                   std::string(thing) + ": another process has held the lock for ten seconds");
    }
    std::this_thread::sleep_for(pause);
    pause = std::min<std::chrono::microseconds>(2 * pause, 2ms);
  }
  return RangeLock(std::move(file));
}

}  // namespace rwp::posix
