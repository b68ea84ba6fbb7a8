#include "core/posix_file.hpp"
#include "pods/api_keys.hpp"
#include "pods/time_text.hpp"
#include <rwp/core/sha256.hpp>

#include <algorithm>
#include <cerrno>
#include <fcntl.h>
#include <filesystem>
#include <span>
#include <sys/file.h>
#include <sys/random.h>
#include <sys/stat.h>
#include <unistd.h>
#include <utility>

namespace rwp::pods {
namespace {

Result<std::vector<std::string>> split_scopes(const std::string& text) {
  std::vector<std::string> scopes;
  for (std::size_t begin = 0; begin <= text.size();) {
    const auto end = std::min(text.find(',', begin), text.size());
    std::string scope = text.substr(begin, end - begin);
    begin = end + 1;
    if (std::find(kScopes.begin(), kScopes.end(), scope) == kScopes.end()) {
      std::string known;
      for (const auto name : kScopes) {
        if (!known.empty()) known += ", ";
        known += name;
      }
      std::string problem = "unknown scope '";
      problem += scope;
      problem += "'; there are ";
      problem += known;
      return Error(Errc::invalid_argument, std::move(problem));
    }
    if (std::find(scopes.begin(), scopes.end(), scope) == scopes.end()) {
      scopes.push_back(std::move(scope));
    }
  }
  return scopes;
}

bool is_tenant_name(const std::string& name) {
  constexpr std::string_view kCharacters =
      "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-_.";
  return !name.empty() && name.size() <= 64 && name.front() != '.' &&
         name.find_first_not_of(kCharacters) == std::string::npos;
}

Result<Sha256> random_bytes() {
  Sha256 bytes{};
  std::span<std::uint8_t> rest(bytes);
  while (!rest.empty()) {
    const auto got = ::getrandom(rest.data(), rest.size(), 0);
    if (got < 0 && errno == EINTR) continue;
    if (got < 0) return posix::error_from_errno(errno, "random bytes");
    rest = rest.subspan(static_cast<std::size_t>(got));
  }
  return bytes;
}

Result<void> sync_directory_of(const std::string& path) {
  auto folder = std::filesystem::path(path).parent_path();
  if (folder.empty()) folder = ".";
  const posix::FileDescriptor opened(::open(folder.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
  if (!opened || ::fsync(opened.get()) != 0) {
    return posix::error_from_errno(errno, "directory '" + folder.string() + "'");
  }
  return {};
}

/// Writes the line at the file's end, durably, while no other writer does.
Result<void> append_line(const std::string& path, const std::string& line) {
  const std::string thing = "API keys file '" + path + "'";
  const posix::FileDescriptor file(
      ::open(path.c_str(), O_RDWR | O_CREAT | O_APPEND | O_CLOEXEC, 0600));
  if (!file) return posix::error_from_errno(errno, thing);
  // Released when the file is closed.
  while (::flock(file.get(), LOCK_EX) != 0) {
    if (errno != EINTR) return posix::error_from_errno(errno, thing);
  }
  struct stat status {};
  if (::fstat(file.get(), &status) != 0) return posix::error_from_errno(errno, thing);
  std::string text = line + "\n";
  if (status.st_size > 0) {
    auto last =
        posix::read_exactly(file.get(), static_cast<std::size_t>(status.st_size) - 1, 1, thing);
    if (!last) return last.error();
    // Somebody's editor, or a writer that died, left the last line open.
    if (*last != "\n") text.insert(0, "\n");
  }
  if (auto written = posix::write_all(file.get(), text, thing); !written) return written;
  if (::fsync(file.get()) != 0) return posix::error_from_errno(errno, thing);
  return sync_directory_of(path);
}

}  // namespace

Result<std::string> add_api_key(const std::string& path, const std::string& tenant,
                                const std::string& scopes,
                                std::optional<std::int64_t> requests_per_second) {
  if (!is_tenant_name(tenant)) {
    return Error(Errc::invalid_argument,
                 "the tenant must be 1 to 64 of a-z A-Z 0-9 - _ . and not start with a dot");
  }
  auto split = split_scopes(scopes);
  if (!split) return split.error();
  const auto secret = random_bytes();
  if (!secret) return secret.error();
  const auto name = random_bytes();
  if (!name) return name.error();
  ApiKey key;
  key.id = to_hex(*name).substr(0, 12);
  key.tenant = tenant;
  key.scopes = std::move(*split);
  key.requests_per_second = requests_per_second;
  key.created = to_rfc3339(std::chrono::system_clock::now());
  std::string text = "rwp_" + key.id + "_" + to_hex(*secret);
  key.sha256 = to_hex(sha256(text));
  if (auto appended = append_line(path, encode(key).str()); !appended) return appended.error();
  return text;
}

}  // namespace rwp::pods
