#pragma once

#include "support/forked_process.hpp"

#include <filesystem>
#include <functional>
#include <sched.h>
#include <sys/mount.h>
#include <sys/resource.h>

namespace rwp::tests {

/// What a child answers that could not do its test here.
constexpr int kSkipped = 77;

/// Runs `work` in a child process that sees a file system of 256 KiB at `directory`; kSkipped where
/// that is not allowed. `work` answers 0 for success.
inline int run_on_small_disk(const std::filesystem::path& directory,
                             const std::function<int()>& work) {
  ForkedProcess child([&](int) {
    if (::unshare(CLONE_NEWNS) != 0 && ::unshare(CLONE_NEWUSER | CLONE_NEWNS) != 0) return kSkipped;
    // Nothing of it shows outside this child.
    if (::mount(nullptr, "/", nullptr, MS_REC | MS_PRIVATE, nullptr) != 0) return kSkipped;
    if (::mount("tmpfs", directory.c_str(), "tmpfs", 0, "size=256k") != 0) return kSkipped;
    return work();
  });
  return child.wait();
}

/// Runs `work` in a child process that may not write files above `bytes`, whoever it is.
inline int run_with_file_size_limit(std::size_t bytes, const std::function<int()>& work) {
  ForkedProcess child([&](int) {
    ::signal(SIGXFSZ, SIG_IGN);
    struct ::rlimit limit {};
    limit.rlim_cur = limit.rlim_max = bytes;
    if (::setrlimit(RLIMIT_FSIZE, &limit) != 0) return kSkipped;
    return work();
  });
  return child.wait();
}

}  // namespace rwp::tests
