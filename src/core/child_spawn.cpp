#include "core/child_spawn.hpp"

#include <algorithm>
#include <array>
#include <cerrno>
#include <csignal>
#include <fcntl.h>
#include <string>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <system_error>
#include <unistd.h>
#include <utility>
#include <vector>

namespace rwp {
namespace {

using posix::FileDescriptor;

/// The child's 0, 1, 2 and the one that tells of a failed exec; ours must not be among them.
constexpr int kLast = 3;
constexpr int kFirstFree = 4;
constexpr int kExecFailed = 127;

struct Pair {
  FileDescriptor ours{};
  FileDescriptor childs{};
};

/// Both above the child's own numbers, so that dup2 there overwrites neither.
Result<Pair> make_pair(int (*make)(std::array<int, 2>&), bool ours_is_first) {
  std::array<int, 2> raw{-1, -1};
  if (make(raw) != 0) return posix::error_from_errno(errno, "a pipe to a child process");
  std::array<FileDescriptor, 2> ends{FileDescriptor(raw[0]), FileDescriptor(raw[1])};
  for (FileDescriptor& end : ends) {
    if (end.get() >= kFirstFree) continue;
    const int moved = fcntl(end.get(), F_DUPFD_CLOEXEC, kFirstFree);
    if (moved < 0) return posix::error_from_errno(errno, "a pipe to a child process");
    end = FileDescriptor(moved);
  }
  if (!ours_is_first) std::swap(ends[0], ends[1]);
  return Pair{.ours = std::move(ends[0]), .childs = std::move(ends[1])};
}

int make_pipe(std::array<int, 2>& ends) { return pipe2(ends.data(), O_CLOEXEC); }
int make_socket_pair(std::array<int, 2>& ends) {
  return socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends.data());
}

/// What the child needs, made before it is: between vfork and exec nothing may be allocated.
struct Plan {
  const char* program = nullptr;
  char* const* arguments = nullptr;
  char* const* environment = nullptr;
  const char* directory = nullptr;
  std::array<int, 4> descriptors{};  ///< Input, output, errors, failure.
  pid_t parent = -1;
  sigset_t signals{};
  std::array<std::pair<__rlimit_resource, rlimit>, 5> limits{};
  std::size_t limit_count = 0;
};

void add_limit(Plan& plan, __rlimit_resource resource, rlim_t soft, rlim_t hard) {
  plan.limits.at(plan.limit_count++) = {resource, rlimit{.rlim_cur = soft, .rlim_max = hard}};
}

void plan_limits(Plan& plan, const ChildLimits& limits) {
  add_limit(plan, RLIMIT_CORE, 0, 0);
  rlim_t file_bytes = limits.max_file_bytes;
#if defined(__SANITIZE_THREAD__)
  // ThreadSanitizer writes a file of 512 KiB before main() begins.
  file_bytes = std::max(file_bytes, rlim_t{1} << 20U);
#endif
  add_limit(plan, RLIMIT_FSIZE, file_bytes, file_bytes);
  // One more for what tells of a failed exec.
  const rlim_t files = std::max(limits.max_open_files, static_cast<unsigned>(kFirstFree));
  add_limit(plan, RLIMIT_NOFILE, files, files);
  if (limits.max_memory_bytes > 0 && !address_space_is_unlimited()) {
    add_limit(plan, RLIMIT_AS, limits.max_memory_bytes, limits.max_memory_bytes);
  }
  if (const auto seconds = limits.max_cpu_time.count(); seconds > 0) {
    // SIGXCPU, which can be handled, then SIGKILL, which cannot.
    add_limit(plan, RLIMIT_CPU, static_cast<rlim_t>(seconds), static_cast<rlim_t>(seconds) + 1);
  }
}

[[noreturn]] void fail(int descriptor, int code) {
  // The exit code tells as much should the write fail.
  if (write(descriptor, &code, sizeof code) < 0) _exit(kExecFailed);
  _exit(kExecFailed);
}

/// Rather this process than the worker when the machine runs out of memory.
void volunteer_for_out_of_memory() {
  const int score = open("/proc/self/oom_score_adj", O_WRONLY | O_CLOEXEC);
  if (score < 0) return;
  if (write(score, "1000", 4) < 0) errno = 0;
  close(score);
}

void reset_signals() {
  for (int number = 1; number < NSIG; ++number) {
    struct sigaction plain {};
    plain.sa_handler = SIG_DFL;
    sigaction(number, &plain, nullptr);  // Refused for those that cannot be handled.
  }
  sigset_t none;
  sigemptyset(&none);
  pthread_sigmask(SIG_SETMASK, &none, nullptr);
}

/// The child's own steps: system calls alone, on the parent's memory.
[[noreturn]] void become(const Plan& plan) {
  const int failure = plan.descriptors[3];
  setpgid(0, 0);
  // The signal comes when the thread that called vfork ends; the look is for one that has.
  prctl(PR_SET_PDEATHSIG, SIGKILL);
  if (getppid() != plan.parent) fail(failure, ESRCH);
  if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) != 0) fail(failure, errno);
  volunteer_for_out_of_memory();
  for (int i = 0; i < 3; ++i) {
    if (dup2(plan.descriptors[static_cast<std::size_t>(i)], i) < 0) fail(failure, errno);
  }
  if (dup3(failure, kLast, O_CLOEXEC) < 0) fail(failure, errno);
  if (close_range(kFirstFree, ~0U, 0) != 0) fail(kLast, errno);
  if (chdir(plan.directory) != 0) fail(kLast, errno);
  for (std::size_t i = 0; i < plan.limit_count; ++i) {
    if (setrlimit(plan.limits[i].first, &plan.limits[i].second) != 0) fail(kLast, errno);
  }
  reset_signals();
  execve(plan.program, plan.arguments, plan.environment);
  fail(kLast, errno);
}

