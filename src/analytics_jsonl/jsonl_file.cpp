#include "analytics_jsonl/jsonl_file.hpp"

#include <rwp/core/json_text.hpp>

#include <algorithm>
#include <cerrno>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>
#include <unordered_set>
#include <utility>

namespace rwp::analytics {
namespace {

using posix::error_from_errno;
using posix::FileDescriptor;

constexpr ::mode_t kFileMode = 0600;
/// How the lines of to_json() start.
constexpr std::string_view kLineStart = R"({"id":")";
/// No event's line comes near.
constexpr std::size_t kMaxTail = std::size_t{1} << 20U;
constexpr std::size_t kMaxSearched = std::size_t{64} << 20U;
constexpr std::size_t kSearchBlock = std::size_t{1} << 20U;
constexpr std::size_t kIdLength = 36;

bool is_rest_of_ours(std::string_view tail) {
  // A file system may leave zeros where data had not arrived before a power cut.
  if (tail.front() == '\0') return true;
  const std::size_t common = std::min(tail.size(), kLineStart.size());
  return tail.substr(0, common) == kLineStart.substr(0, common);
}

/// Sees to it that the file ends with a line's end; answers its size then.
Result<std::size_t> mend_end(int file, std::size_t size, const std::string& shown) {
  if (size == 0) return size;
  const std::size_t length = std::min(size, kMaxTail);
  auto last = posix::read_exactly(file, size - 1, 1, shown);
  if (!last) return last.error();
  if (*last == "\n") return size;

  const auto end = posix::read_exactly(file, size - length, length, shown);
  if (!end) return end.error();
  const std::size_t newline = end->rfind('\n');
  const bool bounded = newline != std::string::npos || length == size;
  const std::string tail = newline == std::string::npos ? *end : end->substr(newline + 1);
  if (bounded && is_rest_of_ours(tail) && !JsonText::parse(tail).has_value()) {
    const std::size_t kept = size - tail.size();
    if (::ftruncate(file, static_cast<::off_t>(kept)) != 0) return error_from_errno(errno, shown);
    return kept;
  }
  if (auto ended = posix::write_all(file, "\n", shown); !ended) return ended.error();
  return size + 1;
}

}  // namespace

