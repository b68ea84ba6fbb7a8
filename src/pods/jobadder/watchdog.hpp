#pragma once

#include "pods/jobadder/handlers.hpp"
#include <rwp/jobadder/webhook.hpp>

#include <string>
#include <vector>

namespace rwp::pods {

/// The webhooks that are ours: the cell "webhooks".
struct KnownWebhooks {
  std::vector<std::string> ids{};
  std::string url{};
};
std::string write_webhooks(const KnownWebhooks& known);
Result<KnownWebhooks> read_webhooks(const std::string& text);

/// What JobAdder is asked to send as `Authorization` for a tenant: made of the secret, so that each
/// tenant's deliveries have a value of their own.
std::string webhook_authorization(const Secret& secret, const std::string& tenant);

/// All webhooks of an account.
jobs::Awaitable<Result<std::vector<jobadder::Webhook>>> list_webhooks(
    std::shared_ptr<jobadder::Client> client);

/// Enables those of ours that are suspended, failed or disabled; answers how many. What they
/// should have told meanwhile is lost: the look at what was updated, which follows, finds it.
jobs::Awaitable<Result<std::size_t>> enable_webhooks(SharedJobAdderParts parts, std::string tenant);

}  // namespace rwp::pods
