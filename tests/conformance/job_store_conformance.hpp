#pragma once

#include <rwp/core/clock.hpp>
#include <rwp/core/runtime.hpp>
#include <rwp/jobs/job_store.hpp>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <chrono>
#include <filesystem>
#include <functional>
#include <map>
#include <memory>
#include <string>
#include <support/manual_clock.hpp>
#include <support/run.hpp>
#include <vector>

/// What every JobStore must keep, whatever is beneath it. A backend is done when it passes all of
/// it; its test file instantiates the suite:
///
///     INSTANTIATE_TEST_SUITE_P(File, JobStoreConformance, ::testing::Values(…), backend_name);
namespace rwp::tests {

/// What a backend opens a store with.
struct StoreSetup {
  Runtime& runtime;
  std::shared_ptr<const Clock> clock;
  std::shared_ptr<BlobStore> blobs;
  /// A folder of this test alone. Opening twice with the same one gives the same jobs.
  std::filesystem::path folder;
};

struct JobStoreBackend {
  std::string name{};
  std::function<Result<std::shared_ptr<jobs::JobStore>>(const StoreSetup&)> open{};
  /// Several stores may be open on the same jobs, and what is closed is there when it is opened.
  bool is_shared = true;
};

inline void PrintTo(const JobStoreBackend& backend, std::ostream* out) { *out << backend.name; }
inline std::string backend_name(const ::testing::TestParamInfo<JobStoreBackend>& info) {
  return info.param.name;
}

/// Keeps blobs in a map; can be told to fail, or not to answer.
class MapBlobStore final : public BlobStore {
 public:
  boost::asio::awaitable<Result<void>> put_blob(std::string key, std::string content) override;
  boost::asio::awaitable<Result<std::string>> get_blob(std::string key) override;
  boost::asio::awaitable<Result<void>> remove_blob(std::string key) override;

  std::map<std::string, std::string> blobs{};
  bool away = false;
  bool hangs = false;
};

/// A folder under the system's temporary one, removed with all in it.
class TemporaryFolder {
 public:
  TemporaryFolder();
  ~TemporaryFolder();
  TemporaryFolder(const TemporaryFolder&) = delete;
  TemporaryFolder& operator=(const TemporaryFolder&) = delete;
  const std::filesystem::path& path() const { return path_; }

 private:
  std::filesystem::path path_;
};

class JobStoreConformance : public ::testing::TestWithParam<JobStoreBackend> {
 protected:
  JobStoreConformance();
  ~JobStoreConformance() override;

  /// Another store on the same jobs.
  std::shared_ptr<jobs::JobStore> open_another();
  /// A store of its own on the machine's clock.
  std::shared_ptr<jobs::JobStore> open_on_real_clock();

  template <class T>
  Result<T> wait(boost::asio::awaitable<Result<T>> operation) {
    return run(runtime_, std::move(operation));
  }

  // The calls for one item; a failure of the store as a whole fails the test.
  Result<jobs::Inserted> submit(jobs::NewJob job);
  /// Submits a job that must be accepted, and gives its id.
  Uuid added(jobs::NewJob job);
  /// Of kind "k".
  Uuid added() { return added_of("k"); }
  Uuid added_of(std::string kind);
  /// Of kinds "k" and "other".
  std::vector<jobs::ClaimedJob> claim(std::size_t limit = 1, std::size_t start = 10'000);
  std::vector<jobs::ClaimedJob> claim(jobs::ClaimRequest request);
  /// The one job that can be claimed.
  jobs::ClaimedJob claim_one();
  Result<jobs::JobState> finish(jobs::RunRef job_run, jobs::RunOutcome outcome,
                                std::vector<jobs::NewJob> children = {});
  Result<jobs::LeaseState> extend(jobs::RunRef job_run, std::chrono::milliseconds lease = kLease);
  Result<jobs::LeaseState> start(jobs::RunRef job_run);
  Result<jobs::LeaseState> progress(jobs::ProgressUpdate update);
  Result<jobs::JobState> unpark(Uuid id, std::string key, JsonText value = JsonText());
  Result<jobs::CancelOutcome> cancel(Uuid id);
  Result<jobs::JobState> retry(Uuid id);
  Result<jobs::JobState> set_priority(Uuid id, jobs::Priority priority);
  Result<jobs::Job> find(Uuid id);
  /// The job, which must be there.
  jobs::Job job(Uuid id);
  jobs::JobState state(Uuid id) { return job(id).state; }
  jobs::Rescued rescue();
  jobs::QueueCounts counts(const std::string& queue = "default");
  std::int64_t count(jobs::JobState state, const std::string& queue = "default");
  jobs::Pruned prune(jobs::Retention retention);

  void pass_time(std::chrono::milliseconds time) { clock_->pass(time); }
  /// The lease of a run that has begun lapses, and the job is given back.
  void lose_run();

  static constexpr std::chrono::milliseconds kLease{30'000};

  const std::shared_ptr<ManualClock> clock_ = std::make_shared<ManualClock>();
  const std::shared_ptr<MapBlobStore> blobs_ = std::make_shared<MapBlobStore>();
  TemporaryFolder folder_;
  TemporaryFolder other_folder_;
  // Stores go before the runtime.
  Runtime runtime_;
  std::shared_ptr<jobs::JobStore> store_;
};

std::vector<jobs::KindSupport> kinds_of(std::initializer_list<const char*> names);
std::vector<Uuid> ids_of(const std::vector<jobs::ClaimedJob>& claimed);
Error any_failure();

}  // namespace rwp::tests
