#pragma once

#include <rwp/storage/object_store.hpp>

#include <memory>
#include <string>
#include <string_view>

namespace rwp {
class Runtime;
class SchemeRegistry;
}  // namespace rwp

namespace rwp::storage {

struct FileStorageOptions {
  /// The directory that holds the objects; it and those above it are made where missing. Relative:
  /// from the working directory at the time of opening.
  std::string root = "objects";
};

/// Keeps each object in a file of its own; several processes may share the directory.
///
/// A put returns when content and name have been fsynced: it survives a power cut, and a crash at
/// any moment leaves the old object or the new, never a part. New files and folders beneath the
/// root are for their owner alone (0600, 0700), as people's data stands in them. What a crashed
/// writer left in `.tmp` is removed on opening once it is an hour old. Symbolic links beneath the
/// root are refused (`Errc::permission_denied`), not followed. Folders that become empty stay.
/// The etag is the SHA-256 of the content in hexadecimal. Where the file system has no user
/// attributes (tmpfs before Linux 6.6), the content type is told by the key's extension, and a put
/// that asks for another is `Errc::unsupported`.
/// A put waits for two flushes of the disk, of its file and of its folder's names; puts that
/// overlap run side by side on the pool's threads and share the second, so start several at a time.
/// A listing reads the folders it passes through whole for each page, so keep folders below some
/// ten thousand objects where they are listed.
/// Errors of opening: `Errc::invalid_argument` (the path is a file), `Errc::permission_denied`,
/// `Errc::unavailable`. Blocks for some milliseconds; afterwards blocking calls run on the
/// runtime's pool, and concurrent puts share it. The runtime outlives the store.
Result<std::shared_ptr<ObjectStore>> open_file_object_store(
    Runtime& runtime, FileStorageOptions options = FileStorageOptions());

/// Where `key` lies beneath a store's root, for people: "reports/2026.html" is in just that file,
/// but "reports/2026" is in "reports/2026@" and "v1.2/a.txt" in "v1.2+/a.txt", because names with
/// and without a dot tell files from folders.
std::string object_file_path(std::string_view root, std::string_view key);

/// `file:./objects`, `file:/srv/objects`, `file:///srv/objects`.
void register_file_storage(SchemeRegistry& registry);

}  // namespace rwp::storage
