#pragma once

#include <cstdint>
#include <string>
#include <sys/types.h>
#include <vector>

namespace rwp::benchmarks {

/// Lets the calling thread, and what it starts, run on this core only.
void pin_to_core(unsigned core);

/// The folder of the running program, where the others of this build are.
std::string program_directory();

/// A port that was free just now.
std::uint16_t free_port();

/// Runs a program on core 0 to its end; what it wrote to its standard output.
std::string run_on_core_0(const std::string& command);

/// A server in a process of its own, on core 0. Ended with the object.
class ServerProcess {
 public:
  /// Waits until it listens on `port`, or, for port 0, until it prints the port that it chose.
  ServerProcess(std::vector<std::string> command, std::uint16_t port);
  ~ServerProcess();
  ServerProcess(const ServerProcess&) = delete;
  ServerProcess& operator=(const ServerProcess&) = delete;

  std::uint16_t port() const noexcept { return port_; }
  /// SIGKILL, and waits for the end.
  void kill();
  /// User and system time that it has taken so far.
  double cpu_seconds() const;

 private:
  pid_t process_ = -1;
  int input_ = -1;
  std::uint16_t port_ = 0;
};

}  // namespace rwp::benchmarks
