#pragma once

#include <rwp/core/secret.hpp>
#include <rwp/jobadder/state_store.hpp>
#include <rwp/jobs/job_store.hpp>
#include <rwp/observability/log.hpp>
#include <rwp/observability/metrics.hpp>
#include <rwp/server/router.hpp>

#include <boost/asio/any_io_executor.hpp>

#include <memory>

namespace rwp::pods {

struct WebhookRouteParts {
  std::shared_ptr<jobs::JobStore> store{};
  /// Of the runtime whose executor this is.
  std::shared_ptr<jobadder::StateStore> state{};
  boost::asio::any_io_executor state_executor{};
  Secret secret{};
  observability::Logger log{};
  /// May be null. Series: rwp_jobadder_webhooks_total{outcome}.
  std::shared_ptr<observability::Metrics> metrics{};
};

/// POST /v1/jobadder/webhooks/{tenant}; "-" stands for no tenant.
///
/// A delivery is taken when its Authorization is the tenant's (compared in constant time) and its
/// x-jobadder-webhookid one that was registered. The body is a hint: a job "jobadder.record" reads
/// the record again; the event's id makes a repetition the same job. 202 when that job is durable,
/// or when nothing is to be done; 503 otherwise, for JobAdder to send it again. No work is done
/// before the answer.
void add_jobadder_webhook_route(server::Router& router, WebhookRouteParts parts);

}  // namespace rwp::pods
