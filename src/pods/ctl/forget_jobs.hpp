#pragma once

#include <rwp/core/runtime.hpp>
#include <rwp/jobs/job_store.hpp>
#include <rwp/storage/object_store.hpp>

#include <chrono>
#include <cstddef>
#include <memory>
#include <set>
#include <string>

namespace rwp::pods::ctl {

/// A candidate's jobs in a store: those whose payload names them, and those that carry their
/// subject's tag. Every job of these kinds is looked at, so one that nobody tagged is found as
/// well. Calls block. Threads: one at a time, not on an I/O thread.
class CandidateJobs {
 public:
  CandidateJobs(Runtime& runtime, std::shared_ptr<jobs::JobStore> store,
                std::shared_ptr<storage::ObjectStore> objects, std::string tenant,
                std::string candidate_id);

  /// Looks for them; answers how many there are.
  Result<std::size_t> find();
  /// Keys of objects that their payloads name: documents, and payloads too large for a row.
  const std::set<std::string>& object_keys() const { return object_keys_; }

  /// Cancels what is open and waits for what runs; answers how many have not ended by `deadline`.
  Result<std::size_t> end(SteadyTime deadline);
  /// Removes what has ended; answers how many went.
  Result<std::size_t> erase();

 private:
  Result<void> walk(jobs::JobFilter filter);
  Result<void> take(const jobs::Job& job, bool is_tagged);
  Result<JsonText> payload_of(const jobs::Job& job);

  Runtime& runtime_;
  const std::shared_ptr<jobs::JobStore> store_;
  const std::shared_ptr<storage::ObjectStore> objects_;
  const std::string tenant_;
  const std::string candidate_id_;
  std::set<Uuid> all_;
  std::set<Uuid> open_;
  std::set<std::string> object_keys_;
};

}  // namespace rwp::pods::ctl
