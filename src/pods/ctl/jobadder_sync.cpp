#include "pods/ctl/jobadder.hpp"
#include "pods/jobadder/sync_cursor.hpp"
#include <rwp/core/async.hpp>
#include <rwp/core/json_writer.hpp>
#include <rwp/pods/ctl.hpp>

#include <utility>

namespace rwp::pods::ctl {
namespace {

/// How far the mirror has come.
Result<SyncCursor> look(Context& context, const JobAdderDesk& desk) {
  const auto cell =
      block_on(context.runtime, desk.connections->state()->get(jobadder_cell(desk.tenant, "sync")));
  if (!cell && cell.error().code() == Errc::not_found) return SyncCursor();
  if (!cell) return cell.error();
  return read_cursor(cell->text);
}

/// As if nothing had been seen yet. A sync that runs meanwhile finds its cell written, and begins
/// anew.
Result<void> forget_cursor(Context& context, const JobAdderDesk& desk) {
  auto& state = *desk.connections->state();
  for (const char* name : {"job_ads", "sync"}) {
    const std::string cell_name = jobadder_cell(desk.tenant, name);
    auto cell = block_on(context.runtime, state.get(cell_name));
    if (!cell && cell.error().code() == Errc::not_found) continue;
    if (!cell) return cell.error();
    auto written = block_on(context.runtime, state.put(cell_name, "{}", std::move(cell->version)));
    if (!written) return written.error();
  }
  return {};
}

}  // namespace

int sync_jobadder(Context& context) {
  const auto& given = context.options.jobadder;
  const auto timeout = read_duration("--timeout", given.timeout);
  if (!timeout) return refuse(timeout.error().message());
  auto desk = open_jobadder_desk(context);
  if (!desk) return fail(context, desk.error());
  auto store = open_store(context, false);
  if (!store) return fail(context, store.error());
  const auto status =
      block_on(context.runtime, desk->connections->of(desk->tenant).tokens->status());
  if (!status) return fail(context, status.error());
  const SteadyTime deadline = std::chrono::steady_clock::now() + *timeout;
  if (given.full) {
    auto forgotten = forget_cursor(context, *desk);
    if (!forgotten) return fail(context, forgotten.error());
  }
  const auto job = hurry_sync(context, *store, desk->tenant, deadline);
  if (!job) return fail(context, job.error());
  if (!given.wait) {
    JsonWriter out;
    out.begin_object().member("sync_job", job->id.to_string()).end_object();
    context.out.object(out.finish());
    return kExitSuccess;
  }
  // A run that had begun before may have passed by what has changed since.
  auto seen = look(context, *desk);
  while (seen && seen->last_run <= job->token) {
    if (std::chrono::steady_clock::now() > deadline) {
      return fail(context, Error(Errc::deadline_exceeded,
                                 "the sync has not ended in time; does a "
                                 "worker with JobAdder's client run?"));
    }
    (void)block_on(context.runtime, sleep_for(std::chrono::milliseconds(200)));
    seen = look(context, *desk);
  }
  if (!seen) return fail(context, seen.error());
  JsonWriter out;
  out.begin_object()
      .member("sync_job", job->id.to_string())
      .member("job_ads_seen", seen->job_ads.seen)
      .member("candidates_seen", seen->candidates.seen)
      .member("applications_seen", seen->applications.seen)
      .end_object();
  context.out.object(out.finish());
  return kExitSuccess;
}

}  // namespace rwp::pods::ctl
