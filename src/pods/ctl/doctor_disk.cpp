#include "core/posix_file.hpp"
#include "pods/api_keys.hpp"
#include "pods/ctl/doctor.hpp"
#include "pods/listen_address.hpp"
#include <rwp/core/url.hpp>

#include <algorithm>
#include <arpa/inet.h>
#include <array>
#include <cerrno>
#include <filesystem>
#include <map>
#include <netinet/in.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <sys/vfs.h>
#include <system_error>
#include <utility>

namespace rwp::pods::ctl {
namespace {

constexpr std::uint64_t kMebi = std::uint64_t{1} << 20U;
constexpr std::uint64_t kTooLittle = 256 * kMebi;
constexpr std::uint64_t kLittle = 1'024 * kMebi;

struct FileSystemKind {
  std::int64_t magic;
  const char* name;
  enum class Fit : std::uint8_t { good, fleeting, container, network, unknown } fit;
};
using Fit = FileSystemKind::Fit;

constexpr std::array<FileSystemKind, 15> kFileSystems = {{
    {0xEF53, "ext4", Fit::good},
    {0x58465342, "xfs", Fit::good},
    {0x9123683E, "btrfs", Fit::good},
    {0x2FC12FC1, "zfs", Fit::good},
    {0xF2F52010, "f2fs", Fit::good},
    {0x01021994, "tmpfs", Fit::fleeting},
    {0x858458F6, "ramfs", Fit::fleeting},
    {0x794C7630, "overlay", Fit::container},
    {0x6969, "nfs", Fit::network},
    {0x517B, "smb", Fit::network},
    {0xFF534D42, "cifs", Fit::network},
    {0xFE534D42, "smb2", Fit::network},
    {0x00C36400, "ceph", Fit::network},
    {0x5346414F, "afs", Fit::network},
    {0x01021997, "9p", Fit::network},
}};

FileSystemKind kind_of(const std::string& folder) {
  struct statfs facts {};
  if (::statfs(folder.c_str(), &facts) == 0) {
    for (const auto& kind : kFileSystems) {
      // Some magics do not fit into a signed 32 bits, which is what some kernels give.
      if ((kind.magic & 0xFFFFFFFF) == (static_cast<std::int64_t>(facts.f_type) & 0xFFFFFFFF)) {
        return kind;
      }
    }
  }
  return {0, "of an unknown kind", Fit::unknown};
}

std::string bytes_text(std::uint64_t bytes) {
  const std::uint64_t mebi = bytes / kMebi;
  return mebi < 10'240 ? std::to_string(mebi) + " MiB" : std::to_string(mebi / 1'024) + " GiB";
}

/// The folder itself, or the nearest above it that is there.
std::string existing_folder(const std::filesystem::path& path) {
  std::error_code code;
  auto folder = path.empty() ? std::filesystem::current_path(code)
                             : std::filesystem::absolute(path, code).lexically_normal();
  while (!std::filesystem::is_directory(folder, code) && folder.has_relative_path()) {
    folder = folder.parent_path();
  }
  return folder.string();
}

void judge_room(Check& check, const std::string& folder) {
  struct statvfs facts {};
  if (::statvfs(folder.c_str(), &facts) != 0) {
    check.health = Health::failed;
    check.detail = "cannot be looked at: " + std::generic_category().message(errno);
    return;
  }
  const std::uint64_t free = std::uint64_t{facts.f_bavail} * facts.f_frsize;
  const std::uint64_t all = std::uint64_t{facts.f_blocks} * facts.f_frsize;
  check.detail = bytes_text(free) + " free of " + bytes_text(all);
  const bool no_names = facts.f_files > 0 && facts.f_favail < 1'000;
  if (free < kTooLittle || no_names) {
    check.health = Health::failed;
    check.fix = no_names ? "free inodes: remove small files, or move the data"
                         : "free space: submits and completions fail once it is full";
  } else if (free < kLittle) {
    check.health = Health::warning;
    check.fix = "free space, before submits and completions fail";
  }
}

void judge_kind(Check& check, const FileSystemKind& kind, bool holds_jobs) {
  check.detail += ", " + std::string(kind.name);
  const auto warn = [&check](const char* fix) {
    if (check.health == Health::ok) check.health = Health::warning;
    if (check.fix.empty()) check.fix = fix;
  };
  switch (kind.fit) {
    case Fit::network:
      if (!holds_jobs) break;
      check.health = Health::failed;
      check.fix =
          "SQLite cannot share a file over a network file system: put the job store on a local "
          "disk, or use a database server";
      break;
    case Fit::fleeting:
      warn("what lies here is lost when the machine starts again: move the data to a disk");
      break;
    case Fit::container:
      warn("a container's own layer goes with the container: mount a volume for the data");
      break;
    case Fit::good:
    case Fit::unknown:
      break;
  }
}

/// A socket bound to the address and not listening; none: why not, as errno.
int try_bind(const ListenAddress& address) {
  const bool v6 = address.host.find(':') != std::string::npos || address.host.empty();
  const posix::FileDescriptor made(
      ::socket(v6 ? AF_INET6 : AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0));
  if (!made) return errno;
  const int on = 1;
  const int off = 0;
  ::setsockopt(made.get(), SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
  int bound = 0;
  if (v6) {
    ::setsockopt(made.get(), IPPROTO_IPV6, IPV6_V6ONLY, &off, sizeof off);
    sockaddr_in6 where{};
    where.sin6_family = AF_INET6;
    where.sin6_port = htons(address.port);
    if (!address.host.empty()) ::inet_pton(AF_INET6, address.host.c_str(), &where.sin6_addr);
    bound = ::bind(made.get(), reinterpret_cast<const sockaddr*>(&where), sizeof where);
  } else {
    sockaddr_in where{};
    where.sin_family = AF_INET;
    where.sin_port = htons(address.port);
    ::inet_pton(AF_INET, address.host.c_str(), &where.sin_addr);
    bound = ::bind(made.get(), reinterpret_cast<const sockaddr*>(&where), sizeof where);
  }
  return bound == 0 ? 0 : errno;
}

Check check_port(const std::string& variable, const std::string& text) {
  Check check{.name = "port", .target = text};
  const auto address = parse_listen_address(text);
  if (!address) {
    check.health = Health::failed;
    check.detail = address.error().message();
    check.fix = "set " + variable + " right";
    return check;
  }
  const int problem = try_bind(*address);
  if (problem == 0) {
    check.detail = "free";
  } else if (problem == EADDRINUSE) {
    check.health = Health::warning;
    check.detail = "in use: a pod serves there already, or another program has it";
    check.fix = "`ss -ltnp` shows who listens; " + variable + " names another port";
  } else {
    check.health = Health::failed;
    check.detail = std::generic_category().message(problem);
    check.fix = problem == EACCES ? "ports below 1024 need a right of their own; take another"
                                  : "is that an address of this machine? " + variable + " names it";
  }
  return check;
}

}  // namespace

std::vector<Check> check_ports(Context& context) {
  std::vector<Check> checks;
  const auto& configuration = context.configuration();
  const std::array<std::pair<const char*, const std::string*>, 2> listens = {
      {{"RWP_LISTEN", &configuration.listen},
       {"RWP_METRICS_LISTEN", &configuration.metrics_listen}}};
  for (const auto& [variable, text] : listens) {
    if (!text->empty()) checks.push_back(check_port(variable, *text));
  }
  return checks;
}

std::vector<Check> check_disks(const Context& context) {
  const auto& configuration = context.configuration();
  // By folder, whether jobs lie in it.
  std::map<std::string, bool> folders;
  const auto add = [&folders](const std::filesystem::path& path, bool jobs) {
    auto& holds_jobs = folders[existing_folder(path)];
    holds_jobs = holds_jobs || jobs;
  };
  const auto jobs = file_path_of(configuration.jobs_url);
  if (!jobs.empty() && !is_untouched_default(context, "RWP_JOBS_URL", configuration.jobs_url)) {
    add(std::filesystem::path(jobs).parent_path(), true);
  }
  const auto objects = file_path_of(configuration.objects_url);
  if (!objects.empty() &&
      !is_untouched_default(context, "RWP_OBJECTS_URL", configuration.objects_url)) {
    add(objects, false);
  }
  const auto events = file_path_of(configuration.analytics_url);
  if (!events.empty() &&
      !is_untouched_default(context, "RWP_ANALYTICS_URL", configuration.analytics_url)) {
    add(std::filesystem::path(events).parent_path(), false);
  }
  std::vector<Check> checks;
  for (const auto& [folder, holds_jobs] : folders) {
    Check check{.name = "disk", .target = folder};
    judge_room(check, folder);
    judge_kind(check, kind_of(folder), holds_jobs);
    checks.push_back(std::move(check));
  }
  return checks;
}

Check check_keys_file(const Context& context) {
  const auto& path = context.configuration().api_keys_file;
  Check check{.name = "keys file", .target = path};
  if (path.empty()) {
    check.health = Health::skipped;
    check.detail = "RWP_API_KEYS_FILE is not set";
    return check;
  }
  // As the pods read it, with all their rules.
  const auto opened = ApiKeys::open(path, observability::Logger());
  const auto keys = list_api_keys(path);
  if (!opened || !keys) {
    const Error error = opened ? keys.error() : opened.error();
    check.health = Health::failed;
    check.detail = error.message();
    check.fix = error.code() == Errc::not_found
                    ? "`rwpctl keys create --tenant … --scopes …` makes it, with a first key"
                    : "mend that line or mode; pods that run go on with the keys they had";
    return check;
  }
  const auto in_use = static_cast<std::size_t>(std::count_if(
      keys->begin(), keys->end(), [](const ListedKey& listed) { return !listed.revoked; }));
  check.detail = std::to_string(in_use) + " keys in use";
  if (in_use == 0) {
    check.health = Health::warning;
    check.fix = "nobody can use the pods: `rwpctl keys create --tenant … --scopes …` makes a key";
  }
  return check;
}

}  // namespace rwp::pods::ctl
