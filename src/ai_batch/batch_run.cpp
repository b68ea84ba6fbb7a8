#include "ai_batch/batch_run.hpp"

#include "ai_batch/look_up.hpp"
#include <rwp/core/json_writer.hpp>

#include <algorithm>
#include <utility>

namespace rwp::ai_batch {
namespace {

using boost::asio::awaitable;
using std::chrono::milliseconds;

/// Jobs that a store is asked about at once.
constexpr std::size_t kTogether = 500;
constexpr milliseconds kSealWait{200};
constexpr milliseconds kShortWait{5'000};
constexpr milliseconds kOperatorWait{300'000};

std::string line_of(const Member& member, const std::string& endpoint, const JsonText& body) {
  JsonWriter out;
  out.begin_object().member("custom_id", std::string_view(member.custom_id()));
  out.member("method", "POST").member("url", std::string_view(endpoint));
  out.member("body", body).end_object();
  return out.finish().release() + "\n";
}

}  // namespace

Error BatchRun::later(milliseconds delay) {
  context_.save_cursor(state_json(state_));
  return context_.snooze(delay);
}

Error BatchRun::later(const Error& error) {
  if (context_.stop_requested()) return error;
  const bool passes = error.retryable() || error.code() == Errc::cancelled ||
                      error.code() == Errc::unavailable ||
                      error.code() == Errc::deadline_exceeded || error.code() == Errc::corrupt;
  const auto wait = std::max<milliseconds>(
      error.retry_after().value_or(milliseconds(0)),
      passes ? std::min(kShortWait, parts_.options.poll_every) : kOperatorWait);
  parts_.options.log.warn("batch waits", {{"batch", id_}, {"error", error}});
  return later(wait);
}

SteadyTime BatchRun::request_deadline() const {
  return std::chrono::steady_clock::now() + parts_.options.request_timeout;
}

jobs::TimePoint BatchRun::now() const {
  const auto since = std::chrono::steady_clock::now() - begun_;
  return context_.job().claimed_at + std::chrono::duration_cast<jobs::TimePoint::duration>(since);
}

awaitable<Result<JsonText>> BatchRun::go() {
  auto found = co_await look_inside();
  if (!found) co_return later(found.error());
  const bool has_begun = state_.stage != Stage::seal;
  if (!has_begun) {
    if (found->undecided) co_return later(kSealWait);
    state_.stage = Stage::upload;
  }
  for_nobody_ = found->inside.empty();
  const bool may_be_paid = !state_.batch.empty() || state_.intended_at;
  const bool are_left = !found->cancelled.empty() || !found->erased.empty();
  if (for_nobody_ && !(may_be_paid && are_left)) {
    // None has been parked under it, or all have been handed out.
    if (!has_begun) co_return JsonText::trusted(R"({"rows":0})");
    co_return co_await end_without_rows();
  }
  if (state_.stage == Stage::upload) co_return co_await upload(std::move(found->inside));
  if (state_.stage == Stage::create) co_return co_await create();
  co_return co_await watch();
}

awaitable<Result<BatchRun::Contents>> BatchRun::look_inside() {
  Contents contents;
  for (std::size_t begin = 0; begin < plan_.members.size(); begin += kTogether) {
    const std::size_t end = std::min(begin + kTogether, plan_.members.size());
    std::vector<Uuid> ids;
    for (std::size_t i = begin; i < end; ++i) ids.push_back(plan_.members[i].row);
    auto getting = parts_.store->get(std::move(ids));
    auto jobs = co_await on(parts_.store->runtime().executor(), std::move(getting));
    if (!jobs) co_return jobs.error();
    for (std::size_t i = begin; i < end; ++i) {
      auto& job = (*jobs)[i - begin];
      const Member& member = plan_.members[i];
      if (!job && job.error().code() == Errc::not_found) contents.erased.push_back(member);
      if (!job || job->run_token != member.token) continue;
      if (job->state == jobs::JobState::running) contents.undecided = true;
      const bool is_cancelled = job->state == jobs::JobState::cancelled;
      const bool waits = job->state == jobs::JobState::parked && job->park_key == id_;
      if (!waits && !is_cancelled) continue;
      auto loading = parts_.store->load_payload(std::move(job->payload), job->payload_blob);
      auto payload = co_await on(parts_.store->runtime().executor(), std::move(loading));
      if (!payload) co_return payload.error();
      auto row = read_row(*payload);
      if (!row) co_return row.error();
      auto& place = is_cancelled ? contents.cancelled : contents.inside;
      place.push_back({member, std::move(*row), job->tenant, is_cancelled});
    }
  }
  co_return contents;
}

awaitable<Result<JsonText>> BatchRun::upload(std::vector<Inside> inside) {
  auto known = co_await find_files(parts_.api, filename(), request_deadline());
  if (!known) co_return later(known.error());
  // A second file would do no harm: it costs nothing, and is removed with the first.
  if (known->empty()) {
    ai::FileUpload upload;
    upload.filename = filename();
    for (const auto& one : inside) {
      upload.content += line_of(one.member, parts_.options.endpoint, one.row.body);
    }
    upload.deadline = request_deadline();
    auto file = co_await parts_.api->upload(std::move(upload));
    if (!file) co_return later(file.error());
    state_.file = file->id;
  } else {
    state_.file = known->front().id;
  }
  state_.stage = Stage::create;
  state_.intended_at.reset();
  co_return later(milliseconds(0));
}

awaitable<Result<JsonText>> BatchRun::create() {
  auto known = co_await find_batches(parts_.api, id_, request_deadline());
  if (!known) co_return later(known.error());
  if (!known->empty()) {
    state_.batch = known->front().id;
    state_.stage = Stage::watch;
    co_return later(milliseconds(0));
  }
  if (state_.intended_at) {
    // One may have been sent, and not have arrived yet.
    const auto patience = parts_.options.request_timeout + parts_.options.request_timeout / 2;
    const auto until = *state_.intended_at + patience;
    const auto time = now();
    if (time < until) co_return later(std::chrono::ceil<milliseconds>(until - time));
  }
  if (for_nobody_) co_return co_await end_without_rows();
  co_return co_await create_now();
}

awaitable<Result<void>> BatchRun::keep() {
  jobs::ProgressUpdate update;
  update.run = context_.job().run;
  update.cursor = state_json(state_);
  std::vector<jobs::ProgressUpdate> one;
  one.push_back(std::move(update));
  auto keeping = parts_.store->progress(std::move(one));
  auto kept = co_await on(parts_.store->runtime().executor(), std::move(keeping));
  if (!kept) co_return kept.error().with_retryable(true);
  if (!kept->front()) co_return kept->front().error();
  co_return Result<void>();
}

awaitable<Result<JsonText>> BatchRun::create_now() {
  // Before it is sent.
  state_.intended_at = now();
  auto kept = co_await keep();
  if (!kept) co_return kept.error();

  ai::BatchRequest request;
  request.input_file_id = state_.file;
  request.endpoint = parts_.options.endpoint;
  request.metadata = {{kIdName, id_}};
  request.deadline = request_deadline();
  auto batch = co_await parts_.api->create(std::move(request));
  if (batch) {
    state_.batch = batch->id;
    state_.stage = Stage::watch;
    parts_.options.log.info("batch is created", {{"batch", id_}, {"provider_id", batch->id}});
    co_return later(parts_.options.poll_every);
  }
  if (ai::made_nothing(batch.error())) {
    state_.intended_at.reset();
    // The file may have been removed, or never have been whole.
    if (batch.error().code() == Errc::invalid_argument) state_.stage = Stage::upload;
  }
  co_return later(batch.error());
}

awaitable<Result<bool>> BatchRun::settle_doubles() {
  auto known = co_await find_batches(parts_.api, id_, request_deadline());
  if (!known) co_return known.error();
  bool settled = true;
  for (const auto& batch : *known) {
    if (batch.id == state_.batch) continue;
    const auto found = std::find(state_.doubles.begin(), state_.doubles.end(), batch.id);
    if (found == state_.doubles.end()) {
      state_.doubles.push_back(batch.id);
      parts_.options.log.warn("a second batch carries the same id",
                              {{"batch", id_}, {"provider_id", batch.id}});
    }
    if (has_ended(batch.status)) continue;
    settled = false;
    if (batch.status == ai::BatchStatus::cancelling) continue;
    // Refused when it has just ended, which the next look shows.
    (void)co_await parts_.api->cancel(batch.id, request_deadline());
  }
  co_return settled;
}

awaitable<Result<JsonText>> BatchRun::watch() {
  const auto settled = co_await settle_doubles();
  if (!settled) co_return later(settled.error());
  auto batch = co_await parts_.api->get(state_.batch, request_deadline());
  if (!batch) co_return later(batch.error());
  if (for_nobody_ && !has_ended(batch->status) && batch->status != ai::BatchStatus::cancelling) {
    // What has been answered by now is told, and booked, when it has ended.
    (void)co_await parts_.api->cancel(state_.batch, request_deadline());
  }
  if (!has_ended(batch->status) || !*settled) co_return later(parts_.options.poll_every);
  co_return co_await hand_out(std::move(*batch));
}

}  // namespace rwp::ai_batch
