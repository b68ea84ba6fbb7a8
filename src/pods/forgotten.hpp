#pragma once

#include <rwp/core/error.hpp>
#include <rwp/jobs/job_store.hpp>
#include <rwp/jobs/outbox_job.hpp>
#include <rwp/storage/object_store.hpp>

#include <chrono>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

namespace rwp::pods {

/// Whose data it is, without telling who: what stands in events, keys of objects and answers, and
/// tags of jobs. Empty for an empty id.
std::string subject_of(std::string_view tenant, std::string_view candidate_id);
/// Of jobs that belong to a subject and do not name the candidate in their payload.
using jobs::subject_tag;
/// The candidate that a job is about, from its payload: of "candidate.parse" and "match.score".
/// Empty: none, or the payload does not say.
std::string candidate_in(std::string_view kind, const JsonText& payload);

/// The candidates who are to stay forgotten, as objects "forgotten/SUBJECT.json", which name
/// nobody: whoever knows tenant and id can ask whether they are on the list, and that is all.
///
/// It is written before anything is removed, so whoever asks it, directly before he stores or
/// submits something, lets nobody come back: the edges that submit, what mirrors another system,
/// and last the handlers themselves. Ids are those of the jobs' payloads ("candidate.parse": id).
/// Errors are the object store's; who cannot ask stores nothing.
/// Threads and lifetime: as the object store, which it shares.
class Forgotten {
 public:
  explicit Forgotten(std::shared_ptr<storage::ObjectStore> objects);

  jobs::Awaitable<Result<bool>> holds(std::string tenant, std::string candidate_id);
  /// One answer an id, in their order; of many, the list is read once.
  jobs::Awaitable<Result<std::vector<bool>>> which(std::string tenant,
                                                   std::vector<std::string> candidate_ids);
  /// Safe to repeat; the first time is kept.
  jobs::Awaitable<Result<void>> add(std::string tenant, std::string candidate_id);
  /// The candidate may come back.
  jobs::Awaitable<Result<void>> remove(std::string tenant, std::string candidate_id);

 private:
  const std::shared_ptr<storage::ObjectStore> objects_;
};

/// Removes an object of a forgotten candidate, with all versions that the store keeps of it where
/// this process may remove these.
jobs::Awaitable<Result<void>> remove_for_good(std::shared_ptr<storage::ObjectStore> objects,
                                              std::string key);

/// What a job of a forgotten candidate ends with: for good.
Error forgotten_error();

}  // namespace rwp::pods
