#pragma once

namespace rwp::documents::reader {

/// From here on this process can compute, allocate, read and write what it has open, and end:
/// nothing else. Every other system call fails with EPERM; opening files, sockets and processes are
/// among these. False: the kernel has no such filter.
bool enter_sandbox() noexcept;

}  // namespace rwp::documents::reader
