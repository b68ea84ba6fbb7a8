#pragma once

#include <boost/asio/any_io_executor.hpp>

#include <memory>
#include <string>

namespace rwp {

struct RuntimeOptions {
  /// Names the I/O thread in debuggers and `top -H`; at most 15 bytes are kept.
  std::string name = "rwp";
  /// Threads of the pool for blocking calls; started when first needed. 1 to 1,024.
  unsigned blocking_threads = 4;
};

/// One I/O thread on which coroutines and state live without locks, and a pool for blocking calls.
///
/// More I/O threads are more runtimes that share nothing.
/// Threads: executors may be used from any thread; destruction from any but the runtime's own.
/// Lifetime: what was made with a runtime goes first. Destruction stops the I/O thread, waits for
/// blocking calls that have begun, and drops what had not run yet.
class Runtime {
 public:
  explicit Runtime(RuntimeOptions options = RuntimeOptions());
  ~Runtime();
  Runtime(const Runtime&) = delete;
  Runtime& operator=(const Runtime&) = delete;

  /// Runs on the I/O thread.
  boost::asio::any_io_executor executor() const;

  /// Runs on the pool; for calls that block, through `on(runtime.blocking(), …)`.
  boost::asio::any_io_executor blocking() const;

  /// Whether the caller is on the I/O thread.
  bool on_io_thread() const noexcept;

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace rwp
