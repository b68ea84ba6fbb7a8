#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

/// How keys stand in the file system.
///
/// A key's segments are its folders and its file, by name, so that people find "reports/2026.html"
/// where they look for it. But "a" and "a/b" may both be keys, so the names of files and of folders
/// must never meet: a file whose name has no dot within gets '@' at its end, a folder whose name
/// has one gets '+', and so does what ends in a mark already. Names that start with a dot and carry
/// no mark are left for the store's own use.
namespace rwp::storage {

std::string file_name(std::string_view segment);
std::string folder_name(std::string_view segment);

/// The segment that has this name; none: no key leads there.
std::optional<std::string> segment_of_file(std::string_view name);
std::optional<std::string> segment_of_folder(std::string_view name);

/// A checked key as names: folders from the root down, then the file.
struct KeyPath {
  explicit KeyPath(std::string_view key);

  std::vector<std::string> folders{};
  std::string file{};
};

}  // namespace rwp::storage
