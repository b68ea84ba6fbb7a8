#include "server_process.hpp"

#include <arpa/inet.h>
#include <array>
#include <chrono>
#include <csignal>
#include <cstdio>
#include <cstdlib>
#include <fcntl.h>
#include <filesystem>
#include <netinet/in.h>
#include <sched.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <thread>
#include <unistd.h>

namespace rwp::benchmarks {
namespace {

using namespace std::chrono_literals;

[[noreturn]] void give_up(const std::string& why) {
  std::fprintf(stderr, "benchmark: %s\n", why.c_str());
  std::exit(1);
}

sockaddr_in loopback(std::uint16_t port) {
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_port = htons(port);
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  return address;
}

bool listens(std::uint16_t port) {
  const int socket = ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  sockaddr_in address = loopback(port);
  const bool answered =
      ::connect(socket, reinterpret_cast<sockaddr*>(&address), sizeof(address)) == 0;
  ::close(socket);
  return answered;
}

}  // namespace

void pin_to_core(unsigned core) {
  cpu_set_t cores;
  CPU_ZERO(&cores);
  CPU_SET(core, &cores);
  if (::sched_setaffinity(0, sizeof(cores), &cores) != 0) give_up("cannot pin to a core");
}

std::string program_directory() {
  return std::filesystem::read_symlink("/proc/self/exe").parent_path();
}

std::uint16_t free_port() {
  const int socket = ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  sockaddr_in address = loopback(0);
  socklen_t size = sizeof(address);
  ::bind(socket, reinterpret_cast<sockaddr*>(&address), size);
  ::getsockname(socket, reinterpret_cast<sockaddr*>(&address), &size);
  ::close(socket);
  return ntohs(address.sin_port);
}

std::string run_on_core_0(const std::string& command) {
  std::FILE* output = ::popen(("taskset -c 0 " + command).c_str(), "r");
  if (output == nullptr) give_up("cannot run " + command);
  std::string text;
  std::array<char, 4096> piece{};
  while (std::fgets(piece.data(), static_cast<int>(piece.size()), output) != nullptr) {
    text += piece.data();
  }
  if (::pclose(output) != 0) give_up("failed: " + command);
  return text;
}

ServerProcess::ServerProcess(std::vector<std::string> command, std::uint16_t port) : port_(port) {
  std::array<int, 2> input{};
  std::array<int, 2> output{};
  if (::pipe2(input.data(), O_CLOEXEC) != 0 || ::pipe2(output.data(), O_CLOEXEC) != 0) {
    give_up("cannot make a pipe");
  }
  std::vector<char*> arguments;
  arguments.reserve(command.size() + 1);
  for (std::string& argument : command) arguments.push_back(argument.data());
  arguments.push_back(nullptr);
  process_ = ::fork();
  if (process_ == 0) {
    ::dup2(input[0], STDIN_FILENO);
    ::dup2(output[1], port == 0 ? STDOUT_FILENO : STDERR_FILENO);
    if (port != 0) ::dup2(STDERR_FILENO, STDOUT_FILENO);
    pin_to_core(0);
    ::execvp(arguments[0], arguments.data());
    ::_exit(127);
  }
  ::close(input[0]);
  ::close(output[1]);
  input_ = input[1];
  if (port == 0) {
    std::FILE* lines = ::fdopen(output[0], "r");
    unsigned chosen = 0;
    if (std::fscanf(lines, "%u", &chosen) != 1) give_up(command[0] + " does not name its port");
    std::fclose(lines);
    port_ = static_cast<std::uint16_t>(chosen);
    return;
  }
  // What it says is its own business; the pipe is read so that it never fills.
  std::thread([from = output[0]] {
    std::array<char, 4096> ignored{};
    while (::read(from, ignored.data(), ignored.size()) > 0) {
    }
    ::close(from);
  }).detach();
  const auto deadline = std::chrono::steady_clock::now() + 20s;
  while (!listens(port_)) {
    int status = 0;
    if (::waitpid(process_, &status, WNOHANG) != 0) give_up(command[0] + " ended");
    if (std::chrono::steady_clock::now() > deadline) give_up(command[0] + " does not listen");
    std::this_thread::sleep_for(5ms);
  }
}

void ServerProcess::kill() {
  ::kill(process_, SIGKILL);
  int status = 0;
  ::waitpid(process_, &status, 0);
  process_ = -1;
}

double ServerProcess::cpu_seconds() const {
  std::FILE* file = std::fopen(("/proc/" + std::to_string(process_) + "/stat").c_str(), "r");
  if (file == nullptr) return 0;
  unsigned long user = 0;
  unsigned long system = 0;
  const int read = std::fscanf(
      file, "%*d (%*[^)]) %*c %*d %*d %*d %*d %*d %*u %*u %*u %*u %*u %lu %lu", &user, &system);
  std::fclose(file);
  if (read != 2) return 0;
  return static_cast<double>(user + system) / static_cast<double>(::sysconf(_SC_CLK_TCK));
}

ServerProcess::~ServerProcess() {
  ::close(input_);
  if (process_ < 0) return;
  ::kill(process_, SIGTERM);
  int status = 0;
  ::waitpid(process_, &status, 0);
}

}  // namespace rwp::benchmarks
