#include "support/run.hpp"
#include <rwp/core/child_process.hpp>
#include <rwp/core/runtime.hpp>

#include <boost/asio/this_coro.hpp>
#include <gtest/gtest.h>

#include <chrono>
#include <csignal>
#include <cstdlib>
#include <fcntl.h>
#include <filesystem>
#include <fstream>
#include <string>
#include <thread>
#include <unistd.h>
#include <vector>

namespace rwp {
namespace {

using namespace std::chrono_literals;

class ChildProcessTest : public ::testing::Test {
 protected:
  static ChildCommand unruly(std::vector<std::string> arguments) {
    ChildCommand command;
    command.program = RWP_UNRULY_CHILD;
    command.arguments = std::move(arguments);
    return command;
  }

  Result<ChildRun> run_to_end(ChildCommand command, ChildRunOptions options = ChildRunOptions()) {
    return tests::run(runtime_, run_child(std::move(command), std::move(options)));
  }

  /// A zombie that nobody has waited for yet does not.
  static bool lives(pid_t process) {
    std::ifstream file("/proc/" + std::to_string(process) + "/stat");
    std::string word;
    char state = 'X';
    file >> word >> word >> state;
    return state != 'X' && state != 'Z';
  }

  static bool is_gone_soon(pid_t process) {
    const auto deadline = std::chrono::steady_clock::now() + tests::kGuard;
    while (lives(process)) {
      if (std::chrono::steady_clock::now() > deadline) return false;
      std::this_thread::sleep_for(2ms);
    }
    return true;
  }

