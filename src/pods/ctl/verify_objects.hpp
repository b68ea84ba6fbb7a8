#pragma once

#include "pods/ctl/progress.hpp"
#include <rwp/core/runtime.hpp>
#include <rwp/jobs/job_store.hpp>
#include <rwp/storage/object_store.hpp>

#include <functional>
#include <memory>

/// Objects against jobs: what jobs name must be there, and what is there must be some job's.
namespace rwp::pods::ctl {

/// Names of what may be wrong, beside those of rwp/jobs/verification.hpp.
constexpr std::string_view kObjectMissing = "object_missing";
constexpr std::string_view kObjectCorrupt = "object_corrupt";
constexpr std::string_view kObjectWithoutJob = "object_without_job";

using OnFinding = std::function<void(const jobs::Finding& finding)>;

/// What the checks work with. Calls block.
struct ObjectChecks {
  Runtime& runtime;
  std::shared_ptr<jobs::JobStore> store{};
  std::shared_ptr<storage::ObjectStore> objects{};
  OnFinding on_finding{};
};

/// The payload that a job has in the object store: there, and of the bytes that its key names.
Result<void> check_payload(const ObjectChecks& checks, const jobs::BlobReference& reference);
/// Payloads that belong to no job. Those younger than an hour may be a submit's that is on its way.
Result<void> check_strays(const ObjectChecks& checks, ProgressBar& bar);
/// The records that succeeded enrichments name in their results.
Result<void> check_records(const ObjectChecks& checks, ProgressBar& bar);

}  // namespace rwp::pods::ctl
