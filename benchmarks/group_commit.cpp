// Jobs a second that 64 callers in one process submit to `sqlite:`, one a call: what POST /v1/jobs
// is held against. Prints the rate. Usage: group_commit_rate DIRECTORY SECONDS

#include <rwp/core/async.hpp>
#include <rwp/jobs_sqlite/sqlite_job_store.hpp>

#include <atomic>
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <exception>
#include <future>
#include <memory>
#include <string>
#include <utility>

namespace {

using namespace rwp;  // NOLINT(google-build-using-namespace): a program of its own.
using Steady = std::chrono::steady_clock;

constexpr unsigned kCallers = 64;

[[noreturn]] void give_up(const std::string& why) {
  std::fprintf(stderr, "group_commit_rate: %s\n", why.c_str());
  std::exit(1);
}

jobs::Awaitable<void> submit(std::shared_ptr<jobs::JobStore> store, Steady::time_point end,
                             std::atomic<std::uint64_t>* submitted) {
  while (Steady::now() < end) {
    std::vector<jobs::NewJob> jobs(1);
    jobs.front().kind = "benchmark.no_op";
    jobs.front().payload = JsonText::trusted(R"({"text":")" + std::string(189, 'a') + R"("})");
    auto answers = co_await store->insert(std::move(jobs));
    if (!answers) give_up(answers.error().to_string());
    if (!answers->front()) give_up(answers->front().error().to_string());
    ++*submitted;
  }
}

}  // namespace

int main(int argc, char** argv) {
  if (argc != 3) give_up("usage: group_commit_rate DIRECTORY SECONDS");
  Runtime runtime;
  jobs_sqlite::SqliteOptions options;
  options.path = std::string(argv[1]) + "/jobs.db";
  auto store = jobs_sqlite::open_sqlite_job_store(runtime, std::move(options));
  if (!store) give_up(store.error().to_string());
  const auto start = Steady::now();
  const auto end = start + std::chrono::seconds(std::atoi(argv[2]));
  std::atomic<std::uint64_t> submitted{0};
  std::atomic<unsigned> left{kCallers};
  std::promise<void> all_ended;
  for (unsigned i = 0; i < kCallers; ++i) {
    spawn(runtime.executor(), submit(*store, end, &submitted), [&](std::exception_ptr thrown) {
      if (thrown) give_up("a submit threw");
      if (--left == 0) all_ended.set_value();
    });
  }
  all_ended.get_future().wait();
  std::printf("%.1f\n", static_cast<double>(submitted.load()) /
                            std::chrono::duration<double>(Steady::now() - start).count());
  return 0;
}
