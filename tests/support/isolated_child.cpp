// The child of the tests of isolated handlers.
#include <rwp/jobs/isolated_main.hpp>

#include <chrono>
#include <csignal>
#include <iostream>
#include <string>
#include <thread>
#include <unistd.h>
#include <vector>

// NOLINTNEXTLINE(bugprone-reserved-identifier): the sanitizer's name for it
extern "C" const char* __asan_default_options() { return "handle_segv=0:handle_abort=0"; }
// NOLINTNEXTLINE(bugprone-reserved-identifier): as above
extern "C" const char* __tsan_default_options() { return "handle_segv=0:handle_abort=0"; }

namespace {

using namespace rwp;        // NOLINT(google-build-using-namespace): a program's main source
using namespace rwp::jobs;  // NOLINT(google-build-using-namespace): as above
using namespace std::chrono_literals;

JsonText number(std::int64_t value) { return JsonText::trusted(std::to_string(value)); }

Result<JsonText> echo(JobContext& context) {
  std::cout << "printed by a handler, and no part of the protocol\n" << std::flush;
  return context.job().payload;
}

Result<JsonText> crash(JobContext&) {
  raise(SIGSEGV);
  return JsonText();
}

Result<JsonText> hang(JobContext& context) {
  context.progress(0.5, std::to_string(getpid()));
  for (;;) pause();
}

Result<JsonText> spin(JobContext&) {
  for (;;) asm volatile("");  // NOLINT(hicpp-no-assembler): keeps the loop
}

Result<JsonText> spin_on(JobContext& context) {
  signal(SIGXCPU, SIG_IGN);
  return spin(context);
}

Result<JsonText> escape(JobContext&) {
  const pid_t escaped = fork();
  if (escaped > 0) _exit(3);
  setsid();
  alarm(30);
  for (;;) pause();
}

Result<JsonText> eat(JobContext&) {
  std::vector<std::vector<char>> eaten;
  while (eaten.size() < 512) eaten.emplace_back(std::size_t{8} << 20, 'x');
  return JsonText();
}

Result<JsonText> speak(JobContext& context) {
  context.progress(0.25, "a quarter");
  context.save_cursor(JsonText::trusted("{\"at\":7}"));
  NewJob job;
  job.kind = "isolated.child";
  job.payload = number(context.attempt_number());
  context.submit(std::move(job));
  context.log().info("the child speaks");
  return context.deadline() == std::chrono::steady_clock::time_point::max() ? number(0) : number(1);
}

Result<JsonText> fail(JobContext&) {
  return Error(Errc::not_found, "no such picture").with_retryable(false);
}

Result<JsonText> hear(JobContext& context) {
  context.progress(0.5, std::to_string(getpid()));
  while (!context.stop_requested()) std::this_thread::sleep_for(1ms);
  if (context.stop_reason() == StopReason::drain) return context.hand_back();
  return Error(Errc::cancelled, "stopped");
}

Result<JsonText> leave(JobContext&) {
  // Ends well, but between jobs.
  std::thread([] {
    std::this_thread::sleep_for(20ms);
    _exit(0);
  }).detach();
  return number(getpid());
}

}  // namespace

int main() {
  return isolated_main({{"isolated.echo", &echo},
                        {"isolated.pid", [](JobContext&) { return number(getpid()); }},
                        {"isolated.crash", &crash},
                        {"isolated.hang", &hang},
                        {"isolated.spin", &spin},
                        {"isolated.spin_on", &spin_on},
                        {"isolated.escape", &escape},
                        {"isolated.eat", &eat},
                        {"isolated.speak", &speak},
                        {"isolated.fail", &fail},
                        {"isolated.hear", &hear},
                        {"isolated.leave", &leave}});
}
