#include "storage_file/object_files.hpp"

#include "storage_file/object_attributes.hpp"
#include <rwp/core/sha256.hpp>
#include <rwp/core/uuid.hpp>

#include <algorithm>
#include <cerrno>
#include <chrono>
#include <cstdio>
#include <dirent.h>
#include <fcntl.h>
#include <functional>
#include <limits>
#include <memory>
#include <sys/stat.h>
#include <unistd.h>
#include <utility>

namespace rwp::storage {
namespace {

using posix::error_from_errno;
using posix::FileDescriptor;

// Neither is the name of a key's folder or file (see key_path.hpp).
constexpr const char* kTemporaries = ".tmp";
constexpr const char* kLockFile = ".lock";

// Candidate data: nothing for the world.
constexpr ::mode_t kFolderMode = 0700;
constexpr ::mode_t kFileMode = 0600;

/// A writer that has been at it for so long is dead, or finds its temporary gone and says so.
constexpr std::chrono::hours kTemporaryAge{1};
constexpr std::size_t kLockStripes = 4096;
constexpr std::size_t kMaxKnownFolders = 10'000;

std::string named(std::string_view key) { return "object " + std::string(key); }

Error absent(std::string_view key) { return Error(Errc::not_found, "no " + named(key)); }

Error blocked(std::string_view key) {
  return Error(Errc::permission_denied,
               named(key) +
                   ": something that this store did not make, such as a symbolic link, "
                   "stands where its file or folders belong");
}

/// errno of a failed walk or open of a key's file.
Error open_error(int code, std::string_view key) {
  if (code == ENOENT) return absent(key);
  if (code == ELOOP || code == ENOTDIR || code == EISDIR || code == ENXIO) return blocked(key);
  return error_from_errno(code, named(key));
}

/// As above for a write, to which "not there" is no answer.
Error write_error(int code, std::string_view key) {
  if (code != ENOENT) return open_error(code, key);
  return Error(Errc::unavailable,
               named(key) +
                   ": the object directory or a part of it was removed meanwhile; open it "
                   "anew");
}

FileDescriptor open_directory_at(int parent, const char* name) {
  return FileDescriptor(::openat(parent, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC));
}

/// Moves without replacing; 0 or errno.
int move_new(int from, const char* temporary, int to, const char* name) {
  if (::renameat2(from, temporary, to, name, RENAME_NOREPLACE) == 0) return 0;
  if (errno != EINVAL && errno != ENOSYS) return errno;
  // Some network file systems cannot; a second link refuses an existing name just so.
  if (::linkat(from, temporary, to, name, 0) != 0) return errno;
  ::unlinkat(from, temporary, 0);
  return 0;
}

}  // namespace

struct ObjectFiles::OpenObject {
  FileDescriptor file{};
  struct ::stat status {};
};

Result<void> ObjectFiles::open(const std::string& root) {
  const std::string shown = "object directory " + root;
  if (const int code = posix::make_directories(root); code != 0 && code != ENOTDIR) {
    return error_from_errno(code, shown);
  }
  root_ = FileDescriptor(::open(root.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
  if (!root_ && errno == ENOTDIR) {
    return Error(Errc::invalid_argument, shown + ": it, or one above it, is not a directory");
  }
  if (!root_) return error_from_errno(errno, shown);

  if (::mkdirat(root_.get(), kTemporaries, kFolderMode) != 0 && errno != EEXIST) {
    return error_from_errno(errno, shown);
  }
  temporaries_ = open_directory_at(root_.get(), kTemporaries);
  if (!temporaries_) return error_from_errno(errno, shown + "/" + kTemporaries);
  remove_old_temporaries();
  return {};
}

void ObjectFiles::remove_old_temporaries() const {
  FileDescriptor again = open_directory_at(temporaries_.get(), ".");
  ::DIR* opened = again ? ::fdopendir(again.get()) : nullptr;
  if (opened == nullptr) return;
  again.release();  // closedir() closes it.
  const std::unique_ptr<::DIR, int (*)(::DIR*)> listing(opened, &::closedir);
  const auto oldest = std::chrono::system_clock::now() - kTemporaryAge;
  // NOLINTNEXTLINE(concurrency-mt-unsafe): the listing is this call's own.
  while (const ::dirent* entry = ::readdir(listing.get())) {
    struct ::stat status {};
    if (::fstatat(temporaries_.get(), entry->d_name, &status, AT_SYMLINK_NOFOLLOW) == 0 &&
        S_ISREG(status.st_mode) && modified_at(status) < oldest) {
      ::unlinkat(temporaries_.get(), entry->d_name, 0);
    }
  }
}

Result<FileDescriptor> ObjectFiles::open_folder(std::string_view key, const KeyPath& path) const {
  FileDescriptor folder = open_directory_at(root_.get(), ".");
  for (const std::string& name : path.folders) {
    if (!folder) break;
    folder = open_directory_at(folder.get(), name.c_str());
  }
  if (!folder) return open_error(errno, key);
  return folder;
}

Result<FileDescriptor> ObjectFiles::make_folder(std::string_view key, const KeyPath& path) {
  FileDescriptor folder = open_directory_at(root_.get(), ".");
  if (!folder) return write_error(errno, key);
  std::string walked;
  for (const std::string& name : path.folders) {
    const std::string above = walked;
    walked += "/" + name;
    FileDescriptor inner = open_directory_at(folder.get(), name.c_str());
    if (!inner && errno == ENOENT) {
      if (::mkdirat(folder.get(), name.c_str(), kFolderMode) == 0) {
        const std::lock_guard lock(known_mutex_);
        known_folders_.erase(walked);  // One of this name had been removed.
      } else if (errno != EEXIST) {
        return write_error(errno, key);
      }
      inner = open_directory_at(folder.get(), name.c_str());
    }
    if (!inner) return write_error(errno, key);
    bool known = false;
    {
      const std::lock_guard lock(known_mutex_);
      known = known_folders_.contains(walked);
    }
    // Also one that is there: who made it may not have come to its fsync yet.
    if (!known) {
      if (const int code = directory_sync_.sync(above, folder.get()); code != 0) {
        return write_error(code, key);
      }
      const std::lock_guard lock(known_mutex_);
      if (known_folders_.size() >= kMaxKnownFolders) known_folders_.clear();
      known_folders_.insert(walked);
    }
    folder = std::move(inner);
  }
  return folder;
}

Result<ObjectFiles::OpenObject> ObjectFiles::open_object(std::string_view key, int folder,
                                                         const std::string& name) {
  OpenObject object;
  // O_NONBLOCK: a FIFO put there must not hold the thread.
  constexpr int kFlags = O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_NOCTTY | O_CLOEXEC;
  object.file = FileDescriptor(::openat(folder, name.c_str(), kFlags));
  if (!object.file) return open_error(errno, key);
  if (::fstat(object.file.get(), &object.status) != 0) {
    return error_from_errno(errno, named(key));
  }
  if (!S_ISREG(object.status.st_mode)) return blocked(key);
  return object;
}

Result<posix::RangeLock> ObjectFiles::lock(std::string_view key) const {
  constexpr int kFlags = O_RDWR | O_CREAT | O_NOFOLLOW | O_CLOEXEC;
  FileDescriptor file(::openat(root_.get(), kLockFile, kFlags, kFileMode));
  if (!file) return write_error(errno, key);
  // The stripe must be the same in every process: no std::hash, which may differ between builds.
  std::uint64_t hash = 14695981039346656037U;  // FNV-1a.
  for (const char c : key) hash = (hash ^ static_cast<unsigned char>(c)) * 1099511628211U;
  return posix::RangeLock::take(std::move(file), hash % kLockStripes, named(key));
}

Result<void> ObjectFiles::check_conditions(std::string_view key, int folder,
                                           const std::string& name, const PutOptions& options) {
  struct ::stat status {};
  if (::fstatat(folder, name.c_str(), &status, AT_SYMLINK_NOFOLLOW) != 0) {
    if (errno != ENOENT) return open_error(errno, key);
    if (options.if_match.empty()) return {};
    return Error(Errc::conflict, named(key) + " is not there any more");
  }
  if (!S_ISREG(status.st_mode)) return blocked(key);
  if (options.only_if_absent) return Error(Errc::already_exists, "there is an " + named(key));
  if (options.if_match.empty()) return {};

  const auto object = open_object(key, folder, name);
  if (!object) return object.error();
  const auto info = read_info(object->file.get(), object->status, key);
  if (!info) return info.error();
  if (info->etag != options.if_match) {
    return Error(Errc::conflict, named(key) + " is not the version expected");
  }
  return {};
}

ObjectDraft::ObjectDraft(int directory, std::string name, FileDescriptor file)
    : directory_(directory), name_(std::move(name)), file_(std::move(file)) {}

ObjectDraft::~ObjectDraft() {
  if (!name_.empty()) ::unlinkat(directory_, name_.c_str(), 0);
}

Result<void> ObjectDraft::append(std::string_view key, std::string_view bytes) {
  hash_.update(bytes);
  bytes_ += bytes.size();
  return posix::write_all(file_.get(), bytes, named(key));
}

Result<std::unique_ptr<ObjectDraft>> ObjectFiles::begin(std::string_view key) const {
  std::string name = Uuid::make_v7().to_string();
  constexpr int kFlags = O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC;
  FileDescriptor file(::openat(temporaries_.get(), name.c_str(), kFlags, kFileMode));
  if (!file) return write_error(errno, key);
  return std::make_unique<ObjectDraft>(temporaries_.get(), std::move(name), std::move(file));
}

Result<void> ObjectFiles::sync(std::string_view key, const KeyPath& path, int folder) {
  std::string name;
  for (const std::string& part : path.folders) name += "/" + part;
  const int code = directory_sync_.sync(name, folder);
  if (code == 0) return {};
  return error_from_errno(code, named(key))
      .with_context("done, but it may not survive a power cut");
}

Result<ObjectInfo> ObjectFiles::put(std::string_view key, std::string_view content,
                                    const PutOptions& options) {
  if (options.only_if_absent) {  // A look before the work; the move in publish() decides.
    const KeyPath path(key);
    const auto folder = make_folder(key, path);
    if (!folder) return folder.error();
    auto allowed = check_conditions(key, folder->get(), path.file, options);
    if (!allowed) {
      // "There is one" must stay true after a power cut.
      if (auto synced = sync(key, path, folder->get()); !synced) return synced.error();
      return allowed.error();
    }
  }
  auto draft = begin(key);
  if (!draft) return draft.error();
  if (auto written = (*draft)->append(key, content); !written) return written.error();
  return publish(key, **draft, options);
}

Result<ObjectInfo> ObjectFiles::publish(std::string_view key, ObjectDraft& draft,
                                        const PutOptions& options) {
  const KeyPath path(key);
  const auto folder = make_folder(key, path);
  if (!folder) return folder.error();
  ObjectInfo info;
  info.etag = to_hex(draft.hash_.finish());
  info.content_type = options.content_type;
  info.metadata = options.metadata;
  const int file = draft.file_.get();
  auto kept = write_attributes(file, key, info.etag, info.content_type, info.metadata);
  if (!kept) return kept.error();
  struct ::stat status {};
  if (::fsync(file) != 0 || ::fstat(file, &status) != 0) return error_from_errno(errno, named(key));
  info.size_bytes = draft.bytes_;
  info.modified_at = modified_at(status);
  {
    // Between the look at the version that stands and the move, no other writer of this key.
    const auto held = lock(key);
    if (!held) return held.error();
    auto allowed = check_conditions(key, folder->get(), path.file, options);
    int code = 0;
    if (allowed && options.only_if_absent) {
      code = move_new(temporaries_.get(), draft.name_.c_str(), folder->get(), path.file.c_str());
      if (code == EEXIST) allowed = Error(Errc::already_exists, "there is an " + named(key));
    } else if (allowed && ::renameat(temporaries_.get(), draft.name_.c_str(), folder->get(),
                                     path.file.c_str()) != 0) {
      code = errno;
    }
    if (!allowed) {
      if (allowed.error().code() == Errc::already_exists) {
        if (auto synced = sync(key, path, folder->get()); !synced) return synced.error();
      }
      return allowed.error();
    }
    if (code != 0) return write_error(code, key);
    draft.name_.clear();
  }
  if (auto synced = sync(key, path, folder->get()); !synced) return synced.error();
  return info;
}

Result<std::pair<FileDescriptor, ObjectInfo>> ObjectFiles::open_for_reading(
    std::string_view key) const {
  const KeyPath path(key);
  const auto folder = open_folder(key, path);
  if (!folder) return folder.error();
  auto object = open_object(key, folder->get(), path.file);
  if (!object) return object.error();
  auto info = read_info(object->file.get(), object->status, key);
  if (!info) return info.error();
  return std::make_pair(std::move(object->file), std::move(*info));
}

Result<std::string> ObjectFiles::get(std::string_view key, ByteRange range) const {
  const KeyPath path(key);
  const auto folder = open_folder(key, path);
  if (!folder) return folder.error();
  const auto object = open_object(key, folder->get(), path.file);
  if (!object) return object.error();

  const auto size = static_cast<std::uint64_t>(object->status.st_size);
  if (range.offset > size) {
    return Error(Errc::invalid_argument, "range starts behind the end of " + named(key));
  }
  const std::uint64_t wanted = std::min(
      size - range.offset, range.length.value_or(std::numeric_limits<std::uint64_t>::max()));
  if (wanted > kMaxObjectBytes) {
    return Error(Errc::invalid_argument, named(key) + " is larger than 256 MiB; read it in parts");
  }
  return posix::read_exactly(object->file.get(), static_cast<std::size_t>(range.offset),
                             static_cast<std::size_t>(wanted), named(key));
}

Result<ObjectInfo> ObjectFiles::head(std::string_view key) const {
  const KeyPath path(key);
  const auto folder = open_folder(key, path);
  if (!folder) return folder.error();
  const auto object = open_object(key, folder->get(), path.file);
  if (!object) return object.error();
  return read_info(object->file.get(), object->status, key);
}

Result<ListPage> ObjectFiles::list(const ListOptions& options) const {
  return list_files(root_.get(), options);
}

Result<void> ObjectFiles::remove(std::string_view key) {
  const KeyPath path(key);
  const auto folder = open_folder(key, path);
  if (!folder) {
    if (folder.error().code() == Errc::not_found) return {};
    return folder.error();
  }
  {
    const auto held = lock(key);
    if (!held) return held.error();
    const PutOptions unconditional;
    auto regular = check_conditions(key, folder->get(), path.file, unconditional);
    if (!regular) return regular;
    if (::unlinkat(folder->get(), path.file.c_str(), 0) != 0 && errno != ENOENT) {
      return open_error(errno, key);
    }
  }
  // Also when it was gone: who removed it may not have come to his fsync yet.
  return sync(key, path, folder->get());
}

}  // namespace rwp::storage
