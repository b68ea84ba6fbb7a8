#include "storage_file/object_attributes.hpp"
#include "storage_file/object_files.hpp"

#include <algorithm>
#include <cerrno>
#include <dirent.h>
#include <fcntl.h>
#include <memory>
#include <sys/stat.h>
#include <utility>

namespace rwp::storage {
namespace {

using posix::FileDescriptor;

/// A name in one folder, as keys see it.
struct Name {
  /// A file's key; a folder's with a slash behind, which is how its keys start, so that the order
  /// of these texts is the order of the keys.
  std::string key{};
  std::string name{};
  bool folder = false;
};

/// Walks the tree in the order of the keys, and only where keys that are wanted can be.
class Listing {
 public:
  explicit Listing(const ListOptions& options) : options_(options) {}

  /// Whether to go on: false once the page is full.
  Result<bool> walk(int folder, const std::string& start);

  ListPage page;

 private:
  Result<std::vector<Name>> names(int folder, const std::string& start) const;
  bool add(int folder, const Name& file);

  bool wanted(const std::string& key) const {
    return key > options_.cursor && key.starts_with(options_.prefix) && check_key(key).has_value();
  }
  bool may_hold_wanted(const std::string& start) const {
    return start.size() < kMaxKeyBytes &&
           (start.starts_with(options_.prefix) || options_.prefix.starts_with(start)) &&
           (start > options_.cursor || options_.cursor.starts_with(start));
  }

  const ListOptions& options_;
};

bool is_kind(int folder, const ::dirent& entry, bool wants_folder) {
  if (entry.d_type != DT_UNKNOWN) return entry.d_type == (wants_folder ? DT_DIR : DT_REG);
  struct ::stat status {};
  if (::fstatat(folder, entry.d_name, &status, AT_SYMLINK_NOFOLLOW) != 0) return false;
  return wants_folder ? S_ISDIR(status.st_mode) : S_ISREG(status.st_mode);
}

Result<std::vector<Name>> Listing::names(int folder, const std::string& start) const {
  FileDescriptor again(::openat(folder, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC));
  ::DIR* opened = again ? ::fdopendir(again.get()) : nullptr;
  if (opened == nullptr && errno == ENOENT && !start.empty()) return std::vector<Name>();  // Gone.
  if (opened == nullptr) return posix::error_from_errno(errno, "listing " + start);
  again.release();  // closedir() closes it.
  const std::unique_ptr<::DIR, int (*)(::DIR*)> listing(opened, &::closedir);

  std::vector<Name> found;
  while (true) {
    errno = 0;
    const ::dirent* entry = ::readdir(listing.get());
    if (entry == nullptr) break;
    // What is neither, links above all, is not the store's and is not shown.
    if (const auto file = segment_of_file(entry->d_name)) {
      std::string key = start + *file;
      if (wanted(key) && is_kind(folder, *entry, false)) {
        found.push_back(Name{.key = std::move(key), .name = entry->d_name, .folder = false});
      }
    } else if (const auto inner = segment_of_folder(entry->d_name)) {
      std::string key = start + *inner + "/";
      if (may_hold_wanted(key) && is_kind(folder, *entry, true)) {
        found.push_back(Name{.key = std::move(key), .name = entry->d_name, .folder = true});
      }
    }
  }
  if (errno != 0) return posix::error_from_errno(errno, "listing " + start);
  std::sort(found.begin(), found.end(),
            [](const Name& one, const Name& other) { return one.key < other.key; });
  return found;
}

bool Listing::add(int folder, const Name& file) {
  struct ::stat status {};
  if (::fstatat(folder, file.name.c_str(), &status, AT_SYMLINK_NOFOLLOW) != 0)
    return true;  // Gone.
  if (!S_ISREG(status.st_mode)) return true;
  if (page.entries.size() == options_.limit) {
    page.next_cursor = page.entries.back().key;
    return false;
  }
  ListEntry entry{.key = file.key,
                  .size_bytes = static_cast<std::uint64_t>(status.st_size),
                  .modified_at = modified_at(status)};
  page.entries.push_back(std::move(entry));
  return true;
}

Result<bool> Listing::walk(int folder, const std::string& start) {
  const auto found = names(folder, start);
  if (!found) return found.error();
  for (const Name& name : *found) {
    if (!name.folder) {
      if (!add(folder, name)) return false;
      continue;
    }
    const FileDescriptor inner(
        ::openat(folder, name.name.c_str(), O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC));
    if (!inner) {
      if (errno == ENOENT || errno == ENOTDIR || errno == ELOOP) continue;  // Gone, or replaced.
      return posix::error_from_errno(errno, "listing " + name.key);
    }
    const auto more = walk(inner.get(), name.key);
    if (!more || !*more) return more;
  }
  return true;
}

}  // namespace

Result<ListPage> list_files(int root, const ListOptions& options) {
  Listing listing(options);
  const auto walked = listing.walk(root, "");
  if (!walked) return walked.error();
  return std::move(listing.page);
}

}  // namespace rwp::storage
