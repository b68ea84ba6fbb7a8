#include "core/posix_file.hpp"
#include "pods/api_keys.hpp"

#include <algorithm>
#include <cerrno>
#include <fcntl.h>
#include <optional>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>
#include <utility>

namespace rwp::pods {
namespace {

constexpr std::size_t kLargestFile = std::size_t{4} << 20U;

std::string name_of(const std::string& path) { return "API keys file '" + path + "'"; }

/// A line of the file that holds a key, and where it begins.
struct KeyLine {
  ListedKey listed{};
  std::size_t begin = 0;
};

Result<std::string> read_all(int file, const std::string& thing) {
  struct stat status {};
  if (::fstat(file, &status) != 0) return posix::error_from_errno(errno, thing);
  if (!S_ISREG(status.st_mode)) {
    return Error(Errc::invalid_argument, thing + ": must be a regular file");
  }
  const auto size = static_cast<std::size_t>(status.st_size);
  if (size > kLargestFile) {
    return Error(Errc::invalid_argument, thing + ": must be at most 4 MiB");
  }
  return posix::read_exactly(file, 0, size, thing);
}

/// What a revocation has made a comment of; none of people's comments.
std::optional<ApiKey> read_revoked(std::string_view line) {
  std::string text(line);
  text.front() = '{';
  auto json = JsonText::parse(std::move(text));
  if (!json) return std::nullopt;
  auto key = decode<ApiKey>(*json);
  return key ? std::optional<ApiKey>(std::move(*key)) : std::nullopt;
}

Result<std::vector<KeyLine>> read_lines(const std::string& content, const std::string& thing) {
  std::vector<KeyLine> lines;
  std::size_t number = 0;
  for (std::size_t begin = 0; begin < content.size();) {
    const auto end = std::min(content.find('\n', begin), content.size());
    const auto line = std::string_view(content).substr(begin, end - begin);
    const std::size_t at = std::exchange(begin, end + 1);
    ++number;
    if (line.empty()) continue;
    if (line.front() == '#') {
      if (auto key = read_revoked(line)) {
        lines.push_back({.listed = {.key = std::move(*key), .revoked = true}, .begin = at});
      }
      continue;
    }
    auto json = JsonText::parse(std::string(line));
    auto key = json ? decode<ApiKey>(*json) : Result<ApiKey>(json.error());
    if (!key) return key.error().with_context(thing + ", line " + std::to_string(number));
    lines.push_back({.listed = {.key = std::move(*key)}, .begin = at});
  }
  return lines;
}

}  // namespace

Result<std::vector<ListedKey>> list_api_keys(const std::string& path) {
  const std::string thing = name_of(path);
  const posix::FileDescriptor file(::open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK));
  if (!file) return posix::error_from_errno(errno, thing);
  auto content = read_all(file.get(), thing);
  if (!content) return content.error();
  auto lines = read_lines(*content, thing);
  if (!lines) return lines.error();
  std::vector<ListedKey> keys;
  for (auto& line : *lines) keys.push_back(std::move(line.listed));
  return keys;
}

Result<void> revoke_api_key(const std::string& path, const std::string& id) {
  const std::string thing = name_of(path);
  const posix::FileDescriptor file(::open(path.c_str(), O_RDWR | O_CLOEXEC | O_NONBLOCK));
  if (!file) return posix::error_from_errno(errno, thing);
  // Released when the file is closed.
  while (::flock(file.get(), LOCK_EX) != 0) {
    if (errno != EINTR) return posix::error_from_errno(errno, thing);
  }
  auto content = read_all(file.get(), thing);
  if (!content) return content.error();
  auto lines = read_lines(*content, thing);
  if (!lines) return lines.error();
  for (const auto& line : *lines) {
    if (line.listed.key.id != id || line.listed.revoked) continue;
    // The brace that opens the object; a line that a person indented is not ours to guess at.
    if ((*content)[line.begin] != '{') {
      return Error(Errc::invalid_argument, thing + ": the key's line does not start with '{'");
    }
    if (::pwrite(file.get(), "#", 1, static_cast<off_t>(line.begin)) != 1 ||
        ::fsync(file.get()) != 0) {
      return posix::error_from_errno(errno, thing);
    }
    return {};
  }
  return Error(Errc::not_found, "no key '" + id + "' is in use in " + thing);
}

}  // namespace rwp::pods
