#pragma once

#include <rwp/core/child_process.hpp>
#include <rwp/jobs/typed_handler.hpp>

#include <chrono>
#include <cstddef>

/// Jobs of a kind in child processes, for handlers that may crash, hang or eat memory.
namespace rwp::jobs {

struct IsolatedOptions {
  /// The program, which speaks the protocol of docs/isolation.md (in C++:
  /// rwp/jobs/isolated_main.hpp). `limits.max_cpu_time` is that of each job; memory and files are
  /// those of the child.
  ChildCommand command{};
  /// A healthy child is given so many jobs, one after another, before a fresh one takes its place;
  /// after any trouble none. 1 to 1,000,000.
  std::size_t max_jobs_per_child = 100;
  /// A run that takes longer is taken for hung; zero: only the job's own timeout counts.
  std::chrono::milliseconds max_wall_time{std::chrono::minutes(10)};
  /// From the word to stop to the child's end. When the lease is lost there is none.
  std::chrono::milliseconds stop_grace{2'000};
  /// A child that waits so long for its next job is let go.
  std::chrono::milliseconds max_idle{60'000};
};

/// The handler that runs each job in a child; as many children as jobs run at once.
///
///     worker.handle("thumbnail.make", rwp::jobs::isolated(options));
///
/// A child that dies of a signal or for its memory, uses up its time, hangs or breaks the protocol
/// ends its run as a crash (JobContext::crash()): it counts at once, the next run gets a fresh
/// child, and the third makes the job fail as `crashed`. Error codes: `internal` (signal,
/// protocol), `budget_exceeded` (memory), `deadline_exceeded` (time). A program that cannot be
/// started is `unavailable` and tried again. The children die with the worker, however it ends, and
/// with the handlers runtime. Asserts: numbers out of their range.
CoroutineHandler isolated(IsolatedOptions options);

}  // namespace rwp::jobs
