#pragma once

#include <rwp/core/usage_ledger.hpp>
#include <rwp/jobs/job_store.hpp>

#include <memory>

namespace rwp::pods {

/// The store's ledger for callers on another runtime: each call crosses over to the store's and
/// comes back. Threads: confined to the callers' runtime. Lifetime: keeps the store.
std::shared_ptr<UsageLedger> ledger_of(std::shared_ptr<jobs::JobStore> store);

}  // namespace rwp::pods
