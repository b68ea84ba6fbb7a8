#include <rwp/core/async.hpp>

#include <chrono>
#include <conformance/job_store_conformance.hpp>
#include <cstdlib>
#include <stdexcept>

namespace rwp::tests {

using jobs::JobState;

boost::asio::awaitable<Result<void>> MapBlobStore::put_blob(std::string key, std::string content) {
  if (away) co_return Error(Errc::unavailable, "the blob store is away");
  if (hangs) {
    const auto waited = co_await sleep_for(std::chrono::hours(1));
    if (!waited) co_return waited.error();
  }
  blobs[key] = std::move(content);
  co_return Result<void>();
}

boost::asio::awaitable<Result<std::string>> MapBlobStore::get_blob(std::string key) {
  const auto found = blobs.find(key);
  if (found == blobs.end()) co_return Error(Errc::not_found, "no blob: " + key);
  co_return found->second;
}

boost::asio::awaitable<Result<void>> MapBlobStore::remove_blob(std::string key) {
  blobs.erase(key);
  co_return Result<void>();
}

TemporaryFolder::TemporaryFolder() {
  std::string name = (std::filesystem::temp_directory_path() / "rwp-test-XXXXXX").string();
  if (mkdtemp(name.data()) == nullptr) throw std::runtime_error("no temporary folder");
  path_ = name;
}

TemporaryFolder::~TemporaryFolder() {
  std::error_code ignored;
  std::filesystem::remove_all(path_, ignored);
}

JobStoreConformance::JobStoreConformance() { store_ = open_another(); }

JobStoreConformance::~JobStoreConformance() = default;

std::shared_ptr<jobs::JobStore> JobStoreConformance::open_another() {
  const StoreSetup setup{runtime_, clock_, blobs_, folder_.path()};
  return GetParam().open(setup).value();
}

std::shared_ptr<jobs::JobStore> JobStoreConformance::open_on_real_clock() {
  const StoreSetup setup{runtime_, system_clock(), nullptr, other_folder_.path()};
  return GetParam().open(setup).value();
}

namespace {

template <class T>
Result<T> only(jobs::PerItem<T> answers) {
  // A store that cannot answer at all ends the test.
  auto& items = answers.value();
  if (items.size() != 1) throw std::logic_error("not one answer for one item");
  return std::move(items.front());
}

}  // namespace

Result<jobs::Inserted> JobStoreConformance::submit(jobs::NewJob job) {
  return only(wait(store_->insert({std::move(job)})));
}

Uuid JobStoreConformance::added(jobs::NewJob job) {
  auto answer = submit(std::move(job)).value();
  EXPECT_EQ(answer.outcome, jobs::Inserted::Outcome::created);
  return answer.id;
}

Uuid JobStoreConformance::added_of(std::string kind) {
  return added(jobs::NewJob{.kind = std::move(kind)});
}

std::vector<jobs::ClaimedJob> JobStoreConformance::claim(std::size_t limit, std::size_t start) {
  return claim(jobs::ClaimRequest{
      .worker = "w", .kinds = kinds_of({"k", "other"}), .limit = limit, .start = start});
}

std::vector<jobs::ClaimedJob> JobStoreConformance::claim(jobs::ClaimRequest request) {
  return wait(store_->claim(std::move(request))).value();
}

jobs::ClaimedJob JobStoreConformance::claim_one() {
  auto claimed = claim();
  // What comes back may be announced a little before it can be had: wake-ups may be spurious.
  const auto deadline = std::chrono::steady_clock::now() + kGuard;
  while (claimed.empty() && std::chrono::steady_clock::now() < deadline) {
    (void)wait(sleep_for(std::chrono::milliseconds(2)));
    claimed = claim();
  }
  if (claimed.size() != 1) throw std::logic_error("there is no job to claim");
  return std::move(claimed.front());
}

Result<JobState> JobStoreConformance::finish(jobs::RunRef job_run, jobs::RunOutcome outcome,
                                             std::vector<jobs::NewJob> children) {
  jobs::Completion completion{
      .run = job_run, .outcome = std::move(outcome), .children = std::move(children)};
  return only(wait(store_->finish({std::move(completion)})));
}

Result<jobs::LeaseState> JobStoreConformance::extend(jobs::RunRef job_run,
                                                     std::chrono::milliseconds lease) {
  return only(wait(store_->extend({job_run}, lease)));
}

Result<jobs::LeaseState> JobStoreConformance::start(jobs::RunRef job_run) {
  return only(wait(store_->mark_started({job_run})));
}

Result<jobs::LeaseState> JobStoreConformance::progress(jobs::ProgressUpdate update) {
  return only(wait(store_->progress({std::move(update)})));
}

Result<JobState> JobStoreConformance::unpark(Uuid id, std::string key, JsonText value) {
  return only(wait(store_->unpark({{.id = id, .key = std::move(key), .value = std::move(value)}})));
}

Result<jobs::CancelOutcome> JobStoreConformance::cancel(Uuid id) {
  return only(wait(store_->cancel({id})));
}

Result<JobState> JobStoreConformance::retry(Uuid id) { return only(wait(store_->retry({id}))); }

Result<JobState> JobStoreConformance::set_priority(Uuid id, jobs::Priority priority) {
  return only(wait(store_->set_priority({id}, priority)));
}

Result<jobs::Job> JobStoreConformance::find(Uuid id) { return only(wait(store_->get({id}))); }

jobs::Job JobStoreConformance::job(Uuid id) { return find(id).value(); }

jobs::Rescued JobStoreConformance::rescue() { return wait(store_->rescue()).value(); }

jobs::QueueCounts JobStoreConformance::counts(const std::string& queue) {
  for (jobs::QueueCounts& one : wait(store_->counts()).value()) {
    if (one.queue == queue) return one;
  }
  return {};
}

std::int64_t JobStoreConformance::count(JobState state, const std::string& queue) {
  return counts(queue).states[static_cast<std::size_t>(state)];
}

jobs::Pruned JobStoreConformance::prune(jobs::Retention retention) {
  return wait(store_->prune(retention)).value();
}

void JobStoreConformance::lose_run() {
  pass_time(kLease + std::chrono::seconds(1));
  EXPECT_EQ(rescue().leases, 1U);
}

std::vector<jobs::KindSupport> kinds_of(std::initializer_list<const char*> names) {
  std::vector<jobs::KindSupport> kinds;
  for (const char* name : names) kinds.push_back({.kind = name});
  return kinds;
}

std::vector<Uuid> ids_of(const std::vector<jobs::ClaimedJob>& claimed) {
  std::vector<Uuid> ids;
  for (const jobs::ClaimedJob& job : claimed) ids.push_back(job.run.id);
  return ids;
}

Error any_failure() { return Error(Errc::unavailable, "upstream is away"); }

}  // namespace rwp::tests
