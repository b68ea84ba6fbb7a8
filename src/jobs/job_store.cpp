#include <rwp/core/utf8.hpp>
#include <rwp/jobs/job_store.hpp>

#include <algorithm>
#include <utility>

namespace rwp::jobs {
namespace {

/// Splits items into those that keep their rules, which go on to the backend, and the answers of
/// those that do not; puts the backend's answers back in the items' order.
template <class Checked, class Answer>
class Sorter {
 public:
  explicit Sorter(std::size_t count) {
    answers_.reserve(count);
    good_.reserve(count);
  }

  void add(Result<Checked> checked) {
    if (checked) {
      places_.push_back(answers_.size());
      good_.push_back(std::move(*checked));
      answers_.emplace_back(Answer());
    } else {
      answers_.emplace_back(checked.error());
    }
  }

  std::vector<Checked> take_good() { return std::move(good_); }
  bool has_good() const { return !places_.empty(); }

  PerItem<Answer> merge(PerItem<Answer> answered) {
    if (!answered) return answered.error();
    for (std::size_t i = 0; i < places_.size(); ++i) {
      answers_[places_[i]] = std::move((*answered)[i]);
    }
    return std::move(answers_);
  }
  PerItem<Answer> only_bad() { return std::move(answers_); }

 private:
  std::vector<Checked> good_;
  std::vector<std::size_t> places_;
  std::vector<Result<Answer>> answers_;
};

template <class Item>
Result<Item> checked(Item item) {
  auto ok = check(item);
  if (!ok) return ok.error();
  return item;
}

Error out_of_range(std::string_view field, std::size_t most) {
  return Error(Errc::invalid_argument,
               "\"" + std::string(field) + "\" must be 1 to " + std::to_string(most));
}

/// Moves a payload that is too large for a row to the BlobStore.
Awaitable<Result<CheckedJob>> move_large_payload(CheckedJob checked,
                                                 std::shared_ptr<BlobStore> blobs) {
  if (checked.job.payload.size() <= kMaxInlinePayloadBytes) co_return checked;
  if (!blobs) {
    co_return Error(Errc::invalid_argument,
                    "\"payload\" is larger than 1 MiB and no object store is set for such ones");
  }
  std::string key =
      "payloads/" + checked.job.id.to_string() + "/" + to_hex(*checked.payload_digest);
  std::string content = checked.job.payload.release();
  checked.payload_blob = key;
  auto stored = co_await blobs->put_blob(std::move(key), std::move(content));
  if (!stored) co_return stored.error().with_context("storing the payload");
  co_return checked;
}

/// A payload whose submit made no job of its own is of no use to anybody, unless an earlier submit
/// with the same id made one.
Awaitable<void> drop_unused_payload(JobStore& store, std::shared_ptr<BlobStore> blobs, Uuid own_id,
                                    std::string key, Result<Inserted> answer) {
  const bool made_none = answer ? answer->id != own_id : answer.error().code() == Errc::conflict;
  // Kept after any other failure: the job may stand.
  if (!made_none) co_return;
  std::vector<Uuid> ids(1, own_id);
  const auto standing = co_await store.get(std::move(ids));
  if (!standing) co_return;
  const Result<Job>& own = standing->front();
  const bool unused = own ? own->payload_blob != key : own.error().code() == Errc::not_found;
  if (unused) (void)co_await blobs->remove_blob(std::move(key));
}

/// Most of an error's message that is kept with a job; the rest would swell the hot tables.
constexpr std::size_t kMaxErrorMessageBytes = 4 * 1024;

/// A handler's error as every store can keep it: what an exception said may be any bytes, and must
/// not cost the completion.
Error keepable(Error error) {
  const std::string_view message = error.message();
  if (message.size() <= kMaxErrorMessageBytes && is_valid_utf8(message) &&
      message.find('\0') == std::string_view::npos) {
    return error;
  }
  constexpr std::string_view kReplacement = "\xEF\xBF\xBD";
  std::string kept;
  for (std::size_t i = 0; i < message.size();) {
    const std::size_t length = message[i] == '\0' ? 0 : utf8_sequence_length(message.substr(i));
    const std::string_view piece = length == 0 ? kReplacement : message.substr(i, length);
    if (kept.size() + piece.size() > kMaxErrorMessageBytes) break;
    kept += piece;
    i += std::max<std::size_t>(length, 1);
  }
  return Error(error.code(), std::move(kept)).with_retryable(error.retryable());
}

void make_errors_keepable(RunOutcome& outcome) {
  if (auto* retry = std::get_if<Retry>(&outcome)) retry->error = keepable(std::move(retry->error));
  if (auto* fail = std::get_if<Fail>(&outcome)) fail->error = keepable(std::move(fail->error));
  if (auto* crashed = std::get_if<Crashed>(&outcome)) {
    crashed->error = keepable(std::move(crashed->error));
  }
}

}  // namespace

Awaitable<Result<std::vector<ClaimedJob>>> JobRuns::claim(ClaimRequest request) {
  if (auto ok = check(request); !ok) co_return ok.error();
  request.start = std::min(request.start, request.limit);
  co_return co_await do_claim(std::move(request));
}

Awaitable<Result<void>> JobRuns::wait_for_work(ClaimRequest request, SteadyTime deadline) {
  if (auto ok = check(request); !ok) co_return ok.error();
  co_return co_await do_wait_for_work(std::move(request), deadline);
}

Awaitable<PerItem<LeaseState>> JobRuns::mark_started(std::vector<RunRef> runs) {
  return do_mark_started(std::move(runs));
}

Awaitable<PerItem<JobState>> JobRuns::finish(std::vector<Completion> completions) {
  const TimePoint now = store_now();
  Sorter<CheckedCompletion, JobState> sorter(completions.size());
  for (Completion& completion : completions) {
    if (auto ok = check(completion.outcome); !ok) {
      sorter.add(ok.error());
      continue;
    }
    if (completion.children.size() > kMaxChildren) {
      sorter.add(out_of_range("children", kMaxChildren));
      continue;
    }
    make_errors_keepable(completion.outcome);
    CheckedCompletion good{.run = completion.run, .outcome = std::move(completion.outcome)};
    Result<void> children_are_good;
    for (NewJob& child : completion.children) {
      auto checked_child = check(std::move(child), now);
      if (checked_child) {
        const bool large = checked_child->job.payload.size() > kMaxInlinePayloadBytes;
        if (large) {
          checked_child = co_await move_large_payload(std::move(*checked_child), payload_blobs());
        }
      }
      if (!checked_child) {
        children_are_good = checked_child.error().with_context("child job");
        break;
      }
      good.children.push_back(std::move(*checked_child));
    }
    if (children_are_good) {
      sorter.add(std::move(good));
    } else {
      sorter.add(children_are_good.error());
    }
  }
  if (!sorter.has_good()) co_return sorter.only_bad();
  auto answered = co_await do_finish(sorter.take_good());
  co_return sorter.merge(std::move(answered));
}

Awaitable<PerItem<LeaseState>> JobRuns::extend(std::vector<RunRef> runs,
                                               std::chrono::milliseconds lease) {
  const ClaimRequest like{.lease = lease};
  if (auto ok = check(like); !ok) co_return ok.error();
  co_return co_await do_extend(std::move(runs), lease);
}

Awaitable<PerItem<LeaseState>> JobRuns::progress(std::vector<ProgressUpdate> updates) {
  Sorter<ProgressUpdate, LeaseState> sorter(updates.size());
  for (ProgressUpdate& update : updates) sorter.add(checked(std::move(update)));
  if (!sorter.has_good()) co_return sorter.only_bad();
  auto answered = co_await do_progress(sorter.take_good());
  co_return sorter.merge(std::move(answered));
}

Awaitable<Result<Rescued>> JobRuns::rescue(std::size_t limit) {
  if (limit < 1 || limit > 10'000) co_return out_of_range("limit", 10'000);
  co_return co_await do_rescue(limit);
}

Awaitable<PerItem<CancelOutcome>> JobAdmin::cancel(std::vector<Uuid> ids) {
  return do_cancel(std::move(ids));
}

namespace {

constexpr std::size_t kPageOfMany = 500;

/// Lists the jobs that match, page after page, and has `act` do its work on each page's ids.
template <class Act>
Awaitable<Result<std::size_t>> for_matching(JobAdmin& store, JobFilter filter, Act act) {
  std::size_t count = 0;
  std::string cursor;
  do {
    JobFilter page_filter = filter;
    auto page = co_await store.list(std::move(page_filter), cursor, kPageOfMany);
    if (!page) co_return page.error();
    cursor = page->next_cursor;
    std::vector<Uuid> ids;
    ids.reserve(page->jobs.size());
    for (const Job& job : page->jobs) ids.push_back(job.id);
    if (ids.empty()) continue;
    auto done = co_await act(store, std::move(ids));
    if (!done) co_return done.error();
    count += *done;
  } while (!cursor.empty());
  co_return count;
}

Awaitable<Result<std::size_t>> cancel_page(JobAdmin& store, std::vector<Uuid> ids) {
  auto answers = co_await store.cancel(std::move(ids));
  if (!answers) co_return answers.error();
  const auto counted = std::count_if(answers->begin(), answers->end(), [](const auto& answer) {
    return answer && *answer != CancelOutcome::already_ended;
  });
  co_return static_cast<std::size_t>(counted);
}

Awaitable<Result<std::size_t>> retry_page(JobAdmin& store, std::vector<Uuid> ids) {
  auto answers = co_await store.retry(std::move(ids));
  if (!answers) co_return answers.error();
  const auto counted = std::count_if(answers->begin(), answers->end(),
                                     [](const auto& answer) { return answer.has_value(); });
  co_return static_cast<std::size_t>(counted);
}

}  // namespace

Awaitable<Result<std::size_t>> JobAdmin::cancel_where(JobFilter filter) {
  filter.states = StateSet::from_bits(filter.states.bits() & StateSet::open().bits());
  return for_matching(*this, std::move(filter), &cancel_page);
}

Awaitable<PerItem<JobState>> JobAdmin::retry(std::vector<Uuid> ids) {
  return do_retry(std::move(ids));
}

Awaitable<Result<std::size_t>> JobAdmin::retry_where(JobFilter filter) {
  const StateSet retryable{JobState::failed, JobState::cancelled, JobState::scheduled};
  filter.states = StateSet::from_bits(filter.states.bits() & retryable.bits());
  return for_matching(*this, std::move(filter), &retry_page);
}

Awaitable<PerItem<JobState>> JobAdmin::set_priority(std::vector<Uuid> ids, Priority priority) {
  if (static_cast<std::size_t>(priority) >= kPriorityCount) {
    co_return Error(Errc::invalid_argument, "\"priority\" must be urgent, high, normal or low");
  }
  co_return co_await do_set_priority(std::move(ids), priority);
}

Awaitable<Result<JobPage>> JobAdmin::list(JobFilter filter, std::string cursor, std::size_t limit) {
  if (auto ok = check(filter); !ok) co_return ok.error();
  if (limit < 1 || limit > 1'000) co_return out_of_range("limit", 1'000);
  if (filter.states.empty()) co_return JobPage();
  co_return co_await do_list(std::move(filter), std::move(cursor), limit);
}

Awaitable<Result<std::vector<QueueCounts>>> JobAdmin::counts(std::string tenant) {
  JobFilter filter;
  filter.tenant = tenant;
  if (auto ok = check(filter); !ok) co_return ok.error();
  co_return co_await do_counts(std::move(tenant));
}

Awaitable<Result<void>> JobAdmin::pause(std::string queue) {
  if (auto ok = check_name("queue", queue); !ok) co_return ok.error();
  co_return co_await do_set_paused(std::move(queue), true);
}

Awaitable<Result<void>> JobAdmin::resume(std::string queue) {
  if (auto ok = check_name("queue", queue); !ok) co_return ok.error();
  co_return co_await do_set_paused(std::move(queue), false);
}

namespace {

/// As good as for ever, and no clock overflows by it.
constexpr std::chrono::milliseconds kLongestRetention{std::chrono::hours(24 * 36'500)};

}  // namespace

Awaitable<Result<Pruned>> JobAdmin::prune(Retention retention) {
  if (retention.limit < 1 || retention.limit > 100'000) co_return out_of_range("limit", 100'000);
  for (auto* kept : {&retention.succeeded, &retention.failed, &retention.cancelled}) {
    *kept = std::clamp(*kept, std::chrono::milliseconds(0), kLongestRetention);
  }
  auto pruned = co_await do_prune(retention);
  if (!pruned) co_return pruned;
  if (auto blobs = blobs_of_removed()) {
    // A payload that cannot be removed now is garbage, not harm; the caller sees its key.
    for (const std::string& key : pruned->payload_blobs) (void)co_await blobs->remove_blob(key);
  }
  co_return pruned;
}

Awaitable<Result<VerifyPage>> JobAdmin::verify(std::string cursor, std::size_t limit) {
  if (limit < 1 || limit > 10'000) co_return out_of_range("limit", 10'000);
  co_return co_await do_verify(std::move(cursor), limit);
}

Awaitable<Result<void>> JobAdmin::hands_out() { return do_hands_out(); }

Awaitable<Result<void>> JobAdmin::do_hands_out() { co_return Result<void>(); }

Awaitable<PerItem<Erased>> JobAdmin::erase(std::vector<Uuid> ids) {
  constexpr std::size_t kMostIds = 1'000;
  if (ids.size() > kMostIds) {
    co_return Error(Errc::invalid_argument, "\"ids\" must be at most 1000");
  }
  auto erased = co_await do_erase(std::move(ids));
  if (!erased) co_return erased;
  if (auto blobs = blobs_of_removed()) {
    for (auto& one : *erased) {
      if (!one || one->payload_blob.empty()) continue;
      auto removed = co_await blobs->remove_blob(one->payload_blob);
      // The row is gone: the caller alone can name the blob now.
      if (!removed) one = removed.error().with_context("payload " + one->payload_blob);
    }
  }
  co_return erased;
}

Awaitable<Result<void>> JobAdmin::scrub() { return do_scrub(); }

Awaitable<PerItem<Erased>> JobAdmin::do_erase(std::vector<Uuid>) {
  co_return Error(Errc::unsupported, "this job store cannot erase jobs");
}

Awaitable<Result<void>> JobAdmin::do_scrub() {
  co_return Error(Errc::unsupported, "this job store does not overwrite what it has removed");
}

Awaitable<Result<VerifyPage>> JobAdmin::do_verify(std::string, std::size_t) {
  co_return Error(Errc::unsupported, "this job store cannot verify what it keeps");
}

Awaitable<PerItem<Inserted>> JobStore::insert(std::vector<NewJob> jobs) {
  const TimePoint now = this->now();
  Sorter<CheckedJob, Inserted> sorter(jobs.size());
  struct Large {
    std::size_t item;
    Uuid id;
    std::string key;
  };
  std::vector<Large> large;
  for (std::size_t i = 0; i < jobs.size(); ++i) {
    auto checked_job = check(std::move(jobs[i]), now);
    if (checked_job && checked_job->job.payload.size() > kMaxInlinePayloadBytes) {
      checked_job = co_await move_large_payload(std::move(*checked_job), blobs_);
      if (checked_job) large.push_back({i, checked_job->job.id, checked_job->payload_blob});
    }
    sorter.add(std::move(checked_job));
  }
  if (!sorter.has_good()) co_return sorter.only_bad();
  auto answered = co_await do_insert(sorter.take_good());
  auto answers = sorter.merge(std::move(answered));
  if (answers) {
    for (const Large& payload : large) {
      co_await drop_unused_payload(*this, blobs_, payload.id, payload.key,
                                   (*answers)[payload.item]);
    }
  }
  co_return answers;
}

Awaitable<PerItem<Job>> JobStore::get(std::vector<Uuid> ids) { return do_get(std::move(ids)); }

Awaitable<PerItem<Job>> JobStore::wait_for_end(std::vector<Uuid> ids, SteadyTime deadline) {
  return do_wait_for_end(std::move(ids), deadline);
}

Awaitable<PerItem<JobState>> JobStore::unpark(std::vector<UnparkRequest> requests) {
  Sorter<UnparkRequest, JobState> sorter(requests.size());
  for (UnparkRequest& request : requests) sorter.add(checked(std::move(request)));
  if (!sorter.has_good()) co_return sorter.only_bad();
  auto answered = co_await do_unpark(sorter.take_good());
  co_return sorter.merge(std::move(answered));
}

Awaitable<Result<JsonText>> JobStore::load_payload(JsonText inline_payload,
                                                   std::string payload_blob) {
  if (payload_blob.empty()) co_return inline_payload;
  if (!blobs_) {
    co_return Error(Errc::unsupported, "the payload lies in an object store, and none is set here");
  }
  auto content = co_await blobs_->get_blob(std::move(payload_blob));
  if (!content) co_return content.error().with_context("reading the payload");
  co_return JsonText::parse(std::move(*content));
}

}  // namespace rwp::jobs
