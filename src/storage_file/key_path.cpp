#include "storage_file/key_path.hpp"

namespace rwp::storage {
namespace {

constexpr char kFileMark = '@';
constexpr char kFolderMark = '+';

bool has_mark(std::string_view name) {
  return name.ends_with(kFileMark) || name.ends_with(kFolderMark);
}

bool has_inner_dot(std::string_view name) {
  return !name.starts_with('.') && name.find('.') != std::string_view::npos;
}

bool plain_as_file(std::string_view name) { return has_inner_dot(name) && !has_mark(name); }

bool plain_as_folder(std::string_view name) {
  return name.find('.') == std::string_view::npos && !has_mark(name);
}

std::optional<std::string> unmark(std::string_view name, char mark,
                                  bool (*plain)(std::string_view)) {
  if (plain(name)) return std::string(name);
  if (!name.ends_with(mark)) return std::nullopt;
  name.remove_suffix(1);
  // What stands plain has no second, marked name.
  if (name.empty() || plain(name)) return std::nullopt;
  return std::string(name);
}

}  // namespace

std::string file_name(std::string_view segment) {
  std::string name(segment);
  if (!plain_as_file(segment)) name += kFileMark;
  return name;
}

std::string folder_name(std::string_view segment) {
  std::string name(segment);
  if (!plain_as_folder(segment)) name += kFolderMark;
  return name;
}

std::optional<std::string> segment_of_file(std::string_view name) {
  return unmark(name, kFileMark, &plain_as_file);
}

std::optional<std::string> segment_of_folder(std::string_view name) {
  return unmark(name, kFolderMark, &plain_as_folder);
}

KeyPath::KeyPath(std::string_view key) {
  for (auto slash = key.find('/'); slash != std::string_view::npos; slash = key.find('/')) {
    folders.push_back(folder_name(key.substr(0, slash)));
    key.remove_prefix(slash + 1);
  }
  file = file_name(key);
}

}  // namespace rwp::storage