Result<void> JsonlFile::open(const std::string& path) {
  shown_ = "event file " + path;
  const std::size_t slash = path.rfind('/');
  const std::string directory = slash == std::string::npos ? "." : path.substr(0, slash + 1);
  name_ = slash == std::string::npos ? path : path.substr(slash + 1);
  if (name_.empty() || name_ == "." || name_ == "..") {
    return Error(Errc::invalid_argument, shown_ + ": names a directory; name a file in it");
  }
  if (const int code = posix::make_directories(directory); code != 0 && code != ENOTDIR) {
    return error_from_errno(code, shown_);
  }
  directory_ = FileDescriptor(::open(directory.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
  if (!directory_ && errno == ENOTDIR) {
    return Error(Errc::invalid_argument, shown_ + ": what stands above it is not a directory");
  }
  if (!directory_) return error_from_errno(errno, shown_);
  auto made = append("");
  // No file can be made there; one that stops being a regular file later may become one again.
  if (!made && made.error().code() == Errc::unsupported) {
    return Error(Errc::invalid_argument, made.error().message());
  }
  return made;
}

Result<void> JsonlFile::append(std::string_view lines) {
  // O_NONBLOCK: a FIFO of that name must not hold the thread.
  constexpr int kFlags = O_RDWR | O_APPEND | O_CREAT | O_NONBLOCK | O_NOCTTY | O_CLOEXEC;
  FileDescriptor opened(::openat(directory_.get(), name_.c_str(), kFlags, kFileMode));
  if (!opened && (errno == EISDIR || errno == ENXIO)) {
    return Error(Errc::unsupported, shown_ + ": not a regular file");
  }
  if (!opened) return error_from_errno(errno, shown_);
  struct ::stat status {};
  if (::fstat(opened.get(), &status) != 0) return error_from_errno(errno, shown_);
  if (!S_ISREG(status.st_mode)) {
    return Error(Errc::unsupported, shown_ + ": not a regular file");
  }
  const int file = opened.get();
  const auto lock = posix::RangeLock::take(std::move(opened), 0, shown_);
  if (!lock) return lock.error();

  if (known_inode_ != status.st_ino) {
    if (::fsync(directory_.get()) != 0) return error_from_errno(errno, shown_);
    known_inode_ = status.st_ino;
  }
  // Only now: others may have written until the lock was ours.
  if (::fstat(file, &status) != 0) return error_from_errno(errno, shown_);
  const auto size = mend_end(file, static_cast<std::size_t>(status.st_size), shown_);
  if (!size) return size.error();
  auto written = posix::write_all(file, lines, shown_);
  if (!written) {
    // Should this fail too, whoever appends next mends it.
    (void)::ftruncate(file, static_cast<::off_t>(*size));
    return written;
  }
  if (::fdatasync(file) != 0) return error_from_errno(errno, shown_);
  return {};
}

Result<std::size_t> JsonlFile::overwrite(const std::string& text) const {
  constexpr int kFlags = O_RDWR | O_NONBLOCK | O_NOCTTY | O_CLOEXEC;
  constexpr std::string_view kInstead = R"({"forgotten":true})";
  const FileDescriptor opened(::openat(directory_.get(), name_.c_str(), kFlags));
  if (!opened && errno == ENOENT) return std::size_t{0};
  if (!opened) return error_from_errno(errno, shown_);
  struct ::stat status {};
  if (::fstat(opened.get(), &status) != 0) return error_from_errno(errno, shown_);
  const auto size = static_cast<std::size_t>(status.st_size);
  std::size_t count = 0;
  std::size_t at = 0;
  std::string rest;
  while (at < size) {
    const std::size_t length = std::min(kSearchBlock, size - at);
    const auto block = posix::read_exactly(opened.get(), at, length, shown_);
    if (!block) return block.error();
    const std::size_t rest_at = at - rest.size();
    at += length;
    rest += *block;
    std::size_t line = 0;
    for (std::size_t end = rest.find('\n'); end != std::string::npos; end = rest.find('\n', line)) {
      const std::string_view whole(rest.data() + line, end - line);
      if (whole.size() >= kInstead.size() && whole.find(text) != std::string_view::npos) {
        std::string instead(kInstead);
        instead.resize(whole.size(), ' ');
        const auto place = static_cast<::off_t>(rest_at + line);
        const ::ssize_t written = ::pwrite(opened.get(), instead.data(), instead.size(), place);
        if (written != static_cast<::ssize_t>(instead.size())) {
          return error_from_errno(written < 0 ? errno : EIO, shown_);
        }
        ++count;
      }
      line = end + 1;
    }
    rest.erase(0, line);
  }
  if (count > 0 && ::fdatasync(opened.get()) != 0) return error_from_errno(errno, shown_);
  return count;
}

Result<std::vector<Uuid>> JsonlFile::find(const std::vector<Uuid>& ids) const {
  constexpr int kFlags = O_RDONLY | O_NONBLOCK | O_NOCTTY | O_CLOEXEC;
  const FileDescriptor opened(::openat(directory_.get(), name_.c_str(), kFlags));
  if (!opened && errno == ENOENT) return std::vector<Uuid>();
  if (!opened) return error_from_errno(errno, shown_);
  struct ::stat status {};
  if (::fstat(opened.get(), &status) != 0) return error_from_errno(errno, shown_);
  const auto size = static_cast<std::size_t>(status.st_size);

  const std::unordered_set<Uuid> wanted(ids.begin(), ids.end());
  std::vector<Uuid> found;
  std::size_t at = size - std::min(size, kMaxSearched);
  // What stands before the first line's end, when the search begins within a line, is no start.
  bool at_start = at == 0;
  std::string rest;
  while (at < size) {
    const std::size_t length = std::min(kSearchBlock, size - at);
    const auto block = posix::read_exactly(opened.get(), at, length, shown_);
    if (!block) return block.error();
    at += length;
    rest += *block;
    std::size_t line = 0;
    for (std::size_t end = rest.find('\n'); end != std::string::npos; end = rest.find('\n', line)) {
      const std::string_view text(rest.data() + line, end - line);
      if (std::exchange(at_start, true) && text.starts_with(kLineStart) &&
          text.size() > kLineStart.size() + kIdLength) {
        const auto id = Uuid::parse(text.substr(kLineStart.size(), kIdLength));
        if (id && wanted.contains(*id)) found.push_back(*id);
      }
      line = end + 1;
    }
    rest.erase(0, line);
  }
  return found;
}

}  // namespace rwp::analytics
