#include "pods/batch_run.hpp"

#include <rwp/core/json_view.hpp>

#include <algorithm>
#include <chrono>
#include <utility>

namespace rwp::pods {
namespace {

using boost::asio::awaitable;

/// Lines that are collected together, with all that they were answered; vectors are long.
constexpr std::int64_t kGroup = 100;
constexpr std::int64_t kGroupOfVectors = 10;
constexpr std::size_t kTogether = 200;
/// How long it takes to see that a batch is to end.
constexpr std::chrono::milliseconds kLookEvery{2'000};
/// A batch that has run for longer makes room for others that are due; each run gets on by a group,
/// or has waited for one.
constexpr std::chrono::seconds kTurn{60};
constexpr std::chrono::milliseconds kAfterTurn{100};
constexpr int kLineAttempts = 30;
constexpr std::chrono::minutes kLineTimeout{15};

std::string part_name(const char* kind, std::int64_t group) {
  std::string number = std::to_string(group);
  return kind + std::string(6 - std::min<std::size_t>(number.size(), 6), '0') + number;
}

std::string rows_of(const std::vector<Uuid>& ids) {
  std::string rows;
  for (const auto& id : ids) {
    rows.append(reinterpret_cast<const char*>(id.bytes.data()), id.bytes.size());
  }
  return rows;
}

/// Gives the parts of a file one after the other.
struct Parts {
  std::shared_ptr<storage::ObjectStore> objects{};
  std::string prefix{};
  const char* kind = "";
  std::int64_t next = 0;
  std::int64_t end = 0;
};

awaitable<Result<std::string>> next_part(std::shared_ptr<Parts> parts) {
  while (parts->next < parts->end) {
    auto piece = co_await parts->objects->get(parts->prefix + part_name(parts->kind, parts->next));
    ++parts->next;
    if (piece && piece->empty()) continue;
    if (piece || piece.error().code() != Errc::not_found) co_return piece;
  }
  co_return std::string();
}

std::int64_t now_seconds() {
  const auto since = std::chrono::system_clock::now().time_since_epoch();
  return std::chrono::duration_cast<std::chrono::seconds>(since).count();
}

std::int64_t number_in(JsonView object, std::string_view name) {
  const auto member = object.find(name);
  return member ? std::max<std::int64_t>(member->as_int64().value_or(0), 0) : 0;
}

}  // namespace

PodBatchRun::PodBatchRun(const BatchWork& work, jobs::JobContext& context)
    : work_(work),
      context_(context),
      order_(read_order(context.job().payload)),
      tenant_(context.job().tenant),
      folder_(batch_folder(tenant_, context.id())),
      shelf_(work.objects) {
  if (context.job().cursor) record_ = read_record(*context.job().cursor);
  groups_at_begin_ = record_.groups;
}

void PodBatchRun::save() { context_.save_cursor(record_json(record_)); }

std::int64_t PodBatchRun::group_size() const {
  return order_.endpoint == "/v1/embeddings" ? kGroupOfVectors : kGroup;
}

std::int64_t PodBatchRun::groups() const {
  return (static_cast<std::int64_t>(ids_.size()) + group_size() - 1) / group_size();
}

std::vector<Uuid> PodBatchRun::group_ids(std::int64_t group) const {
  const auto begin = ids_.begin() + group * group_size();
  const auto left = ids_.end() - begin;
  return std::vector<Uuid>(begin, begin + std::min<std::ptrdiff_t>(group_size(), left));
}

void PodBatchRun::count_end() const {
  if (!work_.metrics) return;
  work_.metrics
      ->counter("rwp_ai_file_batches_total", "Batches of files by how they ended",
                {{"status", record_.status}})
      .add();
}

awaitable<Result<void>> PodBatchRun::put(std::string name, std::string content) {
  auto putting = work_.objects->put(folder_ + name, std::move(content));
  auto stored = co_await on(work_.objects_executor, std::move(putting));
  if (!stored) co_return stored.error().with_context("object store").with_retryable(true);
  co_return Result<void>();
}

awaitable<Result<JsonText>> PodBatchRun::go() {
  Result<void> step;
  if (record_.status == "validating") step = co_await submit_lines();
  if (!step) co_return step.error();
  if (record_.status == "in_progress") step = co_await collect();
  if (!step) co_return step.error();
  if (record_.status == "finalizing") step = co_await write_files();
  if (!step) co_return step.error();
  count_end();
  (void)co_await clean_up();
  co_return record_json(record_);
}

awaitable<Result<void>> PodBatchRun::submit_lines() {
  auto reading = shelf_.read(tenant_, order_.input_file);
  auto content = co_await on(work_.objects_executor, std::move(reading));
  const bool is_gone = !content && content.error().code() == Errc::not_found;
  if (!content && !is_gone) co_return content.error().with_retryable(true);
  if (is_gone) record_.faults.push_back({"invalid_request", "The input file is gone.", 0});
  BatchInput input(content ? std::move(*content) : std::string(), order_.endpoint);
  if (!is_gone) {
    // First whether all of it is good: a batch is refused as a whole.
    while (input.next()) ++record_.total;
    record_.faults = input.faults();
    if (record_.total == 0 && record_.faults.empty()) {
      record_.faults.push_back({"empty_file", "The input file has no requests.", 0});
    }
  }
  if (!record_.faults.empty()) {
    record_.status = "failed";
    record_.total = 0;
    record_.ended_at = now_seconds();
    co_return Result<void>();
  }
  input.rewind();
  const std::string name = hex_of(context_.id());
  std::vector<jobs::NewJob> some;
  std::int64_t number = 0;
  while (auto line = input.next()) {
    jobs::NewJob job;
    job.kind = kPodLineKind;
    job.queue = kPodLineQueue;
    job.payload = line_json(context_.id(), *line);
    job.priority = jobs::Priority::low;
    job.max_attempts = kLineAttempts;
    job.timeout = kLineTimeout;
    job.tenant = tenant_;
    job.traceparent = context_.trace().to_traceparent();
    // Done again, it is the same job.
    job.idempotency_key = "line/" + name + "/" + std::to_string(number++);
    some.push_back(std::move(job));
    if (some.size() < kTogether) continue;
    auto made = co_await submit_some(std::exchange(some, std::vector<jobs::NewJob>()));
    if (!made) co_return made.error();
  }
  auto made = co_await submit_some(std::move(some));
  if (!made) co_return made.error();
  auto kept = co_await put("rows", rows_of(ids_));
  if (!kept) co_return kept.error();
  record_.status = "in_progress";
  record_.in_progress_at = now_seconds();
  save();
  co_return Result<void>();
}

awaitable<Result<void>> PodBatchRun::submit_some(std::vector<jobs::NewJob> jobs) {
  if (jobs.empty()) co_return Result<void>();
  auto inserting = work_.store->insert(std::move(jobs));
  auto inserted = co_await on(work_.store->runtime().executor(), std::move(inserting));
  if (!inserted) co_return inserted.error().with_retryable(true);
  for (const auto& one : *inserted) {
    if (!one) co_return one.error();
    ids_.push_back(one->id);
  }
  co_return Result<void>();
}

awaitable<Result<void>> PodBatchRun::collect() {
  if (ids_.empty()) {
    auto reading = work_.objects->get(folder_ + "rows");
    auto rows = co_await on(work_.objects_executor, std::move(reading));
    if (!rows) co_return rows.error().with_retryable(true);
    ids_.resize(rows->size() / sizeof(Uuid::bytes));
    for (std::size_t i = 0; i < ids_.size(); ++i) {
      std::copy_n(rows->data() + i * sizeof(Uuid::bytes), sizeof(Uuid::bytes),
                  reinterpret_cast<char*>(ids_[i].bytes.data()));
    }
  }
  if (!record_.cut_by.empty()) {
    auto cancelled = co_await cancel_lines();
    if (!cancelled) co_return cancelled.error();
  }
  while (record_.groups < groups()) {
    std::vector<jobs::Job> ended;
    auto waited = co_await wait_for(group_ids(record_.groups), &ended);
    if (!waited) co_return waited.error();
    auto collected = co_await collect_group(std::move(ended));
    if (!collected) co_return collected.error();
    ++record_.groups;
    save();
    context_.progress(static_cast<double>(record_.groups) / static_cast<double>(groups()));
  }
  record_.status = "finalizing";
  record_.finalizing_at = now_seconds();
  save();
  co_return Result<void>();
}

awaitable<Result<void>> PodBatchRun::wait_for(std::vector<Uuid> ids,
                                              std::vector<jobs::Job>* ended) {
  for (bool got_on = record_.groups > groups_at_begin_;; got_on = true) {
    const bool is_over = std::chrono::steady_clock::now() - begun_ > kTurn;
    if (is_over && got_on) co_return context_.snooze(kAfterTurn);
    auto looked = co_await look_for_end();
    if (!looked) co_return looked.error();
    if (context_.stop_requested()) co_return Error(Errc::cancelled, "the batch is handed on");
    auto waiting = work_.store->wait_for_end(ids, std::chrono::steady_clock::now() + kLookEvery);
    auto jobs = co_await on(work_.store->runtime().executor(), std::move(waiting));
    if (!jobs) co_return jobs.error().with_retryable(true);
    bool all = true;
    for (const auto& job : *jobs) all = all && (!job || jobs::has_ended(job->state));
    if (!all) continue;
    for (std::size_t i = 0; i < jobs->size(); ++i) {
      auto& job = (*jobs)[i];
      if (!job) {
        // Removed by somebody: it has no answer.
        jobs::Job gone;
        gone.id = ids[i];
        gone.state = jobs::JobState::cancelled;
        ended->push_back(std::move(gone));
      } else {
        ended->push_back(std::move(*job));
      }
    }
    co_return Result<void>();
  }
}

awaitable<Result<void>> PodBatchRun::look_for_end() {
  if (!record_.cut_by.empty()) co_return Result<void>();
  const auto created = std::chrono::duration_cast<std::chrono::seconds>(
      context_.job().created_at.time_since_epoch());
  if (now_seconds() >= created.count() + kBatchWindowSeconds) {
    record_.cut_by = "expired";
  } else {
    auto looking = work_.objects->head(folder_ + "cancel");
    auto asked = co_await on(work_.objects_executor, std::move(looking));
    if (!asked && asked.error().code() != Errc::not_found) {
      co_return asked.error().with_retryable(true);
    }
    if (!asked) co_return Result<void>();
    record_.cut_by = "cancelled";
  }
  save();
  co_return co_await cancel_lines();
}

awaitable<Result<void>> PodBatchRun::cancel_lines() {
  for (std::int64_t group = record_.groups; group < groups(); ++group) {
    auto cancelling = work_.store->cancel(group_ids(group));
    auto cancelled = co_await on(work_.store->runtime().executor(), std::move(cancelling));
    if (!cancelled) co_return cancelled.error().with_retryable(true);
  }
  co_return Result<void>();
}

void PodBatchRun::take_usage(const LineEnd& end) {
  const JsonDocument document(end.body);
  if (const auto model = document.root().find("model"); model && record_.model.empty()) {
    record_.model = model->as_string().value_or("");
  }
  const auto usage = document.root().find("usage");
  if (!usage) return;
  record_.input_tokens += number_in(*usage, "prompt_tokens") + number_in(*usage, "input_tokens");
  record_.output_tokens +=
      number_in(*usage, "completion_tokens") + number_in(*usage, "output_tokens");
}

awaitable<Result<void>> PodBatchRun::collect_group(std::vector<jobs::Job> ended) {
  std::string good;
  std::string bad;
  const std::string cut_code = record_.cut_by == "expired" ? "batch_expired" : "batch_cancelled";
  for (auto& job : ended) {
    auto loading = work_.store->load_payload(std::move(job.payload), job.payload_blob);
    auto payload = co_await on(work_.store->runtime().executor(), std::move(loading));
    const auto line = payload ? read_line(*payload) : Result<BatchLine>(payload.error());
    const std::string id = line ? line->custom_id : std::string();
    if (job.state != jobs::JobState::succeeded || !job.result) {
      const bool failed = job.state == jobs::JobState::failed;
      const std::string why = !failed              ? "This request was not executed."
                              : job.errors.empty() ? "The request failed."
                                                   : job.errors.back().message;
      bad += output_line(job.id, id, LineEnd(), failed ? "server_error" : cut_code, why);
      ++record_.failed;
      continue;
    }
    LineEnd end = read_line_end(*job.result);
    if (!end.object.empty()) {
      auto reading = work_.objects->get(end.object);
      auto body = co_await on(work_.objects_executor, std::move(reading));
      if (!body) co_return body.error().with_retryable(true);
      auto text = JsonText::parse(std::move(*body));
      if (!text) co_return text.error();
      end.body = std::move(*text);
    }
    if (end.status == 200) {
      take_usage(end);
      good += output_line(job.id, id, end, "", "");
      ++record_.completed;
    } else {
      bad += output_line(job.id, id, end, "", "");
      ++record_.failed;
    }
  }
  if (!good.empty()) {
    auto kept = co_await put(part_name("out-", record_.groups), std::move(good));
    if (!kept) co_return kept.error();
  }
  if (!bad.empty()) {
    auto kept = co_await put(part_name("err-", record_.groups), std::move(bad));
    if (!kept) co_return kept.error();
  }
  co_return Result<void>();
}

awaitable<Result<void>> PodBatchRun::write_files() {
  struct Wanted {
    const char* kind;
    const char* suffix;
    std::int64_t lines;
    std::uint8_t which;
    std::string* id;
  };
  const std::vector<Wanted> wanted = {
      {"out-", "_output.jsonl", record_.completed, 1, &record_.output_file},
      {"err-", "_error.jsonl", record_.failed, 2, &record_.error_file}};
  for (const auto& one : wanted) {
    if (one.lines == 0) continue;
    auto parts = std::make_shared<Parts>();
    parts->objects = work_.objects;
    parts->prefix = folder_;
    parts->kind = one.kind;
    parts->end = record_.groups;
    ShelfFile file;
    file.id = file_id_of(context_.id(), one.which);
    file.filename = batch_id(context_.id()) + one.suffix;
    file.purpose = "batch_output";
    file.created_at = std::chrono::system_clock::now();
    if (order_.output_expires_seconds > 0) {
      file.expires_at = file.created_at + std::chrono::seconds(order_.output_expires_seconds);
    }
    // A run that was killed as it ended may have removed the parts; what it wrote is whole.
    auto looking = shelf_.look(tenant_, file.id);
    auto written = co_await on(work_.objects_executor, std::move(looking));
    if (!written && written.error().code() == Errc::not_found) {
      storage::PieceSource source = [parts] { return next_part(parts); };
      auto writing = shelf_.write(tenant_, std::move(file), std::move(source));
      written = co_await on(work_.objects_executor, std::move(writing));
    }
    if (!written) co_return written.error().with_retryable(true);
    *one.id = written->id;
  }
  record_.status = record_.cut_by.empty() ? "completed" : record_.cut_by;
  record_.ended_at = now_seconds();
  co_return Result<void>();
}

/// What is left behind costs nothing but the room.
awaitable<Result<void>> PodBatchRun::clean_up() {
  for (bool more = true; more;) {
    storage::ListOptions options;
    options.prefix = folder_;
    auto listing = work_.objects->list(std::move(options));
    auto page = co_await on(work_.objects_executor, std::move(listing));
    if (!page) co_return page.error();
    if (page->entries.empty()) break;
    more = !page->next_cursor.empty();
    std::vector<std::string> keys;
    for (auto& entry : page->entries) keys.push_back(std::move(entry.key));
    auto removing = work_.objects->remove_many(std::move(keys));
    auto removed = co_await on(work_.objects_executor, std::move(removing));
    if (!removed) co_return removed.error();
  }
  co_return Result<void>();
}

}  // namespace rwp::pods