/// glibc 2.36 declares its own without extern "C".
int open_pidfd(pid_t process) { return static_cast<int>(syscall(SYS_pidfd_open, process, 0)); }

std::vector<char*> pointers(std::vector<std::string>& words) {
  std::vector<char*> out;
  out.reserve(words.size() + 1);
  for (std::string& word : words) out.push_back(word.data());
  out.push_back(nullptr);
  return out;
}

Error start_error(int code, const std::string& program) {
  const std::string words = program + ": " + std::system_category().message(code);
  if (code == ENOENT || code == ENOTDIR) return Error(Errc::not_found, "no program " + words);
  if (code == EACCES || code == ENOEXEC || code == EPERM) {
    return Error(Errc::permission_denied, "cannot run " + words);
  }
  return Error(Errc::unavailable, "cannot start " + words);
}

}  // namespace

Result<SpawnedChild> spawn_child(const ChildCommand& command) {
  auto input = make_pair(&make_socket_pair, true);
  if (!input) return input.error();
  auto output = make_pair(&make_pipe, true);
  if (!output) return output.error();
  auto errors = make_pair(&make_pipe, true);
  if (!errors) return errors.error();
  auto failure = make_pair(&make_pipe, true);
  if (!failure) return failure.error();
  if (command.input >= 0) {
    input->childs = FileDescriptor(fcntl(command.input, F_DUPFD_CLOEXEC, kFirstFree));
    if (!input->childs) return posix::error_from_errno(errno, "a child's standard input");
  }

  std::vector<std::string> words = command.arguments;
  words.insert(words.begin(), command.program);
  const std::vector<char*> arguments = pointers(words);
  std::vector<std::string> entries = command.environment;
  const std::vector<char*> environment = pointers(entries);
  Plan plan;
  plan.program = command.program.c_str();
  plan.arguments = arguments.data();
  plan.environment = environment.data();
  plan.directory = command.directory.c_str();
  plan.descriptors = {input->childs.get(), output->childs.get(), errors->childs.get(),
                      failure->childs.get()};
  plan.parent = getpid();
  plan_limits(plan, command.limits);

  // No handler of ours may run in the child, on our memory.
  sigset_t all;
  sigfillset(&all);
  pthread_sigmask(SIG_SETMASK, &all, &plan.signals);
  const pid_t process = vfork();  // NOLINT(clang-analyzer-security.insecureAPI.vfork): see become()
  if (process == 0) become(plan);
  const int vfork_error = errno;
  pthread_sigmask(SIG_SETMASK, &plan.signals, nullptr);
  if (process < 0) return start_error(vfork_error, command.program);

  failure->childs.reset();
  int code = 0;
  ssize_t got = 0;
  do {
    got = read(failure->ours.get(), &code, sizeof code);
  } while (got < 0 && errno == EINTR);
  FileDescriptor pidfd(got == 0 ? open_pidfd(process) : -1);
  if (!pidfd) {
    if (got == 0) code = errno;
    ::kill(-process, SIGKILL);
    ::kill(process, SIGKILL);
    while (waitpid(process, nullptr, 0) < 0 && errno == EINTR) {
    }
    return start_error(code != 0 ? code : ECHILD, command.program);
  }
  return SpawnedChild{.process = process,
                      .pidfd = std::move(pidfd),
                      .input = std::move(input->ours),
                      .output = std::move(output->ours),
                      .errors = std::move(errors->ours)};
}

}  // namespace rwp
