#pragma once

#include "pods/ai_tenants.hpp"
#include <rwp/core/usage_ledger.hpp>
#include <rwp/server/router.hpp>

#include <boost/asio/any_io_executor.hpp>

#include <memory>

namespace rwp::pods {

struct AiUsageRoutes {
  /// Of the model's runtime.
  std::shared_ptr<UsageLedger> ledger{};
  boost::asio::any_io_executor executor{};
  std::shared_ptr<AiTenants> tenants{};
  /// Unset: everybody may.
  server::Authorise authorise{};
};

/// Adds GET /v1/usage: the tenant's calls, tokens and dollars `from` (a time; the month's begin)
/// `to` (now), of a `kind` or a `model` where these are given; and GET /v1/budgets: what each of
/// its budgets holds, and how much of it is spent or set aside.
void add_ai_usage_routes(server::Router& router, AiUsageRoutes routes);

}  // namespace rwp::pods
