#pragma once

#include "core/posix_file.hpp"
#include "storage_file/directory_sync.hpp"
#include "storage_file/key_path.hpp"
#include <rwp/storage/object_store.hpp>

#include <mutex>
#include <set>
#include <string>
#include <string_view>
#include <vector>

namespace rwp::storage {

/// The files beneath one root directory; every call blocks.
///
/// Paths are walked name by name from the root's descriptor and never over a symbolic link, so that
/// nothing outside the root is reached, whatever others put in there.
/// Threads: safe to share; and several processes may have the same root.
class ObjectFiles {
 public:
  /// Makes the directory, with those above it, where it is missing.
  Result<void> open(const std::string& root);

  Result<ObjectInfo> put(std::string_view key, std::string_view content, const PutOptions& options);
  Result<std::string> get(std::string_view key, ByteRange range) const;
  Result<ObjectInfo> head(std::string_view key) const;
  Result<ListPage> list(const ListOptions& options) const;
  Result<void> remove(std::string_view key);

 private:
  struct OpenObject;

  Result<posix::FileDescriptor> open_folder(std::string_view key, const KeyPath& path) const;
  Result<posix::FileDescriptor> make_folder(std::string_view key, const KeyPath& path);
  Result<OpenObject> open_object(std::string_view key, int folder, const std::string& name) const;
  Result<posix::RangeLock> lock(std::string_view key) const;
  Result<void> check_conditions(std::string_view key, int folder, const std::string& name,
                                const PutOptions& options) const;
  Result<std::string> write_temporary(std::string_view key, std::string_view content,
                                      std::string_view etag, const std::string& content_type,
                                      struct ::stat& status) const;
  Result<void> sync(std::string_view key, const KeyPath& path, int folder);
  void remove_old_temporaries() const;

  posix::FileDescriptor root_;
  posix::FileDescriptor temporaries_;
  DirectorySync directory_sync_;
  std::mutex known_mutex_;
  /// Folders whose own name is known to be durable.
  std::set<std::string> known_folders_;
};

/// One page of the keys beneath `root`; part of ObjectFiles, in listing.cpp.
Result<ListPage> list_files(int root, const ListOptions& options);

}  // namespace rwp::storage
