// The last step of a batch: its answers go to those who wait, are booked, and its files are
// removed.
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

/// Jobs that are resumed at once.
constexpr std::size_t kTogether = 500;
/// Answers that are held at once; of more, the files are read again for the rest.
constexpr std::size_t kMostOutputBytes = std::size_t{64} << 20U;

/// What a request's job is resumed with: it is done, or goes into another batch.
JsonText row_end(int tries) {
  JsonWriter out;
  out.begin_object().member("again", tries).end_object();
  return out.finish();
}

}  // namespace

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
      // A run that died after it had handed all out removed them.
      const bool are_gone = read.error().code() == Errc::not_found;
      if (are_gone && found->inside.empty()) co_return co_await end_without_rows();
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
