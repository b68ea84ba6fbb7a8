#pragma once

#include "pods/ctl/context.hpp"
#include "pods/jobadder/connections.hpp"
#include <rwp/core/error.hpp>
#include <rwp/jobs/job_store.hpp>

#include <cstdint>
#include <memory>
#include <string>

/// What rwpctl's commands about JobAdder share.
namespace rwp::pods::ctl {

struct JobAdderDesk {
  std::shared_ptr<storage::ObjectStore> objects{};
  std::shared_ptr<JobAdderConnections> connections{};
  std::string tenant{};
};

/// `Errc::invalid_argument`: no client is named, or the tenant is none.
Result<JobAdderDesk> open_jobadder_desk(Context& context);

/// A sync that was asked for.
struct HurriedSync {
  Uuid id{};
  /// Runs with a higher token have begun after that.
  std::uint64_t token = 0;
};

/// Has the tenant's lists looked at now: submits the sync, or makes the one that waits due; one
/// that runs is waited for, at most until `deadline`.
Result<HurriedSync> hurry_sync(Context& context, const std::shared_ptr<jobs::JobStore>& store,
                               const std::string& tenant, SteadyTime deadline);

/// How long an answer of JobAdder is waited for.
SteadyTime jobadder_patience();

}  // namespace rwp::pods::ctl
