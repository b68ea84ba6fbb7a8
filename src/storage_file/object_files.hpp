#pragma once

#include "core/posix_file.hpp"
#include "storage_file/directory_sync.hpp"
#include "storage_file/key_path.hpp"
#include <rwp/core/sha256_stream.hpp>
#include <rwp/storage/object_store.hpp>

#include <cstdint>
#include <memory>
#include <mutex>
#include <set>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace rwp::storage {

/// A new object's file in .tmp; goes when it is dropped, unless it was published. One at a time.
class ObjectDraft {
 public:
  ObjectDraft(int directory, std::string name, posix::FileDescriptor file);
  ~ObjectDraft();
  ObjectDraft(const ObjectDraft&) = delete;
  ObjectDraft& operator=(const ObjectDraft&) = delete;

  Result<void> append(std::string_view key, std::string_view bytes);

 private:
  friend class ObjectFiles;
  const int directory_;
  std::string name_;
  const posix::FileDescriptor file_;
  Sha256Stream hash_;
  std::uint64_t bytes_ = 0;
};

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
  /// put() in steps: begin(), the draft's append(), publish().
  Result<std::unique_ptr<ObjectDraft>> begin(std::string_view key) const;
  Result<ObjectInfo> publish(std::string_view key, ObjectDraft& draft, const PutOptions& options);
  Result<std::string> get(std::string_view key, ByteRange range) const;
  /// get() in steps: a descriptor to read from, and what is known of the object.
  Result<std::pair<posix::FileDescriptor, ObjectInfo>> open_for_reading(std::string_view key) const;
  Result<ObjectInfo> head(std::string_view key) const;
  Result<ListPage> list(const ListOptions& options) const;
  Result<void> remove(std::string_view key);

 private:
  struct OpenObject;

  Result<posix::FileDescriptor> open_folder(std::string_view key, const KeyPath& path) const;
  Result<posix::FileDescriptor> make_folder(std::string_view key, const KeyPath& path);
  static Result<OpenObject> open_object(std::string_view key, int folder, const std::string& name);
  Result<posix::RangeLock> lock(std::string_view key) const;
  static Result<void> check_conditions(std::string_view key, int folder, const std::string& name,
                                       const PutOptions& options);
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
