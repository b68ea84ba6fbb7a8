#include "jobs/worker/run.hpp"
#include "testing/run_here.hpp"
#include <rwp/core/async.hpp>
#include <rwp/testing/job_runner.hpp>

#include <utility>

namespace rwp::testing {

namespace {

constexpr std::chrono::hours kLease{1};
/// The whole backoff: a test is to know when the retry is due.
constexpr double kNoJitter = 1.0;

}  // namespace

struct JobRunner::Impl {
  explicit Impl(std::shared_ptr<jobs::JobStore> given) : store(std::move(given)) {}

  template <class T>
  Result<T> ask(jobs::Awaitable<Result<T>> call) {
    return block_on(store->runtime(), std::move(call));
  }

  void add(jobs::Handler handler) {
    std::string kind = handler.kind;
    handler.index = setup->handlers.size();
    setup->handlers.insert_or_assign(std::move(kind), std::move(handler));
  }

  Result<std::vector<jobs::ClaimedJob>> claim() {
    jobs::ClaimRequest request{.worker = "job-runner", .lease = kLease};
    for (const auto& [kind, handler] : setup->handlers) {
      request.kinds.push_back({.kind = kind,
                               .min_version = handler.options.min_version,
                               .max_version = handler.options.max_version});
    }
    if (request.kinds.empty()) return std::vector<jobs::ClaimedJob>();
    return ask(store->claim(std::move(request)));
  }

  jobs::RunOutcome run(jobs::Run& run) {
    auto payload = ask(store->load_payload(run.job().payload, run.job().payload_blob));
    if (!payload) return jobs::Retry{.error = payload.error()};
    run.set_payload(std::move(*payload));
    (void)run.begin(std::chrono::steady_clock::now());
    const jobs::Handler& handler = run.handler();
    auto result =
        handler.coroutine ? run_here(handler.coroutine, run) : run_here(handler.blocking, run);
    run.end(std::move(result), std::chrono::steady_clock::now());
    return run.take_outcome(kNoJitter);
  }

  Result<RanJob> run_claimed(jobs::ClaimedJob job) {
    const jobs::Handler& handler = setup->handlers.at(job.kind);
    const bool started = job.started;
    auto made = std::make_shared<jobs::Run>(std::move(job), &handler, setup);
    if (!started) {
      auto marked = ask(store->mark_started({made->job().run}));
      if (!marked) return marked.error();
    }
    jobs::Completion completion = made->completion(run(*made));
    RanJob ran{.id = made->id(), .kind = made->job().kind, .outcome = completion.outcome};
    if (auto update = made->take_progress()) {
      std::vector<jobs::ProgressUpdate> updates;
      updates.push_back(std::move(*update));
      auto written = ask(store->progress(std::move(updates)));
      if (!written) return written.error();
    }
    std::vector<jobs::Completion> completions;
    completions.push_back(std::move(completion));
    auto finished = ask(store->finish(std::move(completions)));
    if (!finished) return finished.error();
    if (!finished->front()) return finished->front().error();
    ran.state = *finished->front();
    return ran;
  }

  std::shared_ptr<jobs::JobStore> store;
  std::shared_ptr<jobs::RunSetup> setup = std::make_shared<jobs::RunSetup>();
};

JobRunner::JobRunner(std::shared_ptr<jobs::JobStore> store)
    : impl_(std::make_unique<Impl>(std::move(store))) {}

JobRunner::~JobRunner() = default;

void JobRunner::handle(std::string kind, jobs::CoroutineHandler handler,
                       jobs::HandlerOptions options) {
  impl_->add({.kind = std::move(kind), .coroutine = std::move(handler), .options = options});
}

void JobRunner::handle_blocking(std::string kind, jobs::BlockingHandler handler,
                                jobs::HandlerOptions options) {
  impl_->add({.kind = std::move(kind), .blocking = std::move(handler), .options = options});
}

Result<std::vector<RanJob>> JobRunner::run_until_idle(std::size_t most) {
  std::vector<RanJob> runs;
  while (true) {
    auto claimed = impl_->claim();
    if (!claimed) return claimed.error();
    if (claimed->empty()) return runs;
    if (runs.size() >= most) {
      return Error(Errc::internal, "jobs are still ready after " + std::to_string(most) + " runs");
    }
    for (jobs::ClaimedJob& job : *claimed) {
      auto ran = impl_->run_claimed(std::move(job));
      if (!ran) return ran.error();
      runs.push_back(std::move(*ran));
    }
  }
}

}  // namespace rwp::testing
