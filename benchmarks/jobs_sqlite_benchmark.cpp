// `sqlite:` beside the least that SQLite itself needs for the same (baseline/sqlite_loop.h), both
// measured in turn in the same run, synchronous=FULL, payloads of 200 bytes.

#include "baseline/sqlite_loop.h"
#include "report.hpp"
#include <rwp/core/async.hpp>
#include <rwp/jobs/worker.hpp>
#include <rwp/jobs_sqlite/sqlite_job_store.hpp>

#include <algorithm>
#include <atomic>
#include <cstdio>
#include <cstdlib>
#include <exception>
#include <filesystem>
#include <functional>
#include <future>
#include <memory>
#include <string>
#include <thread>
#include <utility>
#include <vector>

namespace {

using namespace rwp;              // NOLINT(google-build-using-namespace): a program of its own.
using namespace rwp::benchmarks;  // NOLINT(google-build-using-namespace)
using Steady = std::chrono::steady_clock;

constexpr int kRounds = 3;
constexpr unsigned kSingles = 8'000;
constexpr unsigned kSingleCallers = 16;
constexpr unsigned kBatched = 100'000;
constexpr unsigned kBatch = 1'000;
constexpr unsigned kBatchCallers = 2;
constexpr unsigned kDrained = 100'000;
constexpr unsigned kLatencyRounds = 500;

struct NoOp {
  std::string text{};
  static constexpr std::string_view job_kind = "benchmark.no_op";
  static constexpr auto describe() { return std::tuple{field("text", &NoOp::text)}; }
};

/// With its key and quotes, 200 bytes of payload.
const NoOp kArguments{.text = std::string(189, 'a')};
/// With its quotes, 20 bytes of result.
const JsonText kResult = JsonText::trusted("\"" + std::string(18, 'r') + "\"");

[[noreturn]] void give_up(const std::string& why) {
  std::fprintf(stderr, "jobs_sqlite_benchmark: %s\n", why.c_str());
  std::exit(1);
}

template <class T>
T must(Result<T> result) {
  if (!result) give_up(result.error().to_string());
  return std::move(*result);
}

/// A fresh place for one measurement's file, removed with it.
class Place {
 public:
  Place(const Options& options, const std::string& name)
      : directory_(std::filesystem::path(options.directory) / ("rwp-benchmark-" + name)) {
    std::filesystem::remove_all(directory_);
    std::filesystem::create_directories(directory_);
  }
  ~Place() { std::filesystem::remove_all(directory_); }
  Place(const Place&) = delete;
  Place& operator=(const Place&) = delete;
  std::string file() const { return (directory_ / "jobs.db").string(); }

