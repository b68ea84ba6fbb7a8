#pragma once

#include "core/posix_file.hpp"
#include <rwp/core/error.hpp>
#include <rwp/core/uuid.hpp>

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace rwp::analytics {

/// A file of whole lines that others append to as well; every call blocks.
///
/// It is opened anew for each append, so that a file moved away is left alone.
/// Threads: one at a time; other instances and processes may have the same file.
class JsonlFile {
 public:
  /// Makes what is missing, and mends the end of the file.
  Result<void> open(const std::string& path);

  /// Appends whole lines durably, or nothing.
  Result<void> append(std::string_view lines);

  /// Which of these ids begin a line of the file's last 64 MiB. A file moved away is not looked at.
  Result<std::vector<Uuid>> find(const std::vector<Uuid>& ids) const;

  /// Overwrites the lines with this text by others of the same length, `{"forgotten":true}` and
  /// blanks; answers how many. Those who append are not waited for. Whole lines alone.
  Result<std::size_t> overwrite(const std::string& text) const;

 private:
  std::string shown_;
  std::string name_;
  posix::FileDescriptor directory_;
  /// The file whose name is known to be durable.
  std::uint64_t known_inode_ = 0;
};

}  // namespace rwp::analytics
