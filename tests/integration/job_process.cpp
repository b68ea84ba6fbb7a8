// One of several processes on the same jobs (a file of SQLite, or a postgres: or tiered: URL): what
// it does is said by its arguments, what became of it by the lines it writes.
//
//   job_process FILE submit COUNT BATCH     each answered id; COUNT 0: without end
//   job_process FILE fill BYTES             as above, with files limited to BYTES, until refused
//   job_process FILE hold LEASE_MS          takes a job, then does with it what lines say
//   job_process FILE work                   takes and ends jobs until its input ends
//   job_process FILE clock                  the seconds since 1970, as it sees them
//
// With RWP_TEST_CLOCK_SHIFT in its environment its clock is wrong by so many seconds.

#include <rwp/core/async.hpp>
#include <rwp/core/runtime.hpp>
#include <rwp/core/scheme_registry.hpp>
#include <rwp/jobs/job_store.hpp>
#include <rwp/jobs_postgres/postgres_job_store.hpp>
#include <rwp/jobs_sqlite/sqlite_job_store.hpp>
#include <rwp/jobs_tiered/tiered_job_store.hpp>

#include <chrono>
#include <csignal>
#include <cstdlib>
#include <ctime>
#include <iostream>
#include <string>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <thread>
#include <unistd.h>

/// Stands before libc's, for the libraries, too.
extern "C" int clock_gettime(clockid_t clock, timespec* time) noexcept {
  const long failed = syscall(SYS_clock_gettime, clock, time);
  const char* const shift = clock == CLOCK_REALTIME ? std::getenv("RWP_TEST_CLOCK_SHIFT") : nullptr;
  if (failed == 0 && shift != nullptr) time->tv_sec += std::atol(shift);
  return failed == 0 ? 0 : -1;
}

namespace rwp {
namespace {

using namespace std::chrono_literals;

void say(const std::string& line) { std::cout << line << std::endl; }

template <class T>
Result<T> run(jobs::JobStore& store, boost::asio::awaitable<Result<T>> operation) {
  return block_on(store.runtime(), std::move(operation));
}

template <class T>
std::string outcome_of(const jobs::PerItem<T>& answers) {
  const Error error = answers ? answers->front().error() : answers.error();
  return std::string(to_string(error.code()));
}

/// Submits until `count` jobs are in, or one is refused.
int submit(jobs::JobStore& store, std::size_t count, std::size_t batch, std::size_t payload_bytes) {
  const JsonText payload = JsonText::trusted("\"" + std::string(payload_bytes, 'x') + "\"");
  for (std::size_t done = 0; count == 0 || done < count; done += batch) {
    std::vector<jobs::NewJob> some(batch, jobs::NewJob{.kind = "k", .payload = payload});
    const auto answers = run(store, store.insert(std::move(some)));
    if (!answers) {
      say("refused " + std::string(to_string(answers.error().code())));
      return 0;
    }
    for (const auto& answer : *answers) {
      if (answer) {
        say(answer->id.to_string());
      } else {
        say("refused " + std::string(to_string(answer.error().code())));
        return 0;
      }
    }
  }
  return 0;
}

int fill(jobs::JobStore& store, rlim_t bytes) {
  std::signal(SIGXFSZ, SIG_IGN);
  const rlimit limit{.rlim_cur = bytes, .rlim_max = bytes};
  if (setrlimit(RLIMIT_FSIZE, &limit) != 0) return 1;
  return submit(store, 0, 10, 2'000);
}

std::vector<jobs::ClaimedJob> claim(jobs::JobStore& store, std::size_t limit,
                                    std::chrono::milliseconds lease) {
  jobs::ClaimRequest request{.kinds = {{"k"}}, .limit = limit, .start = limit, .lease = lease};
  auto claimed = run(store, store.claim(std::move(request)));
  return claimed ? std::move(*claimed) : std::vector<jobs::ClaimedJob>();
}

int hold(jobs::JobStore& store, std::chrono::milliseconds lease) {
  const auto claimed = claim(store, 1, lease);
  if (claimed.empty()) return 1;
  const jobs::RunRef job_run = claimed.front().run;
  say("holding " + job_run.id.to_string());
  std::string line;
  while (std::getline(std::cin, line)) {
    if (line == "extend") say(outcome_of(run(store, store.extend({job_run}, lease))));
    if (line == "start") say(outcome_of(run(store, store.mark_started({job_run}))));
    if (line == "progress") {
      say(outcome_of(run(store, store.progress({{.run = job_run, .progress = 0.5}}))));
    }
    if (line == "finish") {
      jobs::Completion completion{
          .run = job_run, .outcome = jobs::Succeed{}, .children = {{.kind = "child"}}};
      say(outcome_of(run(store, store.finish({std::move(completion)}))));
    }
  }
  return 0;
}

[[noreturn]] void work(jobs::JobStore& store) {
  std::thread([] {
    std::string line;
    while (std::getline(std::cin, line)) {
    }
    std::quick_exit(0);
  }).detach();
  for (;;) {
    (void)run(store, store.rescue());
    const auto claimed = claim(store, 20, 5s);
    std::vector<jobs::Completion> completions;
    for (const jobs::ClaimedJob& job : claimed) {
      if (job.alone) (void)run(store, store.mark_started({job.run}));
      completions.push_back({.run = job.run, .outcome = jobs::Succeed{}});
    }
    const auto answers = run(store, store.finish(std::move(completions)));
    for (std::size_t i = 0; answers && i < answers->size(); ++i) {
      if ((*answers)[i]) say("done " + claimed[i].run.id.to_string());
    }
    if (!claimed.empty()) continue;
    jobs::ClaimRequest request{.kinds = {{"k"}}};
    (void)run(store,
              store.wait_for_work(std::move(request), std::chrono::steady_clock::now() + 500ms));
  }
}

Result<std::shared_ptr<jobs::JobStore>> open(Runtime& runtime, const std::string& place) {
  jobs_postgres::PostgresOptions options;
  options.patience = 30s;
  if (place.starts_with("tiered:")) {
    SchemeRegistry registry;
    jobs_postgres::register_postgres(registry, options);
    jobs_tiered::register_tiered(registry);
    return registry.open<jobs::JobStore>(place, runtime);
  }
  if (!place.starts_with("postgres:")) {
    return jobs_sqlite::open_sqlite_job_store(runtime, {.path = place});
  }
  const auto url = Url::parse(place);
  if (!url) return url.error();
  return jobs_postgres::open_postgres_job_store(runtime, *url, std::move(options));
}

int act(const std::string& file, const std::string& role, std::size_t first, std::size_t second) {
  Runtime runtime;
  const auto store = open(runtime, file);
  if (!store) {
    std::cerr << store.error().to_string() << '\n';
    return 1;
  }
  if (role == "submit") return submit(**store, first, second, 20);
  if (role == "fill") return fill(**store, first);
  if (role == "hold") return hold(**store, std::chrono::milliseconds(first));
  if (role == "work") work(**store);
  if (role == "clock") {
    say(std::to_string(std::chrono::system_clock::now().time_since_epoch() / 1s));
    return 0;
  }
  return 2;
}

}  // namespace
}  // namespace rwp

int main(int count, char** arguments) {
  if (count < 3) return 2;
  const auto number = [&](int at) {
    return at < count ? static_cast<std::size_t>(std::stoull(arguments[at])) : std::size_t{0};
  };
  return rwp::act(arguments[1], arguments[2], number(3), number(4));
}
