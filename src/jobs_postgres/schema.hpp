#pragma once

#include "net/postgres/pool.hpp"
#include <rwp/core/error.hpp>

#include <boost/asio/awaitable.hpp>

namespace rwp::jobs_postgres {

/// The newest schema that this library knows.
constexpr int kSchemaVersion = 8;

/// SQL of the first step.
extern const char* const kVersion1Tables;
extern const char* const kVersion1Functions;
/// And of those that followed.
extern const char* const kVersion2;
extern const char* const kVersion3;
extern const char* const kVersion4;
extern const char* const kVersion5;
extern const char* const kVersion6;
extern const char* const kVersion7;
extern const char* const kVersion8;

/// Whether the schema can be used; `unsupported` says what to do when not. Brings it up to date
/// first when `migrate` is set; many may do so at once, one of them does the work.
boost::asio::awaitable<Result<void>> prepare_schema(net_postgres::Pool::Lease* lease, bool migrate,
                                                    SteadyTime deadline);

}  // namespace rwp::jobs_postgres
