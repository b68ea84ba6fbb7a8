// A worker whose one job hangs in its child; prints the child's process id, then waits to be
// killed.
#include <rwp/core/async.hpp>
#include <rwp/core/runtime.hpp>
#include <rwp/jobs/isolated.hpp>
#include <rwp/jobs/worker.hpp>
#include <rwp/jobs_sqlite/sqlite_job_store.hpp>

#include <chrono>
#include <iostream>
#include <string>
#include <thread>

int main(int argc, char** argv) {
  using namespace rwp;  // NOLINT(google-build-using-namespace): a program's main source
  if (argc != 2) return 64;
  Runtime control;
  Runtime handlers;
  jobs_sqlite::SqliteOptions in_memory;
  const auto store = jobs_sqlite::open_sqlite_job_store(control, in_memory).value();
  jobs::Worker worker(store, handlers);
  jobs::IsolatedOptions options;
  options.command.program = argv[1];
  worker.handle("isolated.hang", jobs::isolated(options));
  worker.start();
  jobs::NewJob job;
  job.kind = "isolated.hang";
  const Uuid id = block_on(control, store->insert({job})).value().front().value().id;
  for (;;) {
    const auto seen = block_on(control, store->get({id})).value().front().value();
    if (!seen.progress_note.empty()) {
      std::cout << seen.progress_note << std::endl;
      break;
    }
    std::this_thread::sleep_for(std::chrono::milliseconds(2));
  }
  std::this_thread::sleep_for(std::chrono::hours(1));
}
