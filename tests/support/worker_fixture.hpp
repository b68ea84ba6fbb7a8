#pragma once

#include "support/event.hpp"
#include "support/run.hpp"
#include <rwp/core/runtime.hpp>
#include <rwp/jobs/worker.hpp>
#include <rwp/jobs_sqlite/sqlite_job_store.hpp>
#include <rwp/testing/captured_log.hpp>

#include <gtest/gtest.h>

#include <chrono>
#include <functional>
#include <future>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <thread>
#include <utility>
#include <vector>

namespace rwp::tests {

/// A worker on a store in memory.
class WorkerFixture : public ::testing::Test {
 protected:
  using Context = jobs::JobContext;
  using Answer = jobs::Awaitable<Result<JsonText>>;

  WorkerFixture() {
    jobs_sqlite::SqliteOptions options;
    auto opened = jobs_sqlite::open_sqlite_job_store(control_, std::move(options));
    store_ = opened.value();
    options_.concurrency = 4;
    options_.lease = std::chrono::seconds(5);
    options_.rescue_every = std::chrono::milliseconds(0);
    options_.prune_every = std::chrono::milliseconds(0);
    options_.drain_grace = std::chrono::seconds(10);
    options_.stop_grace = std::chrono::milliseconds(50);
    options_.log = observability::Logger(log_);
  }

  /// The worker under test; register handlers, then start it.
  jobs::Worker& worker() {
    if (!worker_) worker_.emplace(store_, handlers_, options_);
    return *worker_;
  }

  static jobs::NewJob new_job(std::string kind, std::string payload = "null") {
    jobs::NewJob job;
    job.kind = std::move(kind);
    job.payload = JsonText::parse(std::move(payload)).value();
    return job;
  }

  Uuid submit(jobs::NewJob job) {
    std::vector<jobs::NewJob> jobs;
    jobs.push_back(std::move(job));
    return run(control_, store_->insert(std::move(jobs))).value().front().value().id;
  }
  Uuid submit(std::string kind, std::string payload = "null") {
    return submit(new_job(std::move(kind), std::move(payload)));
  }

  jobs::Job get(Uuid id) { return run(control_, store_->get({id})).value().front().value(); }

  /// The job at its end.
  jobs::Job ended(Uuid id) {
    const auto deadline = std::chrono::steady_clock::now() + kGuard;
    auto job = run(control_, store_->wait_for_end({id}, deadline)).value().front().value();
    EXPECT_TRUE(jobs::has_ended(job.state)) << "the job has not ended";
    return job;
  }

  /// Looks at the job until `holds`; the state of others is told by no event.
  jobs::Job until(Uuid id, const std::function<bool(const jobs::Job&)>& holds) {
    const auto deadline = std::chrono::steady_clock::now() + kGuard;
    while (true) {
      jobs::Job job = get(id);
      if (holds(job)) return job;
      if (std::chrono::steady_clock::now() > deadline) {
        ADD_FAILURE() << "the job did not come to be as expected";
        return job;
      }
      (void)run(control_, sleep_for(std::chrono::milliseconds(2)));
    }
  }

  bool eventually(const std::function<bool()>& holds) {
    const auto deadline = std::chrono::steady_clock::now() + kGuard;
    while (!holds()) {
      if (std::chrono::steady_clock::now() > deadline) return false;
      (void)run(control_, sleep_for(std::chrono::milliseconds(2)));
    }
    return true;
  }

  /// Blocks the calling thread until the line is there; for handlers that are to block.
  bool eventually_logged(std::string_view event) const {
    const auto deadline = std::chrono::steady_clock::now() + kGuard;
    while (log_->count(event) == 0) {
      if (std::chrono::steady_clock::now() > deadline) return false;
      std::this_thread::sleep_for(std::chrono::milliseconds(2));
    }
    return true;
  }

  /// Stops the worker, and tells whether it has stopped.
  bool stopped() {
    worker().stop();
    return wait_stopped();
  }
  bool wait_stopped() {
    return worker().wait_stopped(std::chrono::steady_clock::now() + kGuard).has_value();
  }

  std::shared_ptr<testing::CapturedLog> log_ = std::make_shared<testing::CapturedLog>();
  Runtime control_;
  Runtime handlers_;
  std::shared_ptr<jobs::JobStore> store_;
  jobs::WorkerOptions options_;
  std::optional<jobs::Worker> worker_;
};

}  // namespace rwp::tests
