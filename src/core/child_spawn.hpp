#pragma once

#include "core/posix_file.hpp"
#include <rwp/core/child_process.hpp>
#include <rwp/core/error.hpp>

#include <sys/types.h>

namespace rwp {

/// This side's ends of a child that has been started.
struct SpawnedChild {
  pid_t process = -1;
  posix::FileDescriptor pidfd{};
  /// A socket, so that writing to a child that is gone raises no SIGPIPE.
  posix::FileDescriptor input{};
  posix::FileDescriptor output{};
  posix::FileDescriptor errors{};
};

/// Whether this build's children need more address space than any limit allows.
constexpr bool address_space_is_unlimited() {
#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
  return true;
#else
  return false;
#endif
}

Result<SpawnedChild> spawn_child(const ChildCommand& command);

}  // namespace rwp
