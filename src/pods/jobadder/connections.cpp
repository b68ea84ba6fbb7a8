#include "pods/jobadder/connections.hpp"

#include "pods/jobadder/object_state_store.hpp"
#include <rwp/ai_redis/fleet.hpp>
#include <rwp/core/async.hpp>
#include <rwp/net/curl_transport.hpp>
#include <rwp/storage/listing.hpp>

#include <algorithm>
#include <cassert>
#include <utility>

namespace rwp::pods {
namespace {

using boost::asio::awaitable;

constexpr std::string_view kFolder = "jobadder/";
constexpr std::string_view kNobody = "-";
constexpr std::string_view kConnection = "connection";
constexpr std::chrono::seconds kFleetWait{2};

/// A rate that the processes of a fleet share through Redis.
class SharedGate final : public jobadder::RateGate {
 public:
  explicit SharedGate(std::shared_ptr<ai::RateAllowance> allowance)
      : allowance_(std::move(allowance)) {}

  awaitable<Result<void>> acquire(SteadyTime deadline) override {
    const auto allowance = allowance_;
    auto let = co_await allowance->acquire(0, deadline);
    co_return let;
  }
  void pause(std::chrono::milliseconds wait) override { allowance_->pause(wait); }

 private:
  const std::shared_ptr<ai::RateAllowance> allowance_;
};

}  // namespace

bool has_jobadder(const Configuration& configuration) {
  return !configuration.jobadder_client_id.empty() && !configuration.jobadder_client_secret.empty();
}

Result<void> check_jobadder_tenant(const std::string& tenant) {
  const bool good = tenant.size() <= 64 && !tenant.starts_with('.') && tenant != kNobody &&
                    std::all_of(tenant.begin(), tenant.end(), [](char c) {
                      return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') ||
                             (c >= '0' && c <= '9') || c == '-' || c == '_' || c == '.';
                    });
  if (good) return {};
  return Error(Errc::invalid_argument,
               "tenant: must be 1 to 64 of a-z A-Z 0-9 - _ . and not start with a dot");
}

std::string jobadder_cell(const std::string& tenant, std::string_view name) {
  std::string cell(kFolder);
  cell += tenant.empty() ? kNobody : std::string_view(tenant);
  return cell.append("/").append(name);
}

std::string jobadder_candidate_id(std::int64_t candidate_id) {
  return "jobadder-" + std::to_string(candidate_id);
}

std::string jobadder_ad_id(const std::string& tenant, std::int64_t ad_id) {
  return "jobadder-" + (tenant.empty() ? std::string() : tenant + "-") + std::to_string(ad_id);
}

Result<std::shared_ptr<JobAdderConnections>> JobAdderConnections::open(
    const Configuration& configuration, Parts parts) {
  assert(parts.runtime != nullptr && parts.objects);
  std::shared_ptr<JobAdderConnections> made(new JobAdderConnections());
  auto& oauth = made->oauth_;
  std::string url = configuration.jobadder_auth_url;
  while (url.ends_with('/')) url.pop_back();
  oauth.authorize_url = url + "/authorize";
  oauth.token_url = url + "/token";
  oauth.client_id = configuration.jobadder_client_id;
  oauth.client_secret = configuration.jobadder_client_secret;
  if (auto checked = jobadder::check_oauth_options(oauth); !checked) {
    return checked.error().with_context("RWP_JOBADDER_…");
  }
  made->state_ = make_object_state_store(parts.objects);
  net::CurlTransportOptions options;
  options.ca_file = configuration.jobadder_ca_file;
  options.metrics = parts.metrics;
  options.log = parts.log;
  made->transport_ = net::make_curl_transport(*parts.runtime, std::move(options));
  made->requests_ = configuration.jobadder_requests;
  if (!configuration.redis_url.empty()) {
    ai_redis::FleetOptions fleet;
    fleet.prefix = "rwp:jobadder";
    fleet.log = parts.log;
    auto opened = ai_redis::open_fleet(*parts.runtime, configuration.redis_url, std::move(fleet));
    if (!opened) return opened.error().with_context("RWP_REDIS_URL");
    made->fleet_ = std::move(*opened);
    const auto until = std::chrono::steady_clock::now() + kFleetWait;
    const auto joined = block_on(*parts.runtime, made->fleet_->connected(until));
    if (!joined) {
      parts.log.warn("Redis is away; JobAdder's rate is shared by guess",
                     {{"error", joined.error()}});
    }
  }
  made->parts_ = std::move(parts);
  return made;
}

JobAdderConnections::~JobAdderConnections() = default;

std::shared_ptr<jobadder::RateGate> JobAdderConnections::gate_of(const std::string& tenant) {
  if (!fleet_) {
    jobadder::RateGateOptions options;
    options.requests_per_minute = requests_;
    return jobadder::make_rate_gate(options);
  }
  ai::RateAllowanceOptions options;
  // What lies in the members' hands, and at once after a pause, is kept back: in no minute,
  // wherever it begins, may more go than the limit.
  const std::size_t kept_back = std::max<std::size_t>(requests_ / 10, requests_ > 1 ? 1 : 0);
  options.requests_per_minute = static_cast<std::int64_t>(requests_ - kept_back);
  options.burst = std::chrono::milliseconds(1'000);
  options.learn = false;
  return std::make_shared<SharedGate>(
      fleet_->rates("account/" + (tenant.empty() ? std::string(kNobody) : tenant), options));
}

const JobAdderConnection& JobAdderConnections::of(const std::string& tenant) {
  const auto found = open_.find(tenant);
  if (found != open_.end()) return found->second;
  jobadder::TokenKeeperOptions keeping;
  keeping.oauth = oauth_;
  keeping.transport = transport_;
  keeping.state = state_;
  keeping.name = jobadder_cell(tenant, kConnection);
  keeping.log = parts_.log;
  keeping.metrics = parts_.metrics;
  JobAdderConnection made;
  made.tokens = std::make_shared<jobadder::TokenKeeper>(*parts_.runtime, std::move(keeping));
  jobadder::ClientOptions options;
  options.transport = transport_;
  options.tokens = made.tokens;
  options.gate = gate_of(tenant);
  options.log = parts_.log;
  options.metrics = parts_.metrics;
  made.client = std::make_shared<jobadder::Client>(std::move(options));
  return open_.emplace(tenant, std::move(made)).first->second;
}

jobs::Awaitable<Result<std::vector<std::string>>> JobAdderConnections::tenants() const {
  std::vector<std::string> found;
  storage::Listing listing(parts_.objects, std::string(kFolder));
  while (true) {
    const auto entry = co_await listing.next();
    if (!entry) co_return entry.error();
    if (!*entry) co_return found;
    std::string_view key = (*entry)->key;
    key.remove_prefix(kFolder.size());
    const auto slash = key.find('/');
    if (slash == std::string_view::npos || key.substr(slash + 1) != kConnection) continue;
    const auto tenant = key.substr(0, slash);
    found.emplace_back(tenant == kNobody ? std::string_view() : tenant);
  }
}

}  // namespace rwp::pods
