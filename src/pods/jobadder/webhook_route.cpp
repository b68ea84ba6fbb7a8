#include "pods/jobadder/webhook_route.hpp"

#include "pods/jobadder/connections.hpp"
#include "pods/jobadder/handlers.hpp"
#include "pods/jobadder/watchdog.hpp"
#include <rwp/core/async.hpp>
#include <rwp/jobadder/oauth.hpp>
#include <rwp/jobadder/webhook.hpp>
#include <rwp/server/problem.hpp>

#include <algorithm>
#include <map>
#include <mutex>
#include <utility>
#include <vector>

namespace rwp::pods {
namespace {

using jobs::Awaitable;
using server::Request;
using server::Response;
using SteadyClock = std::chrono::steady_clock;

/// JobAdder waits 100 s; the job store gets a part of it.
constexpr std::chrono::seconds kStorePatience{20};
constexpr std::chrono::seconds kStatePatience{10};
/// What was read of the webhooks' ids is good for so long; an id that is unknown is looked for
/// again after a few seconds.
constexpr std::chrono::seconds kKnownFor{60};
constexpr std::chrono::seconds kUnknownFor{2};
constexpr std::size_t kMostTenants = 10'000;

/// Shared by the handlers of all I/O threads. Threads: safe to share.
class WebhookDesk {
 public:
  explicit WebhookDesk(WebhookRouteParts parts) : parts_(std::move(parts)) {}

  Awaitable<Result<server::Identity>> authorise(const Request& head) {
    server::Identity identity;
    const auto found = head.parameters.find("tenant");
    const std::string tenant = found == head.parameters.end() ? std::string() : found->second;
    identity.tenant = tenant == "-" ? std::string() : tenant;
    const Error refused(Errc::unauthenticated, "this is no webhook of ours");
    const std::string given(head.headers.find("Authorization").value_or(""));
    const std::string id(head.headers.find("x-jobadder-webhookid").value_or(""));
    const std::string wanted = webhook_authorization(parts_.secret, identity.tenant);
    const bool good = jobadder::equal_in_constant_time(given, wanted);
    if (!good || !check_jobadder_tenant(identity.tenant)) {
      count("refused");
      co_return refused;
    }
    const auto known = co_await knows(identity.tenant, id);
    if (!known) {
      count("failed");
      co_return known.error();
    }
    if (!*known) {
      count("refused");
      parts_.log.warn("a delivery of a webhook that is not ours", {{"tenant", identity.tenant}});
      co_return refused;
    }
    co_return identity;
  }

  Awaitable<Response> take(Request request) {
    auto event = jobadder::read_webhook_event(std::move(request.body));
    if (!event) {
      count("malformed");
      co_return server::problem_json(server::to_problem(event.error()));
    }
    const bool wanted = event->entity == jobadder::Entity::job_ad ||
                        event->entity == jobadder::Entity::candidate ||
                        event->entity == jobadder::Entity::application;
    if (!wanted) {
      count("ignored");
      co_return accepted();
    }
    JobAdderRecord record;
    record.entity = std::string(jobadder::to_string(event->entity));
    record.id = event->id;
    record.version = "event-" + event->event_id;
    std::vector<jobs::NewJob> one;
    one.push_back(make_record_job(request.identity.tenant, std::move(record), event->candidate_id));
    auto operation =
        with_deadline(parts_.store->insert(std::move(one)), SteadyClock::now() + kStorePatience);
    const auto inserted = co_await on(parts_.store->runtime().executor(), std::move(operation));
    const bool stored =
        inserted && (inserted->front() || inserted->front().error().code() == Errc::conflict);
    if (!stored) {
      count("failed");
      const Error error = inserted ? inserted->front().error() : inserted.error();
      parts_.log.warn("a webhook's event could not be stored", {{"error", error.to_string()}});
      const Error again(Errc::unavailable, "the event could not be stored; send it again");
      co_return server::problem_json(server::to_problem(again));
    }
    const bool is_new =
        inserted->front() && inserted->front()->outcome == jobs::Inserted::Outcome::created;
    count(is_new ? "accepted" : "repeated");
    co_return accepted();
  }

 private:
  struct Known {
    std::vector<std::string> ids{};
    SteadyTime read_at{};
  };

  static Response accepted() {
    Response response;
    response.status = 202;
    return response;
  }

  /// None: not known, or too long ago.
  std::optional<bool> remembered(const std::string& tenant, const std::string& id) const {
    const std::scoped_lock held(mutex_);
    const auto found = known_.find(tenant);
    if (found == known_.end()) return std::nullopt;
    const auto& ids = found->second.ids;
    const bool is_ours = std::find(ids.begin(), ids.end(), id) != ids.end();
    const auto age = SteadyClock::now() - found->second.read_at;
    if (age > (is_ours ? kKnownFor : kUnknownFor)) return std::nullopt;
    return is_ours;
  }

  Awaitable<Result<bool>> knows(std::string tenant, std::string id) {
    if (const auto answer = remembered(tenant, id)) co_return *answer;
    auto operation = with_deadline(parts_.state->get(jobadder_cell(tenant, "webhooks")),
                                   SteadyClock::now() + kStatePatience);
    const auto cell = co_await on(parts_.state_executor, std::move(operation));
    Known known;
    if (!cell && cell.error().code() != Errc::not_found) co_return cell.error();
    if (cell) {
      auto ours = read_webhooks(cell->text);
      if (!ours) co_return ours.error();
      known.ids = std::move(ours->ids);
    }
    known.read_at = SteadyClock::now();
    const bool is_ours = std::find(known.ids.begin(), known.ids.end(), id) != known.ids.end();
    const std::scoped_lock held(mutex_);
    if (known_.size() >= kMostTenants) known_.clear();
    known_.insert_or_assign(std::move(tenant), std::move(known));
    co_return is_ours;
  }

  void count(const char* outcome) const {
    if (!parts_.metrics) return;
    parts_.metrics
        ->counter("rwp_jobadder_webhooks_total", "Deliveries of JobAdder's webhooks, by outcome.",
                  {{"outcome", outcome}})
        .add();
  }

  const WebhookRouteParts parts_;
  mutable std::mutex mutex_;
  std::map<std::string, Known> known_;
};

}  // namespace

void add_jobadder_webhook_route(server::Router& router, WebhookRouteParts parts) {
  const auto desk = std::make_shared<WebhookDesk>(std::move(parts));
  server::RouteOptions options;
  options.max_body_bytes = jobadder::kMaxWebhookBytes;
  options.authorise = [desk](const Request& head) { return desk->authorise(head); };
  router.add(
      "POST", "/v1/jobadder/webhooks/{tenant}",
      [desk](Request request) { return desk->take(std::move(request)); }, options);
}

}  // namespace rwp::pods
