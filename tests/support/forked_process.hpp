#pragma once

#include <functional>
#include <signal.h>
#include <stdexcept>
#include <sys/wait.h>
#include <unistd.h>

namespace rwp::tests {

/// Runs a function in a forked process. Fork while no other thread of the test is alive: make the
/// Runtime afterwards.
class ForkedProcess {
 public:
  /// `work` gets the write end of a pipe to the parent; what it returns is the exit status.
  explicit ForkedProcess(const std::function<int(int pipe)>& work) {
    int ends[2];
    if (::pipe(ends) != 0) throw std::runtime_error("pipe failed");
    process_ = ::fork();
    if (process_ < 0) throw std::runtime_error("fork failed");
    if (process_ == 0) {
      ::close(ends[0]);
      // No destructors and no exit handlers: they are the parent's.
      ::_exit(work(ends[1]));
    }
    ::close(ends[1]);
    pipe_ = ends[0];
  }
  ~ForkedProcess() {
    if (process_ > 0) kill();
    ::close(pipe_);
  }
  ForkedProcess(const ForkedProcess&) = delete;
  ForkedProcess& operator=(const ForkedProcess&) = delete;

  /// Reads one `T` that the child wrote; false at the end of the pipe.
  template <class T>
  bool read(T& value) {
    return ::read(pipe_, &value, sizeof value) == static_cast<::ssize_t>(sizeof value);
  }

  /// kill -9, and waits for the end.
  void kill() {
    ::kill(process_, SIGKILL);
    wait();
  }

  /// The exit status; -1 after a signal.
  int wait() {
    int status = 0;
    ::waitpid(process_, &status, 0);
    process_ = -1;
    return WIFEXITED(status) ? WEXITSTATUS(status) : -1;
  }

 private:
  ::pid_t process_ = -1;
  int pipe_ = -1;
};

}  // namespace rwp::tests
