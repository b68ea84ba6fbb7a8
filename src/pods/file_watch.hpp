#pragma once

#include <rwp/core/async.hpp>

#include <chrono>
#include <cstdint>
#include <optional>
#include <string>

struct stat;

namespace rwp::pods {

/// What tells that a file is another than before, also within one second.
struct FileStamp {
  std::uint64_t device = 0;
  std::uint64_t inode = 0;
  std::int64_t size = 0;
  std::int64_t modified_ns = 0;

  static FileStamp of(const struct stat& status);
  /// None: there is no such file.
  static std::optional<FileStamp> of(const std::string& path);
  friend bool operator==(const FileStamp&, const FileStamp&) = default;
};

/// When a file that may change is to be read again, and when to complain that it is bad.
///
/// Threads: one at a time.
class FileWatch {
 public:
  /// Looks at the file no more often than `every`.
  FileWatch(std::string path, std::chrono::milliseconds every)
      : path_(std::move(path)), every_(every) {}

  const std::string& path() const noexcept { return path_; }
  /// Whether it is no longer the file that was read, as far as it is time to look.
  bool must_read(const FileStamp& read, SteadyTime now);
  /// Whether the log is to hear that it cannot be used: once for each bad file.
  bool is_new_fault();
  /// It is good again.
  void clear_fault() { bad_.reset(); }

 private:
  const std::string path_;
  const std::chrono::milliseconds every_;
  SteadyTime next_look_{};
  /// The bad file that the log has told of; without a stamp: that it is gone.
  std::optional<std::optional<FileStamp>> bad_{};
  std::optional<FileStamp> seen_{};
};

}  // namespace rwp::pods
