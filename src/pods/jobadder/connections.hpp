#pragma once

#include <rwp/core/error.hpp>
#include <rwp/core/runtime.hpp>
#include <rwp/jobadder/client.hpp>
#include <rwp/jobadder/state_store.hpp>
#include <rwp/jobadder/token_keeper.hpp>
#include <rwp/jobs/job_store.hpp>
#include <rwp/observability/log.hpp>
#include <rwp/observability/metrics.hpp>
#include <rwp/pods/configuration.hpp>
#include <rwp/storage/object_store.hpp>

#include <map>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

namespace rwp::ai_redis {
class Fleet;
}

namespace rwp::pods {

/// Whether the settings name JobAdder's client, without which there is no connection.
bool has_jobadder(const Configuration& configuration);

/// A tenant that may have a connection: empty, or 1 to 64 of a-z A-Z 0-9 - _ . without a dot at its
/// start. `Errc::invalid_argument`.
Result<void> check_jobadder_tenant(const std::string& tenant);

/// Where a tenant's part of what is kept lies: "jobadder/acme/NAME"; of no tenant "jobadder/-/…".
std::string jobadder_cell(const std::string& tenant, std::string_view name);

/// How records of JobAdder are called here. A candidate's id is the tenant's own; adverts are not
/// kept by tenant, so theirs holds it.
std::string jobadder_candidate_id(std::int64_t candidate_id);
std::string jobadder_ad_id(const std::string& tenant, std::int64_t ad_id);

/// One tenant's account.
struct JobAdderConnection {
  std::shared_ptr<jobadder::TokenKeeper> tokens{};
  std::shared_ptr<jobadder::Client> client{};
};

/// The accounts of all tenants, opened when they are asked for; each with its own rate.
///
/// Threads: made on any, else confined to the runtime's I/O thread. Lifetime: the runtime outlives
/// it.
class JobAdderConnections {
 public:
  struct Parts {
    Runtime* runtime = nullptr;
    std::shared_ptr<storage::ObjectStore> objects{};
    observability::Logger log{};
    /// May be null.
    std::shared_ptr<observability::Metrics> metrics{};
  };
  /// `Errc::invalid_argument`: settings of no use.
  static Result<std::shared_ptr<JobAdderConnections>> open(const Configuration& configuration,
                                                           Parts parts);
  ~JobAdderConnections();
  JobAdderConnections(const JobAdderConnections&) = delete;
  JobAdderConnections& operator=(const JobAdderConnections&) = delete;

  const JobAdderConnection& of(const std::string& tenant);
  /// Tenants that have signed in.
  jobs::Awaitable<Result<std::vector<std::string>>> tenants() const;

  const std::shared_ptr<jobadder::StateStore>& state() const noexcept { return state_; }
  const jobadder::OAuthOptions& oauth() const noexcept { return oauth_; }
  /// Sends each request once.
  const std::shared_ptr<net::HttpTransport>& transport() const noexcept { return transport_; }

 private:
  JobAdderConnections() = default;
  std::shared_ptr<jobadder::RateGate> gate_of(const std::string& tenant);

  Parts parts_;
  std::size_t requests_ = 0;
  jobadder::OAuthOptions oauth_;
  std::shared_ptr<jobadder::StateStore> state_;
  std::shared_ptr<net::HttpTransport> transport_;
  std::shared_ptr<ai_redis::Fleet> fleet_;
  std::map<std::string, JobAdderConnection> open_;
};

}  // namespace rwp::pods