  Runtime runtime_;
};

TEST_F(ChildProcessTest, WhatGoesInComesOutWhateverItsSize) {
  ChildRunOptions options;
  options.input = std::string(3 << 20, 'b');
  options.max_output_bytes = 4 << 20;

  const auto ran = run_to_end(unruly({"echo"}), options);

  ASSERT_TRUE(ran.has_value());
  EXPECT_EQ(ran->end.fate, ChildFate::exited);
  EXPECT_EQ(ran->end.exit_code, 0);
  EXPECT_EQ(ran->output, options.input);
}

TEST_F(ChildProcessTest, ExitCodeIsTold) {
  EXPECT_EQ(run_to_end(unruly({"exit", "7"})).value().end.exit_code, 7);
}

TEST_F(ChildProcessTest, CrashIsTold) {
  const auto end = run_to_end(unruly({"crash"})).value().end;

  EXPECT_EQ(end.fate, ChildFate::signalled);
  EXPECT_EQ(end.signal, SIGSEGV);
}

TEST_F(ChildProcessTest, ProgramThatIsNotThereIsAnError) {
  ChildCommand absent;
  absent.program = "/nowhere/program";
  ChildCommand folder;
  folder.program = "/tmp";

  EXPECT_EQ(run_to_end(absent).error().code(), Errc::not_found);
  EXPECT_EQ(run_to_end(folder).error().code(), Errc::permission_denied);
}

TEST_F(ChildProcessTest, HangEndsAtTheWallTime) {
  ChildRunOptions options;
  options.max_wall_time = 50ms;

  const auto ran = run_to_end(unruly({"hang"}), options).value();

  EXPECT_TRUE(ran.took_too_long);
  EXPECT_EQ(ran.end.fate, ChildFate::killed);
}

TEST_F(ChildProcessTest, EndlessLoopEndsAtTheProcessorTimeThoughItIgnoresTheSignal) {
  auto command = unruly({"spin"});
  command.limits.max_cpu_time = 1s;

  EXPECT_EQ(run_to_end(command).value().end.fate, ChildFate::out_of_cpu);
}

TEST_F(ChildProcessTest, MemoryBeyondTheLimitEndsTheChild) {
  auto command = unruly({"eat"});
  command.limits.max_memory_bytes = 256 << 20;

  const auto end = run_to_end(command).value().end;

  EXPECT_NE(end.fate, ChildFate::exited);
  EXPECT_LT(end.peak_memory_bytes, std::size_t{2} << 30);
}

TEST_F(ChildProcessTest, TooMuchOutputEndsTheChild) {
  ChildRunOptions options;
  options.max_output_bytes = 1 << 20;

  EXPECT_TRUE(run_to_end(unruly({"flood"}), options).value().wrote_too_much);
}

TEST_F(ChildProcessTest, ItsErrorsAreReadAndTheLastOnesKept) {
  const auto ran = run_to_end(unruly({"complain"})).value();

  EXPECT_EQ(ran.end.exit_code, 0);
  EXPECT_EQ(ran.errors.size(), 4'096U);
  EXPECT_TRUE(ran.errors.ends_with("last words"));
}

TEST_F(ChildProcessTest, OnlyTheGivenEnvironmentReachesIt) {
  // NOLINTNEXTLINE(concurrency-mt-unsafe): nothing else looks at the environment
  ASSERT_EQ(setenv("RWP_TEST_SECRET", "do not tell", 1), 0);
  auto command = unruly({"environment"});
  command.environment = {"LANG=C.UTF-8"};

  EXPECT_EQ(run_to_end(command).value().output, "LANG=C.UTF-8\n");
}

TEST_F(ChildProcessTest, NoDescriptorOfOursReachesIt) {
  const int leak = dup(STDERR_FILENO);  // Without FD_CLOEXEC.
  ASSERT_GE(leak, 0);

  const auto ran = run_to_end(unruly({"descriptors"}));
  close(leak);

  EXPECT_EQ(ran.value().output, "0 1 2 ");
}

TEST_F(ChildProcessTest, NoFileCanBeWrittenWithoutALimitForIt) {
#if defined(__SANITIZE_THREAD__)
  GTEST_SKIP() << "ThreadSanitizer has to write one";
#endif
  const auto folder = std::filesystem::temp_directory_path();
  const auto path = folder / ("rwp-child-" + std::to_string(getpid()));

  EXPECT_EQ(run_to_end(unruly({"write", path})).value().output, "refused");

  auto allowed = unruly({"write", path});
  allowed.limits.max_file_bytes = 1'024;
  EXPECT_EQ(run_to_end(allowed).value().output, "written");
  std::filesystem::remove(path);
}

TEST_F(ChildProcessTest, WhatTheChildLeavesBehindIsKilledWithIt) {
  const auto ran = run_to_end(unruly({"grandchild"})).value();

  EXPECT_TRUE(is_gone_soon(std::stoi(ran.output)));
}

TEST_F(ChildProcessTest, EndIsNotPutOffByAProcessThatEscapedWithItsPipes) {
  const auto ran = run_to_end(unruly({"escape"})).value();
  const pid_t escaped = std::stoi(ran.output);
  EXPECT_EQ(::kill(escaped, SIGKILL), 0);

  EXPECT_FALSE(ran.took_too_long);
  EXPECT_EQ(ran.end.fate, ChildFate::exited);
}

TEST_F(ChildProcessTest, OpenFileMayBeItsInput) {
  auto command = unruly({"echo"});
  command.input = open(RWP_UNRULY_CHILD, O_RDONLY | O_CLOEXEC);
  ASSERT_GE(command.input, 0);
  ChildRunOptions options;
  options.max_output_bytes = 1 << 30;

  const auto ran = run_to_end(command, options);
  close(command.input);

  EXPECT_EQ(ran.value().output.size(), std::filesystem::file_size(RWP_UNRULY_CHILD));
  EXPECT_TRUE(
      ran->output.starts_with("\x7F"
                              "ELF"));
}

boost::asio::awaitable<Result<int>> start_and_forget(std::string program) {
  ChildCommand command;
  command.program = std::move(program);
  command.arguments = {"hang"};
  auto executor = co_await boost::asio::this_coro::executor;
  auto child = ChildProcess::start(executor, std::move(command));
  if (!child) co_return child.error();
  co_return (*child)->process_id();
}

TEST_F(ChildProcessTest, ChildGoesWithItsObject) {
  const int process = tests::run(runtime_, start_and_forget(RWP_UNRULY_CHILD)).value();

  EXPECT_TRUE(is_gone_soon(process));
}

boost::asio::awaitable<Result<ChildRun>> hang_until(SteadyTime deadline) {
  ChildCommand command;
  command.program = RWP_UNRULY_CHILD;
  command.arguments = {"hang"};
  ChildRunOptions options;
  options.max_wall_time = 1h;
  auto running = run_child(std::move(command), std::move(options));
  co_return co_await with_deadline(std::move(running), deadline);
}

TEST_F(ChildProcessTest, CancelledRunEndsAtOnce) {
  const auto begin = std::chrono::steady_clock::now();

  const auto ran = tests::run(runtime_, hang_until(begin + 50ms));

  EXPECT_EQ(ran.error().code(), Errc::deadline_exceeded);
}

TEST_F(ChildProcessTest, RuntimeThatEndsTakesItsChildrenAlong) {
  int process = 0;
  {
    Runtime runtime;
    process = block_on(runtime, start_and_forget(RWP_UNRULY_CHILD)).value();
  }

  EXPECT_FALSE(lives(process));
}

}  // namespace
}  // namespace rwp
