#include <rwp/core/async.hpp>
#include <rwp/jobs_sqlite/sqlite_job_store.hpp>

#include <algorithm>
#include <array>
#include <conformance/job_store_conformance.hpp>
#include <iostream>
#include <set>
#include <sstream>
#include <support/property.hpp>
#include <support/reference_job.hpp>

/// Random commands on a few jobs of one store, compared with the reference model after each.
namespace rwp::tests {
namespace {

using namespace std::chrono_literals;
using boost::asio::awaitable;
using jobs::JobState;
using jobs::TimePoint;

constexpr std::size_t kMaxCommands = 20;
constexpr std::size_t kMaxJobs = 3;
// The clock goes in whole seconds, so that no lease and no retention ends just now.
constexpr std::chrono::milliseconds kShortLease{5'500};
constexpr std::chrono::milliseconds kShortRetention{4'500};

/// One job as the test knows it.
struct Known {
  Uuid id{};
  ReferenceJob reference;
  jobs::Priority priority = jobs::Priority::normal;
  std::chrono::nanoseconds lease_until{0};
  TimePoint ended_at{};
  bool pruned = false;
  std::int64_t handle = 0;
};

jobs::RunOutcome any_outcome(Dice& dice) {
  const std::chrono::milliseconds delay = dice.roll(3) * 1s;
  switch (dice.roll(10)) {
    case 0:
      return jobs::Succeed{JsonText::trusted("1")};
    case 1:
    case 2:
      return jobs::Retry{any_failure(), delay};
    case 3:
      return jobs::Fail{any_failure()};
    case 4:
      return jobs::Snooze{delay};
    case 5:
    case 6:
      return jobs::Park{.key = dice.one_in(2) ? "a" : "b", .timeout = 2s};
    case 7:
      return jobs::HandBack{};
    case 8:
      return jobs::Crashed{any_failure(), delay};
    default:
      return jobs::Cancelled{};
  }
}

/// One sequence. Every function that awaits runs on the store's I/O thread.
class History {
 public:
  History(std::shared_ptr<jobs::JobStore> store, std::shared_ptr<ManualClock> clock, Dice& dice)
      : store_(std::move(store)),
        clock_(std::move(clock)),
        dice_(dice),
        is_deadly_(dice.one_in(8)) {
    jobs_.reserve(kMaxJobs);
  }

  /// What the two worlds disagree about; empty: nothing.
  std::string problem() const {
    return problem_.empty() ? std::string() : problem_ + "; after: " + trace_.str();
  }

  awaitable<void> run() {
    co_await insert();
    const std::size_t commands = 1 + dice_.roll(kMaxCommands);
    for (std::size_t i = 0; i < commands && problem_.empty(); ++i) {
      co_await step();
      if (problem_.empty()) co_await observe();
    }
    if (problem_.empty()) co_await compare_counts();
    // It looks at everything, so not each time.
    if (problem_.empty() && dice_.one_in(20)) co_await verify();
    co_await clean_up();
  }

 private:
  awaitable<void> step() {
    if (is_deadly_ && !dice_.one_in(4)) return dice_.one_in(2) ? claim() : die();
    switch (dice_.roll(16)) {
      case 0:
        return insert();
      case 1:
      case 2:
      case 3:
      case 4:
        return claim();
      case 5:
      case 6:
      case 7:
        return finish();
      case 8:
        return extend();
      case 9:
        return start();
      case 10:
        return cancel();
      case 11:
        return retry();
      case 12:
        return unpark();
      case 13:
        return rescue();
      case 14:
        return dice_.one_in(2) ? set_priority() : prune();
      default:
        return pass_time();
    }
  }

  Known& any_job() { return jobs_[dice_.roll(jobs_.size())]; }

  std::uint64_t some_token(const Known& job) {
    const auto& runs = job.reference.runs;
    if (runs.empty() || dice_.one_in(12)) return 1 + dice_.roll(5);
    if (dice_.one_in(4)) return runs[dice_.roll(runs.size())].token;
    return runs.back().token;
  }

  jobs::RunRef some_run(const Known& job) {
    return {.id = job.id,
            .token = some_token(job),
            .handle = dice_.one_in(2) ? job.handle : std::int64_t{0}};
  }

  template <class T>
  void expect(const char* command, const jobs::PerItem<T>& answers, const Known& job, Errc wanted) {
    trace_ << command << " #" << index_of(job) << "; ";
    if (!answers) {
      problem_ = std::string(command) + ": " + answers.error().to_string();
      return;
    }
    const Result<T>& answer = answers->front();
    const Errc got = answer ? Errc::none : answer.error().code();
    if (job.pruned) wanted = Errc::not_found;
    if (got != wanted) {
      problem_ = std::string(command) + ": store " + std::string(to_string(got)) + ", reference " +
                 std::string(to_string(wanted));
    }
  }

  std::size_t index_of(const Known& job) const {
    return static_cast<std::size_t>(&job - jobs_.data());
  }

  /// After a command that may have ended the job.
  void note_end(Known& job, bool was_ended) {
    if (!was_ended && has_ended(job.reference.state)) job.ended_at = clock_->now();
  }

  awaitable<void> insert() {
    if (jobs_.size() == kMaxJobs) co_return;
    jobs::NewJob job;
    job.id = Uuid::make_v7(clock_->now());
    job.kind = "k";
    job.max_attempts = 1 + static_cast<int>(dice_.roll(3));
    job.priority = static_cast<jobs::Priority>(dice_.roll(jobs::kPriorityCount));
    job.delay = dice_.one_in(3) ? 2s : 0s;
    const ReferenceJob reference(job.max_attempts, clock_->now() + job.delay, clock_->now());
    jobs_.push_back({.id = job.id, .reference = reference, .priority = job.priority});
    trace_ << "insert; ";
    std::vector<jobs::NewJob> batch(dice_.one_in(4) ? 2U : 1U, job);
    const auto answers = co_await store_->insert(std::move(batch));
    for (const auto& answer : answers.value()) {
      if (!answer || answer->id != job.id) problem_ = "insert was refused";
    }
  }

  bool claimable(const Known& job) const {
    const bool park_over =
        job.reference.state == JobState::parked && job.reference.due <= clock_->now();
    return !job.pruned && (job.reference.claimable(clock_->now()) || park_over);
  }

  awaitable<void> claim() {
    jobs::ClaimRequest request;
    request.kinds = kinds_of({"k"});
    request.limit = 1 + dice_.roll(kMaxJobs);
    request.start = dice_.roll(request.limit + 1);
    request.lease = kShortLease;
    const std::size_t limit = request.limit;
    const std::size_t start = request.start;
    trace_ << "claim " << limit << "/" << start << "; ";
    const auto claimed = co_await store_->claim(std::move(request));
    check_claim(claimed.value(), limit, start);
  }

  void check_claim(const std::vector<jobs::ClaimedJob>& claimed, std::size_t limit,
                   std::size_t start) {
    std::vector<Known*> order;
    bool suspects = false;
    for (Known& job : jobs_) {
      if (!claimable(job)) continue;
      order.push_back(&job);
      suspects = suspects || job.reference.must_run_alone();
    }
    std::stable_sort(order.begin(), order.end(),
                     [](const Known* a, const Known* b) { return a->priority < b->priority; });
    if (claimed.size() > limit) problem_ = "claimed more than the limit";
    if (claimed.empty() != order.empty()) problem_ = "claim overlooked jobs, or found some";
    if (!suspects && claimed.size() != std::min(limit, order.size())) problem_ = "claimed too few";
    for (std::size_t i = 0; i < claimed.size() && problem_.empty(); ++i) {
      take(claimed[i], i, order, start, suspects, i + 1 == claimed.size());
    }
  }

  void take(const jobs::ClaimedJob& taken, std::size_t place, const std::vector<Known*>& order,
            std::size_t start, bool suspects, bool last) {
    const auto found = std::find_if(order.begin(), order.end(),
                                    [&](const Known* job) { return job->id == taken.run.id; });
    if (found == order.end()) {
      problem_ = "claimed a job that is not claimable";
      return;
    }
    if (!suspects && *found != order[place]) problem_ = "claimed out of order";
    Known& job = **found;
    ReferenceJob& reference = job.reference;
    if (reference.state == JobState::scheduled) reference.time_comes(clock_->now());
    if (reference.state == JobState::parked) reference.park_runs_out(clock_->now());
    if (taken.run.token <= reference.highest_token()) problem_ = "the token did not rise";
    if (taken.alone != reference.must_run_alone()) problem_ = "alone is wrong";
    if (taken.alone && !last) problem_ = "a suspect is not the last of its claim";
    if (taken.started != (place < start && !taken.alone)) problem_ = "started is wrong";
    if (taken.attempt != reference.failed_attempts) problem_ = "the claim's attempt is wrong";
    if (reference.claim(taken.run.token, taken.started) != Errc::none) problem_ = "claimed twice";
    job.lease_until = clock_->since_boot() + kShortLease;
    job.handle = taken.run.handle;
  }

  awaitable<void> finish() {
    Known& job = any_job();
    jobs::Completion completion;
    completion.run = some_run(job);
    completion.outcome = any_outcome(dice_);
    const std::uint64_t token = completion.run.token;
    const jobs::RunOutcome outcome = completion.outcome;
    trace_ << "outcome " << outcome.index() << ": ";
    std::vector<jobs::Completion> one;
    one.push_back(std::move(completion));
    const auto answers = co_await store_->finish(std::move(one));
    const bool was_ended = has_ended(job.reference.state);
    expect("finish", answers, job, job.reference.finish(token, outcome, clock_->now()));
    note_end(job, was_ended);
  }

  awaitable<void> extend() {
    Known& job = any_job();
    std::vector<jobs::RunRef> one(1, some_run(job));
    const Errc wanted = job.reference.heartbeat(one[0].token);
    const auto answers = co_await store_->extend(std::move(one), kShortLease);
    expect("extend", answers, job, wanted);
    if (wanted == Errc::none) job.lease_until = clock_->since_boot() + kShortLease;
  }

  awaitable<void> start() {
    Known& job = any_job();
    std::vector<jobs::RunRef> one(1, some_run(job));
    const Errc wanted = job.reference.begin(one[0].token);
    const auto answers = co_await store_->mark_started(std::move(one));
    expect("start", answers, job, wanted);
    if (problem_.empty() && wanted == Errc::none && !job.pruned &&
        answers->front()->cancel_requested != job.reference.cancel_wanted) {
      problem_ = "the heartbeat's cancel_requested is wrong";
    }
  }

  awaitable<void> cancel() {
    Known& job = any_job();
    std::vector<Uuid> one(1, job.id);
    const bool was_ended = has_ended(job.reference.state);
    const auto answers = co_await store_->cancel(std::move(one));
    expect("cancel", answers, job, Errc::none);
    if (job.pruned || !problem_.empty()) co_return;
    if (*answers->front() != job.reference.cancel()) problem_ = "cancel's answer is wrong";
    note_end(job, was_ended);
  }

  awaitable<void> retry() {
    Known& job = any_job();
    std::vector<Uuid> one(1, job.id);
    const auto answers = co_await store_->retry(std::move(one));
    expect("retry", answers, job, job.pruned ? Errc::none : job.reference.retry(clock_->now()));
  }

  awaitable<void> unpark() {
    Known& job = any_job();
    jobs::UnparkRequest request;
    request.id = job.id;
    request.key = dice_.one_in(2) ? "a" : "b";
    const Errc wanted = job.reference.unpark(request.key);
    std::vector<jobs::UnparkRequest> one;
    one.push_back(std::move(request));
    const auto answers = co_await store_->unpark(std::move(one));
    expect("unpark", answers, job, wanted);
  }

  awaitable<void> set_priority() {
    Known& job = any_job();
    const auto priority = static_cast<jobs::Priority>(dice_.roll(jobs::kPriorityCount));
    const JobState state = job.reference.state;
    const bool waits = state != JobState::running && !has_ended(state);
    std::vector<Uuid> one(1, job.id);
    const auto answers = co_await store_->set_priority(std::move(one), priority);
    expect("set priority", answers, job, waits ? Errc::none : Errc::conflict);
    if (waits) job.priority = priority;
  }

  awaitable<void> rescue() {
    trace_ << "rescue; ";
    const auto rescued = co_await store_->rescue();
    std::size_t leases = 0;
    std::size_t parks = 0;
    std::size_t quarantined = 0;
    for (Known& job : jobs_) {
      ReferenceJob& reference = job.reference;
      if (reference.state == JobState::running && job.lease_until <= clock_->since_boot()) {
        ++leases;
        reference.lose();
        if (reference.state == JobState::failed) ++quarantined;
        note_end(job, false);
      } else if (reference.park_runs_out(clock_->now()) == Errc::none) {
        ++parks;
      }
    }
    if (!rescued || rescued->leases != leases || rescued->parks != parks ||
        rescued->quarantined != quarantined) {
      problem_ = "rescue counted wrong";
    }
  }

  awaitable<void> prune() {
    jobs::Retention retention;
    retention.succeeded = retention.failed = retention.cancelled = kShortRetention;
    trace_ << "prune; ";
    const auto pruned = co_await store_->prune(retention);
    std::size_t gone = 0;
    for (Known& job : jobs_) {
      const bool is_past = has_ended(job.reference.state) && !job.pruned &&
                           job.ended_at + kShortRetention <= clock_->now();
      if (!is_past) continue;
      job.pruned = true;
      ++gone;
    }
    if (!pruned || pruned->jobs != gone) problem_ = "prune removed another number of jobs";
  }

  /// The handlers of all that runs begin, and their process dies.
  awaitable<void> die() {
    for (Known& job : jobs_) {
      if (job.reference.state != JobState::running) continue;
      std::vector<jobs::RunRef> one;
      one.push_back({.id = job.id, .token = job.reference.highest_token()});
      job.reference.begin(one[0].token);
      const auto answers = co_await store_->mark_started(std::move(one));
      expect("start", answers, job, Errc::none);
    }
    trace_ << "6 s pass; ";
    clock_->pass(6s);
    co_await rescue();
  }

  awaitable<void> pass_time() {
    const std::chrono::milliseconds time = dice_.roll(4) * 1s;
    trace_ << time / 1s << " s pass; ";
    clock_->pass(time);
    co_return;
  }

  awaitable<void> observe() {
    std::vector<Uuid> ids;
    for (const Known& job : jobs_) ids.push_back(job.id);
    const auto shown = co_await store_->get(std::move(ids));
    if (!shown) {
      problem_ = "get: " + shown.error().to_string();
      co_return;
    }
    for (std::size_t i = 0; i < jobs_.size() && problem_.empty(); ++i) {
      compare(jobs_[i], (*shown)[i]);
    }
  }

  void compare(Known& known, const Result<jobs::Job>& shown) {
    if (known.pruned) {
      if (shown || shown.error().code() != Errc::not_found) problem_ = "a pruned job is shown";
      return;
    }
    if (!shown) {
      problem_ = "a job is gone";
      return;
    }
    ReferenceJob& reference = known.reference;
    // When the store makes due jobs ready is its own business.
    if (shown->state == JobState::ready) {
      reference.time_comes(clock_->now());
      reference.park_runs_out(clock_->now());
    }
    std::ostringstream out;
    differ(out, "state", enum_name(shown->state), enum_name(reference.state));
    differ(out, "reason", enum_name(shown->end_reason), enum_name(reference.reason));
    differ(out, "attempt", shown->attempt, reference.failed_attempts);
    differ(out, "marks", shown->suspect_marks, reference.marks);
    differ(out, "crashes", shown->crashes, reference.deaths_alone);
    differ(out, "cancel", shown->cancel_requested, reference.cancel_wanted);
    differ(out, "priority", enum_name(shown->priority), enum_name(known.priority));
    differ(out, "errors", static_cast<int>(shown->errors.size()),
           std::min(reference.errors, static_cast<int>(jobs::kMaxErrorsKept)));
    differ(out, "ended", shown->finished_at.has_value(), has_ended(reference.state));
    differ(out, "result", shown->result.has_value(), reference.state == JobState::succeeded);
    if (shown->run_token < reference.highest_token()) out << "the token went back; ";
    if (has_ended(reference.state)) {
      differ(out, "end", shown->finished_at == known.ended_at, true);
    }
    if (reference.state == JobState::scheduled || reference.state == JobState::parked) {
      differ(out, "due", (shown->run_at - reference.due).count(), 0);
    }
    if (reference.state == JobState::parked) {
      differ(out, "key", shown->park_key, reference.waits_for);
    }
    if (!out.str().empty()) problem_ = "job #" + std::to_string(index_of(known)) + " " + out.str();
  }

  template <class T, class U>
  static void differ(std::ostream& out, const char* what, const T& store, const U& reference) {
    if (store != reference) {
      out << what << ": store " << store << ", reference " << reference << "; ";
    }
  }

  awaitable<void> compare_counts() {
    std::array<std::int64_t, jobs::kJobStateCount> wanted{};
    for (const Known& job : jobs_) {
      if (!job.pruned) ++wanted[static_cast<std::size_t>(job.reference.state)];
    }
    const auto counted = co_await store_->counts();
    if (counted.value().size() != 1 || counted->front().states != wanted) {
      std::ostringstream out;
      out << "counts: store";
      for (const auto n : counted->front().states) out << ' ' << n;
      out << ", reference";
      for (const auto n : wanted) out << ' ' << n;
      problem_ = out.str();
    }
  }

  /// Whatever has happened, what the store keeps holds together.
  awaitable<void> verify() {
    std::string cursor;
    do {
      const auto page = co_await store_->verify(cursor, 1'000);
      cursor = page.value().next_cursor;
      if (page->findings.empty()) continue;
      const auto& first = page->findings.front();
      problem_ = "verify found " + first.kind + ": " + first.detail;
      co_return;
    } while (!cursor.empty());
  }

  /// Leaves an empty store to the next sequence.
  awaitable<void> clean_up() {
    std::vector<Uuid> ids;
    for (const Known& job : jobs_) ids.push_back(job.id);
    co_await store_->cancel(std::move(ids));
    clock_->pass(6s);
    co_await store_->rescue();
    jobs::Retention retention;
    retention.succeeded = retention.failed = retention.cancelled = 1ms;
    clock_->pass(1s);
    const auto pruned = co_await store_->prune(retention);
    const auto kept = static_cast<std::size_t>(
        std::count_if(jobs_.begin(), jobs_.end(), [](const Known& job) { return !job.pruned; }));
    if (problem_.empty() && (!pruned || pruned->jobs != kept)) problem_ = "jobs were left over";
  }

  std::shared_ptr<jobs::JobStore> store_;
  std::shared_ptr<ManualClock> clock_;
  Dice& dice_;
  /// Most runs of this sequence die; else the crash budget would hardly ever be spent.
  const bool is_deadly_;
  std::vector<Known> jobs_;
  std::ostringstream trace_;
  std::string problem_;
};

awaitable<Result<std::string>> run_one(History* history) {
  co_await history->run();
  co_return history->problem();
}

void run_sequences(const std::string& path, std::uint64_t by_default) {
  const std::uint64_t sequences = property_sequences(by_default);
  const std::uint64_t seed = property_seed();
  std::cout << "RWP_PROPERTY_SEED=" << seed << ", " << sequences << " sequences\n";
  Dice dice(seed);
  const auto clock = std::make_shared<ManualClock>();
  Runtime runtime;
  jobs_sqlite::SqliteOptions options;
  options.path = path;
  options.clock = clock;
  // What power cuts do is not the subject, and each step would wait for the disk.
  options.synchronous_full = false;
  const auto store = jobs_sqlite::open_sqlite_job_store(runtime, std::move(options)).value();

  for (std::uint64_t sequence = 0; sequence < sequences; ++sequence) {
    History history(store, clock, dice);
    const auto problem = block_on(runtime, run_one(&history));
    ASSERT_EQ(problem.value(), "") << "sequence " << sequence << ", RWP_PROPERTY_SEED=" << seed;
  }
}

TEST(SqliteJobStorePropertyTest, RandomHistoriesInMemoryAgreeWithTheReferenceModel) {
  run_sequences("", 10'000);
}

TEST(SqliteJobStorePropertyTest, RandomHistoriesInAFileAgreeWithTheReferenceModel) {
  const TemporaryFolder folder;

  run_sequences((folder.path() / "jobs.db").string(), 1'000);
}

}  // namespace
}  // namespace rwp::tests
