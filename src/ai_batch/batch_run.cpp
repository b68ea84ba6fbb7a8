#include "ai_batch/batch_run.hpp"

#include "ai_batch/booking.hpp"
#include "ai_batch/look_up.hpp"
#include <rwp/core/json_writer.hpp>

#include <algorithm>
#include <iterator>
#include <utility>

namespace rwp::ai_batch {
namespace {

using boost::asio::awaitable;
using std::chrono::milliseconds;

/// Jobs that a store is asked about, or that are resumed, at once.
constexpr std::size_t kTogether = 500;
/// Answers that are held at once; of more, the files are read again for the rest.
constexpr std::size_t kMostOutputBytes = std::size_t{64} << 20U;
constexpr milliseconds kSealWait{200};
constexpr milliseconds kShortWait{5'000};
constexpr milliseconds kOperatorWait{300'000};

/// What a request's job is resumed with: it is done, or goes into another batch.
JsonText row_end(int tries) {
  JsonWriter out;
  out.begin_object().member("again", tries).end_object();
  return out.finish();
}

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

void BatchRun::count(const HandedOut& sum, bool completed) const {
  const auto& metrics = parts_.options.metrics;
  if (!metrics) return;
  const auto rows = [&metrics](const char* outcome, std::size_t number) {
    metrics
        ->counter("rwp_ai_batch_rows_total", "Requests whose batch has ended",
                  {{"outcome", outcome}})
        .add(static_cast<double>(number));
  };
  rows("answered", sum.answered);
  rows("again", sum.again);
  rows("failed", sum.failed);
  metrics
      ->counter("rwp_ai_batches_total", "Batches that have ended",
                {{"outcome", completed ? "completed" : "other"}})
      .add(1);
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

awaitable<Result<void>> BatchRun::read_files(ai::Batch batch, OutputLines* lines) {
  const std::vector<std::string> files = {batch.output_file_id, batch.error_file_id};
  for (const auto& file : files) {
    if (file.empty()) continue;
    ai::OnFilePiece take = [lines](std::string_view piece) {
      lines->feed(piece);
      return true;
    };
    auto read = co_await parts_.api->download(file, std::move(take), SteadyTime::max());
    if (!read) co_return read.error();
    lines->end_file();
  }
  co_return Result<void>();
}

awaitable<Result<void>> BatchRun::read_all_files(ai::Batch batch, OutputLines* lines) {
  auto read = co_await read_files(std::move(batch), lines);
  for (const auto& id : state_.doubles) {
    if (!read) break;
    auto other = co_await parts_.api->get(id, request_deadline());
    if (!other) co_return other.error();
    read = co_await read_files(std::move(*other), lines);
  }
  co_return read;
}

awaitable<Result<JsonText>> BatchRun::hand_out(ai::Batch batch) {
  HandedOut sum;
  ++state_.hand_outs;
  bool is_kept = false;
  for (bool all = false; !all;) {
    auto found = co_await look_inside();
    if (!found) co_return later(found.error());
    std::unordered_set<std::string> ids;
    for (const auto& one : found->inside) ids.insert(one.member.custom_id());
    for (const auto& one : found->cancelled) ids.insert(one.member.custom_id());
    for (const auto& member : found->erased) ids.insert(member.custom_id());
    OutputLines lines(std::move(ids), kMostOutputBytes);
    auto read = co_await read_all_files(batch, &lines);
    if (!read) {
      if (!is_kept) --state_.hand_outs;
      co_return later(read.error());
    }
    if (!std::exchange(is_kept, true)) {
      // Another run, should this one die, knows that some may have been counted.
      auto kept = co_await keep();
      if (!kept) co_return kept.error();
    }
    all = !lines.has_left_some();
    sum.bad_lines = lines.bad_lines();
    auto handed = co_await hand_out_some(std::move(*found), &lines, batch.reason, &sum);
    if (!handed) co_return later(handed.error());
  }
  count(sum, batch.status == ai::BatchStatus::completed);
  co_await clean_up(batch);
  JsonWriter out;
  out.begin_object().member("provider_id", std::string_view(batch.id));
  out.member("rows", static_cast<std::uint64_t>(sum.answered + sum.again + sum.failed));
  out.member("answered", static_cast<std::uint64_t>(sum.answered));
  out.member("again", static_cast<std::uint64_t>(sum.again));
  out.member("failed", static_cast<std::uint64_t>(sum.failed));
  out.member("bad_lines", static_cast<std::uint64_t>(sum.bad_lines)).end_object();
  co_return out.finish();
}

awaitable<Result<void>> BatchRun::hand_out_some(Contents contents, const OutputLines* lines,
                                                std::string reason, HandedOut* sum) {
  std::vector<jobs::UnparkRequest> waiting;
  std::vector<jobs::UnparkRequest> rows;
  std::vector<Paid> paid;
  auto& inside = contents.inside;
  std::move(contents.cancelled.begin(), contents.cancelled.end(), std::back_inserter(inside));
  for (auto& one : inside) {
    const auto found = lines->lines().find(one.member.custom_id());
    const bool is_there = found != lines->lines().end();
    // Its line may stand where there was no room for it this time.
    if (!is_there && lines->has_left_some()) continue;
    const int tries = one.member.tries + 1;
    const bool is_answered = is_there && found->second.status != 0;
    if (!is_answered && one.is_cancelled) continue;
    Delivery delivery;
    delivery.accounts = one.row.accounts;
    if (is_answered) {
      delivery.status = found->second.status;
      delivery.body = found->second.body;
      ++sum->answered;
    } else if (tries < parts_.options.max_tries) {
      ++sum->again;
      rows.push_back({one.member.row, id_, row_end(tries)});
      continue;
    } else {
      delivery.error = is_there         ? found->second.error
                       : reason.empty() ? "it stands in no file"
                                        : reason;
      ++sum->failed;
    }
    paid.push_back(paid_for(one.member.custom_id(), std::move(one.tenant), &one.row));
    waiting.push_back({one.row.job, one.row.key, delivery_json(delivery)});
    if (!one.is_cancelled) rows.push_back({one.member.row, id_, row_end(0)});
  }
  // The answers first: a request whose job has ended is not asked again.
  auto refused = co_await resume(std::move(waiting));
  if (!refused) co_return refused.error();
  // Before the rows are let go: another run of this job does it again until then.
  Result<void> booked;
  for (const std::size_t index : *refused) {
    auto one = co_await book(std::move(paid[index]), lines);
    if (!one) booked = one.error();
  }
  for (const Member& member : contents.erased) {
    const auto found = lines->lines().find(member.custom_id());
    if (found == lines->lines().end() || found->second.status == 0) continue;
    auto one = co_await book(paid_for_nobody(member), lines);
    if (!one) booked = one.error();
  }
  if (!booked && state_.hand_outs < kMostBookings) {
    const Error error = booked.error().with_context("the usage ledger").with_retryable(true);
    co_return error.with_retry_after(booking_wait(state_.hand_outs - 1));
  }
  auto resumed = co_await resume(std::move(rows));
  if (!resumed) co_return resumed.error();
  co_return Result<void>();
}

BatchRun::Paid BatchRun::paid_for(std::string custom_id, std::string tenant, Row* row) {
  Paid paid;
  paid.custom_id = std::move(custom_id);
  paid.wait = wait_name(row->job, row->key);
  paid.accounts = std::move(row->accounts);
  paid.request.model = std::move(row->model);
  paid.request.kind = std::move(row->kind);
  paid.request.tenant = std::move(tenant);
  // A chat has at least one; nothing of it is booked.
  paid.request.messages.push_back({ai::Role::user, "-"});
  return paid;
}

/// Whose it was, and which money was held for it, is forgotten with the person: the bill is not.
BatchRun::Paid BatchRun::paid_for_nobody(const Member& member) const {
  Paid paid;
  paid.custom_id = member.custom_id();
  paid.wait = paid.custom_id;
  paid.request.model = plan_.model;
  paid.request.messages.push_back({ai::Role::user, "-"});
  return paid;
}

awaitable<Result<void>> BatchRun::book(Paid paid, const OutputLines* lines) {
  if (!parts_.options.format) co_return Result<void>();
  Delivery delivery;
  delivery.accounts = std::move(paid.accounts);
  const auto found = lines->lines().find(paid.custom_id);
  if (found != lines->lines().end()) {
    delivery.status = found->second.status;
    delivery.body = found->second.body;
  }
  auto booked =
      co_await book_answer(parts_.options.format, parts_.options.booking, std::move(paid.wait),
                           std::move(delivery), std::move(paid.request), state_.hand_outs > 1);
  if (booked.is_owed()) co_return booked.in_ledger.error();
  co_return Result<void>();
}

awaitable<Result<std::vector<std::size_t>>> BatchRun::resume(
    std::vector<jobs::UnparkRequest> requests) {
  std::vector<std::size_t> refused;
  for (std::size_t begin = 0; begin < requests.size(); begin += kTogether) {
    const std::size_t end = std::min(begin + kTogether, requests.size());
    const auto at = [&](std::size_t index) {
      return requests.begin() + static_cast<std::ptrdiff_t>(index);
    };
    std::vector<jobs::UnparkRequest> some(std::make_move_iterator(at(begin)),
                                          std::make_move_iterator(at(end)));
    auto resuming = parts_.store->unpark(std::move(some));
    auto resumed = co_await on(parts_.store->runtime().executor(), std::move(resuming));
    if (!resumed) co_return resumed.error();
    for (std::size_t i = 0; i < resumed->size(); ++i) {
      const auto& one = (*resumed)[i];
      if (one) continue;
      // Cancelled meanwhile, or resumed by an earlier run of this job.
      if (one.error().code() != Errc::conflict && one.error().code() != Errc::not_found) {
        co_return one.error();
      }
      refused.push_back(begin + i);
    }
  }
  co_return refused;
}

awaitable<Result<JsonText>> BatchRun::end_without_rows() {
  ai::Batch batch;
  if (!state_.batch.empty()) {
    auto found = co_await parts_.api->get(state_.batch, request_deadline());
    if (found) batch = std::move(*found);
    if (!found && found.error().code() != Errc::not_found) co_return later(found.error());
  }
  co_await clean_up(std::move(batch));
  co_return JsonText::trusted(R"({"rows":0})");
}

awaitable<void> BatchRun::clean_up(ai::Batch batch) {
  if (!parts_.options.remove_files) co_return;
  // What is left behind costs nothing but the room, and expires.
  auto files = co_await find_files(parts_.api, filename(), request_deadline());
  std::vector<std::string> ids = {batch.output_file_id, batch.error_file_id};
  for (const auto& id : state_.doubles) {
    auto other = co_await parts_.api->get(id, request_deadline());
    if (!other) continue;
    ids.push_back(std::move(other->output_file_id));
    ids.push_back(std::move(other->error_file_id));
  }
  if (files) {
    for (const auto& file : *files) ids.push_back(file.id);
  }
  for (const auto& id : ids) {
    if (!id.empty()) (void)co_await parts_.api->remove_file(id, request_deadline());
  }
}

}  // namespace rwp::ai_batch
