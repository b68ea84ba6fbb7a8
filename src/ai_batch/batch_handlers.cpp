#include "ai_batch/batch_run.hpp"
#include "ai_batch/gatherer.hpp"
#include <rwp/ai_batch/batch_handlers.hpp>
#include <rwp/core/json_view.hpp>

#include <algorithm>
#include <cassert>
#include <utility>
#include <vector>

namespace rwp::ai_batch {
namespace {

using boost::asio::awaitable;

/// The longest that a store parks; a batch ends within two days.
constexpr std::chrono::hours kLongestPark{24 * 30};

struct Shared {
  Shared(BatchParts given, std::shared_ptr<jobs::JobStore> store)
      : parts(std::move(given)), gatherer(std::move(store), parts.options) {}
  BatchParts parts;
  Gatherer gatherer;
};

/// How many batches a resumed request was in; none: it is done, 0 was said.
std::optional<int> tries_of(const jobs::ClaimedJob& job) {
  if (!job.resume || !job.resume->value) return job.resume ? std::optional<int>(1) : 0;
  const JsonDocument document(*job.resume->value);
  const auto again = document.root().find("again");
  const auto tries = again ? again->as_int64() : std::nullopt;
  if (!tries || *tries <= 0) return std::nullopt;
  return static_cast<int>(*tries);
}

/// Whether the job that waits for this request still does.
awaitable<Result<bool>> is_wanted(std::shared_ptr<jobs::JobStore> store, Uuid id, std::string key) {
  std::vector<Uuid> ids = {id};
  auto getting = store->get(std::move(ids));
  auto found = co_await on(store->runtime().executor(), std::move(getting));
  if (!found) co_return found.error();
  const auto& job = found->front();
  if (!job && job.error().code() != Errc::not_found) co_return job.error();
  co_return job && job->state == jobs::JobState::parked && job->park_key == key;
}

awaitable<Result<JsonText>> run_row(std::shared_ptr<Shared> shared, jobs::JobContext& context) {
  const auto tries = tries_of(context.job());
  if (!tries) co_return JsonText::trusted(R"({"answered":true})");
  auto row = read_row(context.job().payload);
  if (!row) co_return row.error();
  const auto wanted = co_await is_wanted(shared->parts.store, row->job, row->key);
  if (!wanted) co_return wanted.error().with_retryable(true);
  if (!*wanted) co_return JsonText::trusted(R"({"answered":false})");
  Member member;
  member.row = context.id();
  member.token = context.run_token();
  member.tries = *tries;
  auto batch = co_await shared->gatherer.join(member, row->model, row->body.size());
  if (!batch) co_return batch.error();
  co_return context.park(batch->to_string(), kLongestPark);
}

awaitable<Result<JsonText>> run_batch(std::shared_ptr<Shared> shared, jobs::JobContext& context) {
  auto plan = read_plan(context.job().payload);
  if (!plan) co_return plan.error();
  BatchRun run(shared->parts, context, std::move(*plan));
  co_return co_await run.go();
}

}  // namespace

void add_batch_handlers(jobs::Worker& worker, std::shared_ptr<jobs::JobStore> store,
                        std::shared_ptr<ai::BatchApi> api, BatchOptions options) {
  assert(store && api);
  options.max_rows = std::clamp<std::size_t>(options.max_rows, 1, 10'000);
  options.max_tries = std::max(options.max_tries, 1);
  BatchParts parts;
  parts.store = store;
  parts.api = std::move(api);
  parts.options = std::move(options);
  const auto shared = std::make_shared<Shared>(std::move(parts), std::move(store));
  worker.handle(kRowKind, jobs::CoroutineHandler([shared](jobs::JobContext& context) {
                  return run_row(shared, context);
                }));
  worker.handle(kBatchKind, jobs::CoroutineHandler([shared](jobs::JobContext& context) {
                  return run_batch(shared, context);
                }));
}

}  // namespace rwp::ai_batch
