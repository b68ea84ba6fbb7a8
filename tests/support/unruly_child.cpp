// A child process that does what its first argument, or its name, says; for tests of what starts
// children.
#include <array>
#include <chrono>
#include <csignal>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <fcntl.h>
#include <iostream>
#include <iterator>
#include <string>
#include <string_view>
#include <sys/resource.h>
#include <thread>
#include <unistd.h>
#include <vector>

// The doubles die on purpose: no reports, and no delay for them.
// NOLINTNEXTLINE(bugprone-reserved-identifier): the sanitizer's name for it
extern "C" const char* __asan_default_options() {
  return "handle_segv=0:handle_abort=0:detect_leaks=0:allocator_may_return_null=0";
}
// NOLINTNEXTLINE(bugprone-reserved-identifier): as above
extern "C" const char* __tsan_default_options() { return "handle_segv=0:handle_abort=0"; }

namespace {

[[noreturn]] void hang() {
  for (;;) pause();
}

[[noreturn]] void eat_memory() {
  std::vector<std::vector<char>> eaten;
  for (;;) {
    eaten.emplace_back(std::size_t{8} << 20, 'x');
    if (eaten.size() > 512) _exit(9);  // Nothing stopped it at 4 GiB.
  }
}

[[noreturn]] void spin() {
  for (;;) asm volatile("");  // NOLINT(hicpp-no-assembler): keeps the loop
}

void list_descriptors() {
  for (int number = 0; number < 1'024; ++number) {
    if (fcntl(number, F_GETFD) >= 0) std::cout << number << ' ';
  }
}

/// A process of its own in the same group, which would outlive this one.
void leave_grandchild() {
  const pid_t grandchild = fork();
  if (grandchild == 0) hang();
  std::cout << grandchild << std::flush;
}

/// Out of the group's reach, with the pipes of this process; for half a minute at most.
void leave_escaped_grandchild() {
  const pid_t grandchild = fork();
  if (grandchild == 0) {
    setsid();
    alarm(30);
    hang();
  }
  std::cout << grandchild << std::flush;
}

}  // namespace

int main(int argc, char** argv) {
  // A link of the name "unruly-WHAT" does for starters that give arguments of their own.
  constexpr std::string_view kPrefix = "unruly-";
  const std::string_view name = std::strrchr(argv[0], '/') + 1;
  const std::string_view what = name.starts_with(kPrefix) ? name.substr(kPrefix.size())
                                : argc > 1                ? argv[1]
                                                          : "";
  if (what == "echo") {
    std::cout << std::string(std::istreambuf_iterator<char>(std::cin), {});
  } else if (what == "exit") {
    return std::atoi(argv[2]);
  } else if (what == "crash") {
    raise(SIGSEGV);
  } else if (what == "hang") {
    hang();
  } else if (what == "eat") {
    eat_memory();
  } else if (what == "spin") {
    signal(SIGXCPU, SIG_IGN);
    spin();
  } else if (what == "flood") {
    const std::string block(65'536, 'f');
    while (write(STDOUT_FILENO, block.data(), block.size()) > 0) {
    }
  } else if (what == "complain") {
    const std::string block(65'536, 'c');
    for (int i = 0; i < 32; ++i) std::cerr << block;
    std::cerr << "last words";
  } else if (what == "environment") {
    for (char** entry = environ; *entry != nullptr; ++entry) std::cout << *entry << '\n';
  } else if (what == "descriptors") {
    list_descriptors();
  } else if (what == "grandchild") {
    leave_grandchild();
  } else if (what == "escape") {
    leave_escaped_grandchild();
  } else if (what == "write") {
    signal(SIGXFSZ, SIG_IGN);
    const int file = open(argv[2], O_WRONLY | O_CREAT, 0600);
    std::cout << (write(file, "some", 4) == 4 ? "written" : "refused");
  } else {
    return 64;
  }
  return 0;
}