 private:
  std::filesystem::path directory_;
};

struct Loop {
  explicit Loop(const std::string& path) {
    if (sqlite_loop_open(path.c_str(), &loop) != 0) fail();
  }
  ~Loop() { sqlite_loop_close(loop); }
  Loop(const Loop&) = delete;
  Loop& operator=(const Loop&) = delete;
  void check(int result_code) const {
    if (result_code != 0) fail();
  }
  [[noreturn]] void fail() const { give_up(sqlite_loop_message(loop)); }
  sqlite_loop* loop = nullptr;
};

std::shared_ptr<jobs::JobStore> open_store(Runtime& runtime, const Place& place) {
  jobs_sqlite::SqliteOptions options;
  options.path = place.file();
  return must(jobs_sqlite::open_sqlite_job_store(runtime, std::move(options)));
}

/// One caller: `count` jobs, `batch` a call.
jobs::Awaitable<void> submit(std::shared_ptr<jobs::JobStore> store, unsigned count,
                             unsigned batch) {
  for (unsigned sent = 0; sent < count; sent += batch) {
    std::vector<jobs::NewJob> jobs;
    jobs.reserve(batch);
    for (unsigned i = 0; i < batch; ++i) jobs.push_back(jobs::to_new_job(kArguments));
    auto answers = co_await store->insert(std::move(jobs));
    if (!answers) give_up(answers.error().to_string());
    for (const auto& answer : *answers) {
      if (!answer) give_up(answer.error().to_string());
    }
  }
}

/// Several callers at once; returns when all have ended.
void submit_from(Runtime& runtime, const std::shared_ptr<jobs::JobStore>& store, unsigned callers,
                 unsigned count, unsigned batch) {
  std::atomic<unsigned> left = callers;
  std::promise<void> all_ended;
  for (unsigned i = 0; i < callers; ++i) {
    spawn(runtime.executor(), submit(store, count / callers, batch),
          [&](std::exception_ptr thrown) {
            if (thrown) give_up("a submit threw");
            if (--left == 0) all_ended.set_value();
          });
  }
  all_ended.get_future().wait();
}

/// The median round by ratio, ours against the loop's.
struct Measured {
  double ours = 0;
  double loop = 0;
  Cost cost{};
};

Measured median(std::vector<Measured> rounds) {
  std::sort(rounds.begin(), rounds.end(), [](const Measured& left, const Measured& right) {
    return left.ours / left.loop < right.ours / right.loop;
  });
  return rounds[rounds.size() / 2];
}

void report(const std::string& name, const std::string& unit, const Measured& measured, double goal,
            std::uint64_t jobs, bool lower_is_better = false) {
  Row row;
  row.name = name;
  row.value = measured.ours;
  row.unit = unit;
  row.baseline = measured.loop;
  row.goal = goal;
  row.lower_is_better = lower_is_better;
  add_cost_per_job(row, measured.cost, jobs);
  print(row);
}

Measured measure_submit(const Options& options, unsigned count, unsigned callers, unsigned batch) {
  std::vector<Measured> rounds;
  for (int round = 0; round < kRounds; ++round) {
    Measured measured;
    {
      const Place place(options, "loop");
      const Loop loop(place.file());
      sqlite_loop_cost cost{};
      loop.check(sqlite_loop_submit(loop.loop, count, batch, &cost));
      measured.loop = count / cost.wall_seconds;
    }
    const Place place(options, "store");
    Runtime runtime;
    const auto store = open_store(runtime, place);
    const Meter meter;
    submit_from(runtime, store, callers, count, batch);
    measured.cost = meter.cost();
    measured.ours = count / measured.cost.wall_seconds;
    rounds.push_back(measured);
  }
  return median(std::move(rounds));
}

jobs::Awaitable<Result<JsonText>> no_op(jobs::JobContext& /*context*/) { co_return kResult; }

void wait_until_drained(Runtime& runtime, jobs::JobStore& store, std::int64_t jobs) {
  for (;;) {
    const auto counts = must(block_on(runtime, store.counts()));
    std::int64_t ended = 0;
    for (const auto& queue : counts) {
      ended += queue.states[static_cast<std::size_t>(jobs::JobState::succeeded)];
    }
    if (ended == jobs) return;
    std::this_thread::sleep_for(std::chrono::milliseconds(2));
  }
}

Measured measure_drain(const Options& options) {
  std::vector<Measured> rounds;
  for (int round = 0; round < kRounds; ++round) {
    Measured measured;
    {
      const Place place(options, "loop");
      const Loop loop(place.file());
      sqlite_loop_cost cost{};
      loop.check(sqlite_loop_submit(loop.loop, kDrained, kBatch, &cost));
      loop.check(sqlite_loop_drain(loop.loop, kSqliteLoopDrainBatch, &cost));
      measured.loop = kDrained / cost.wall_seconds;
    }
    const Place place(options, "store");
    Runtime runtime;
    const auto store = open_store(runtime, place);
    submit_from(runtime, store, 1, kDrained, kBatch);
    Runtime handlers;
    jobs::Worker worker(store, handlers);
    worker.handle(std::string(NoOp::job_kind), &no_op);
    const Meter meter;
    worker.start();
    wait_until_drained(runtime, *store, kDrained);
    measured.cost = meter.cost();
    measured.ours = kDrained / measured.cost.wall_seconds;
    worker.stop();
    (void)worker.wait_stopped();
    rounds.push_back(measured);
  }
  return median(std::move(rounds));
}

/// One idle worker; the time from before the submit to the handler's first line.
Measured measure_latency(const Options& options, double* p99, double* loop_p99) {
  std::vector<Measured> rounds;
  for (int round = 0; round < kRounds; ++round) {
    Measured measured;
    std::vector<double> loop_times(kLatencyRounds);
    {
      const Place place(options, "loop");
      const Loop loop(place.file());
      sqlite_loop_cost cost{};
      loop.check(sqlite_loop_latency(loop.loop, kLatencyRounds, loop_times.data(), &cost));
    }
    const Place place(options, "store");
    Runtime runtime;
    const auto store = open_store(runtime, place);
    Runtime handlers;
    jobs::Worker worker(store, handlers);
    std::atomic<Steady::time_point> started{Steady::time_point()};
    worker.handle(std::string(NoOp::job_kind), [&started](jobs::JobContext& context) {
      started = Steady::now();
      started.notify_one();
      return no_op(context);
    });
    worker.start();
    std::vector<double> times;
    const Meter meter;
    for (unsigned i = 0; i < kLatencyRounds; ++i) {
      started = Steady::time_point();
      const auto before = Steady::now();
      submit_from(runtime, store, 1, 1, 1);
      started.wait(Steady::time_point());
      times.push_back(std::chrono::duration<double, std::micro>(started.load() - before).count());
      wait_until_drained(runtime, *store, i + 1);
    }
    measured.cost = meter.cost();
    worker.stop();
    (void)worker.wait_stopped();
    measured.ours = percentile(times, 0.5);
    measured.loop = percentile(loop_times, 0.5);
    *p99 = percentile(times, 0.99);
    *loop_p99 = percentile(loop_times, 0.99);
    rounds.push_back(measured);
  }
  return median(std::move(rounds));
}

}  // namespace

int main(int argc, char** argv) {
  const Options options = parse_options(argc, argv);
  if (options.wants("jobs_sqlite/submit_single_16_callers")) {
    report("jobs_sqlite/submit_single_16_callers", "jobs/s",
           measure_submit(options, kSingles, kSingleCallers, 1), 6.0, kSingles);
  }
  if (options.wants("jobs_sqlite/submit_batch_1000")) {
    report("jobs_sqlite/submit_batch_1000", "jobs/s",
           measure_submit(options, kBatched, kBatchCallers, kBatch), 0.5, kBatched);
  }
  if (options.wants("jobs_sqlite/drain_100000")) {
    report("jobs_sqlite/drain_100000", "jobs/s", measure_drain(options), 0.4, kDrained);
  }
  if (options.wants("jobs_sqlite/submit_to_start_p50")) {
    double p99 = 0;
    double loop_p99 = 0;
    const Measured measured = measure_latency(options, &p99, &loop_p99);
    report("jobs_sqlite/submit_to_start_p50", "us", measured, 1 / 1.3, kLatencyRounds, true);
    Row row;
    row.name = "jobs_sqlite/submit_to_start_p99";
    row.value = p99;
    row.unit = "us";
    row.baseline = loop_p99;
    row.lower_is_better = true;
    print(row);
  }
  return 0;
}
