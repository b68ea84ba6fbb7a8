#pragma once

#include <rwp/core/error.hpp>

#include <boost/asio/any_io_executor.hpp>
#include <boost/asio/awaitable.hpp>

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

/// A program run beside this one, within limits. What it can and cannot do: docs/isolation.md.
namespace rwp {

struct ChildLimits {
  /// Address space of each of its processes; 0: no limit. In a build with AddressSanitizer or
  /// ThreadSanitizer, which reserve terabytes, its resident memory is watched instead.
  std::size_t max_memory_bytes = 0;
  /// Processor time of each of its processes; zero: no limit. A second later it cannot be delayed.
  std::chrono::seconds max_cpu_time{0};
  /// A file it writes grows no larger; 0: it writes to none. Pipes are no files.
  std::size_t max_file_bytes = 0;
  unsigned max_open_files = 64;
};

struct ChildCommand {
  /// Path of the program; it is not searched for.
  std::string program{};
  /// Without the program's own name.
  std::vector<std::string> arguments{};
  /// "NAME=value"; nothing else of this process's environment reaches the child.
  std::vector<std::string> environment{};
  std::string directory = "/";
  /// An open descriptor that becomes its standard input, such as a file's; it is only borrowed
  /// until the child has started. -1: its input is what send() writes.
  int input = -1;
  ChildLimits limits{};
};

enum class ChildFate : std::uint8_t {
  exited,         ///< By itself, with an exit code.
  signalled,      ///< Died of a signal: a crash.
  out_of_cpu,     ///< Its processor time was used up.
  out_of_memory,  ///< Killed, and not by us: what a kernel does that has run out of memory. Or by
                  ///< us, where its memory is watched.
  killed,         ///< By kill() or the end of its ChildProcess.
};

struct ChildEnd {
  ChildFate fate = ChildFate::exited;
  int exit_code = 0;
  int signal = 0;
  std::chrono::microseconds cpu_time{0};
  std::size_t peak_memory_bytes = 0;

  /// "exited with code 3", "died of signal 11 (SIGSEGV)", …
  std::string describe() const;
};

/// A running program with pipes to it.
///
/// It starts by vfork and exec, leads a process group of its own, holds no descriptor but its three
/// and can gain no privileges. The whole group is killed when this object goes, when the thread
/// that started it ends (so also with this process), and when its first process ends; a process
/// that has left the group (setsid) is not. Errors: of a call that was cancelled
/// `Errc::cancelled`; the child lives on then. Threads: confined to its
/// executor's I/O thread, on which it is also started and destroyed.
class ChildProcess {
 public:
  /// `Errc::not_found`, `Errc::permission_denied`: no such program, or none to be run.
  /// `Errc::unavailable`: no processes or descriptors are left.
  static Result<std::unique_ptr<ChildProcess>> start(boost::asio::any_io_executor executor,
                                                     ChildCommand command);
  ~ChildProcess();
  ChildProcess(const ChildProcess&) = delete;
  ChildProcess& operator=(const ChildProcess&) = delete;

  /// Has the bytes written to its standard input, after those of earlier calls, and returns. What a
  /// child does not take is dropped when it ends.
  void send(std::string bytes);
  /// Ends its input once what was sent is written.
  void close_input();

  /// The next bytes of its standard output, at most `limit`; empty at the end of it. That comes
  /// with the end of its first process, whoever else still holds the pipe.
  boost::asio::awaitable<Result<std::string>> read(std::size_t limit = 65'536);

  /// Waits until its first process has ended.
  boost::asio::awaitable<Result<ChildEnd>> wait();
  bool has_ended() const noexcept;

  /// Kills the group at once. wait() tells when it is gone.
  void kill() noexcept;

  /// Gives it so much more processor time from now on, as far as its limit goes.
  void allow_cpu_time(std::chrono::seconds more) noexcept;

  /// The last 4 KiB of its standard error so far: a stranger's words, not fit for a log as they
  /// are.
  const std::string& errors() const noexcept;

  /// What its first process has used of it; zero once it has ended.
  std::chrono::microseconds cpu_time() const noexcept;

  int process_id() const noexcept;

 private:
  struct State;
  explicit ChildProcess(std::shared_ptr<State> state) noexcept;
  std::shared_ptr<State> state_;
};

struct ChildRunOptions {
  /// Written to its standard input, which is then closed.
  std::string input{};
  /// A child that writes more is killed.
  std::size_t max_output_bytes = std::size_t{1} << 20;
  /// From its start to its end; then it is killed.
  std::chrono::milliseconds max_wall_time{60'000};
};

struct ChildRun {
  ChildEnd end{};
  std::string output{};
  /// As ChildProcess::errors().
  std::string errors{};
  bool wrote_too_much = false;
  bool took_too_long = false;
};

/// Runs a program to its end. A cancelled call kills it at once.
boost::asio::awaitable<Result<ChildRun>> run_child(ChildCommand command, ChildRunOptions options);

}  // namespace rwp
