#pragma once

#include "jobs_postgres/session.hpp"
#include <rwp/core/usage_ledger.hpp>

#include <memory>

namespace rwp::jobs_postgres {

/// The ledger beside the jobs. Reservations on one account wait for one another in the server.
std::unique_ptr<UsageLedger> make_usage_ledger(std::shared_ptr<Session> session);

}  // namespace rwp::jobs_postgres
