#pragma once

#include <rwp/core/error.hpp>

#include <cstddef>
#include <string>
#include <string_view>
#include <utility>

/// What the parts that keep files share: descriptors with an owner, and errno as our errors.
namespace rwp::posix {

/// Owns a file descriptor; -1 is none.
class FileDescriptor {
 public:
  FileDescriptor() = default;
  explicit FileDescriptor(int number) noexcept : number_(number) {}
  ~FileDescriptor() { reset(); }
  FileDescriptor(FileDescriptor&& other) noexcept : number_(std::exchange(other.number_, -1)) {}
  FileDescriptor& operator=(FileDescriptor&& other) noexcept {
    if (this != &other) {
      reset();
      number_ = std::exchange(other.number_, -1);
    }
    return *this;
  }
  FileDescriptor(const FileDescriptor&) = delete;
  FileDescriptor& operator=(const FileDescriptor&) = delete;

  int get() const noexcept { return number_; }
  explicit operator bool() const noexcept { return number_ >= 0; }
  int release() noexcept { return std::exchange(number_, -1); }
  void reset() noexcept;

 private:
  int number_ = -1;
};

/// The failure `code` (an errno) of what was done with the thing named. A full disk, a quota or a
/// size limit is `Errc::unavailable`, and the message names the fix.
Error error_from_errno(int code, std::string_view thing);

/// Writes all of `bytes` at the descriptor's position. Some may have been written on failure.
Result<void> write_all(int descriptor, std::string_view bytes, std::string_view thing);

/// Reads exactly `size` bytes from `offset`. `Errc::corrupt`: the file ends before.
Result<std::string> read_exactly(int descriptor, std::size_t offset, std::size_t size,
                                 std::string_view thing);

/// Makes a directory and those above it (0750, less the umask) where they are missing, and their
/// names durable. 0 or errno.
int make_directories(const std::string& path);

/// Holds an exclusive lock (fcntl, open file description) on one byte of a file until it goes.
/// It binds threads and processes alike, and ends with its process.
class RangeLock {
 public:
  RangeLock() = default;

  /// Waits up to ten seconds; then `Errc::unavailable`. `file` was opened for this lock alone.
  static Result<RangeLock> take(FileDescriptor file, std::size_t byte, std::string_view thing);

 private:
  explicit RangeLock(FileDescriptor file) noexcept : file_(std::move(file)) {}
  FileDescriptor file_;  // Closing it unlocks.
};

}  // namespace rwp::posix
