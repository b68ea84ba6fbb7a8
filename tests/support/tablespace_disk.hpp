#pragma once

#include "support/postgres_server.hpp"
#include "support/temporary_directory.hpp"

#include <sched.h>
#include <string>
#include <sys/mount.h>
#include <unistd.h>

namespace rwp::tests {

/// A file system of 24 MiB that only this thread and what it starts can see.
class TemporaryTablespaceDisk {
 public:
  TemporaryTablespaceDisk() {
    if (geteuid() != 0 || unshare(CLONE_NEWNS) != 0) return;
    if (mount(nullptr, "/", nullptr, MS_REC | MS_PRIVATE, nullptr) != 0) return;
    mounted_ = mount("tmpfs", folder_.path().c_str(), "tmpfs", 0, "size=24m") == 0;
    if (mounted_) give_to_server_user(folder_.path());
  }
  ~TemporaryTablespaceDisk() {
    if (mounted_) umount2(folder_.path().c_str(), MNT_DETACH);
  }
  TemporaryTablespaceDisk(const TemporaryTablespaceDisk&) = delete;
  TemporaryTablespaceDisk& operator=(const TemporaryTablespaceDisk&) = delete;
  bool is_mounted() const { return mounted_; }
  std::string path() const { return folder_.path().string(); }
  void grow() const { mount("tmpfs", folder_.path().c_str(), "tmpfs", MS_REMOUNT, "size=128m"); }

 private:
  TemporaryDirectory folder_;
  bool mounted_ = false;
};

}  // namespace rwp::tests
