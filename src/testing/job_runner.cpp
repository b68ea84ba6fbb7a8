#include <rwp/core/async.hpp>
#include <rwp/jobs/inline_run.hpp>
#include <rwp/testing/job_runner.hpp>

#include <map>
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

  Result<std::vector<jobs::ClaimedJob>> claim() {
    jobs::ClaimRequest request{.worker = "job-runner", .lease = kLease};
    for (const auto& [kind, handler] : handlers) {
      request.kinds.push_back({.kind = kind,
                               .min_version = handler.options.min_version,
                               .max_version = handler.options.max_version});
    }
    if (request.kinds.empty()) return std::vector<jobs::ClaimedJob>();
    return ask(store->claim(std::move(request)));
  }

  Result<RanJob> run_claimed(jobs::ClaimedJob job) {
    const jobs::RunRef ref = job.run;
    const std::string kind = job.kind;
    if (!job.started) {
      auto marked = ask(store->mark_started({ref}));
      if (!marked) return marked.error();
    }
    auto payload = ask(store->load_payload(job.payload, job.payload_blob));
    if (!payload) return payload.error();
    job.payload = std::move(*payload);
    jobs::InlineRun run = jobs::run_inline(std::move(job), handlers.at(kind), kNoJitter);
    RanJob ran{.id = ref.id, .kind = kind, .outcome = run.completion.outcome};
    if (run.progress) {
      std::vector<jobs::ProgressUpdate> updates;
      updates.push_back(std::move(*run.progress));
      auto written = ask(store->progress(std::move(updates)));
      if (!written) return written.error();
    }
    std::vector<jobs::Completion> completions;
    completions.push_back(std::move(run.completion));
    auto finished = ask(store->finish(std::move(completions)));
    if (!finished) return finished.error();
    if (!finished->front()) return finished->front().error();
    ran.state = *finished->front();
    return ran;
  }

  std::shared_ptr<jobs::JobStore> store;
  std::map<std::string, jobs::InlineHandler, std::less<>> handlers;
};

JobRunner::JobRunner(std::shared_ptr<jobs::JobStore> store)
    : impl_(std::make_unique<Impl>(std::move(store))) {}

JobRunner::~JobRunner() = default;

void JobRunner::handle(std::string kind, jobs::CoroutineHandler handler,
                       jobs::HandlerOptions options) {
  impl_->handlers.insert_or_assign(
      std::move(kind), jobs::InlineHandler{.coroutine = std::move(handler), .options = options});
}

void JobRunner::handle_blocking(std::string kind, jobs::BlockingHandler handler,
                                jobs::HandlerOptions options) {
  impl_->handlers.insert_or_assign(
      std::move(kind), jobs::InlineHandler{.blocking = std::move(handler), .options = options});
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
