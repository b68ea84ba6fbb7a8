#include "jobs/worker/run.hpp"
#include <rwp/core/async.hpp>
#include <rwp/jobs/inline_run.hpp>
#include <rwp/jobs/outcome.hpp>

#include <boost/asio/io_context.hpp>

#include <memory>
#include <utility>

namespace rwp::jobs {
namespace {

boost::asio::awaitable<void> drive(const CoroutineHandler* handler, JobContext* context,
                                   Result<JsonText>* result) {
  try {
    auto operation = (*handler)(*context);
    *result = co_await std::move(operation);
  } catch (...) {
    *result = thrown_error();
  }
}

}  // namespace

Result<JsonText> run_here(const CoroutineHandler& handler, JobContext& context) {
  boost::asio::io_context here;
  Result<JsonText> result;
  spawn(here.get_executor(), drive(&handler, &context, &result));
  here.run();
  return result;
}

Result<JsonText> run_here(const BlockingHandler& handler, JobContext& context) {
  try {
    return handler(context);
  } catch (...) {
    return thrown_error();
  }
}

InlineRun run_inline(ClaimedJob job, const InlineHandler& handler, double draw) {
  const Handler own{.kind = job.kind,
                    .coroutine = handler.coroutine,
                    .blocking = handler.blocking,
                    .options = handler.options};
  auto run = std::make_shared<Run>(std::move(job), &own, std::make_shared<RunSetup>());
  (void)run->begin(std::chrono::steady_clock::now());
  auto result = own.coroutine ? run_here(own.coroutine, *run) : run_here(own.blocking, *run);
  run->end(std::move(result), std::chrono::steady_clock::now());
  InlineRun done{.completion = run->completion(run->take_outcome(draw))};
  done.progress = run->take_progress();
  return done;
}

}  // namespace rwp::jobs
