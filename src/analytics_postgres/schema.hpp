#pragma once

#include "net/postgres/pool.hpp"
#include <rwp/core/async.hpp>
#include <rwp/core/error.hpp>

#include <boost/asio/awaitable.hpp>

namespace rwp::analytics_postgres {

/// Brings the database to this program's schema, when `migrate`; else tells what is missing.
boost::asio::awaitable<Result<void>> prepare_schema(net_postgres::Pool::Lease* lease, bool migrate,
                                                    SteadyTime deadline);

}  // namespace rwp::analytics_postgres
