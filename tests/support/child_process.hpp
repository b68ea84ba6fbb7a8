#pragma once

#include <chrono>
#include <optional>
#include <string>
#include <sys/types.h>
#include <vector>

namespace rwp::tests {

/// A program that a test starts, talks to by lines, and may stop or kill. Killed with the object.
class ChildProcess {
 public:
  explicit ChildProcess(const std::vector<std::string>& command);
  ~ChildProcess();
  ChildProcess(const ChildProcess&) = delete;
  ChildProcess& operator=(const ChildProcess&) = delete;

  /// The next whole line it writes; none at its end, or after `timeout`.
  std::optional<std::string> read_line(std::chrono::milliseconds timeout = kPatience);
  /// What it still writes, to its end.
  std::vector<std::string> read_rest();
  void write_line(const std::string& line);
  /// It reads the end of its input.
  void close_input();

  /// Whether it has not ended.
  bool is_running();
  void signal(int number) const;
  /// Sends SIGKILL and waits for its end.
  void kill();
  /// Waits for its end; its exit status, or minus the signal that ended it.
  int wait();

  static constexpr std::chrono::milliseconds kPatience{20'000};

 private:
  pid_t process_ = -1;
  int input_ = -1;
  int output_ = -1;
  int status_ = 0;
  std::string unread_;
};

}  // namespace rwp::tests
