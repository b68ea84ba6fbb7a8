#pragma once

#include "net/postgres/pool.hpp"
#include <rwp/core/async.hpp>
#include <rwp/core/error.hpp>

#include <boost/asio/awaitable.hpp>

#include <cstdint>
#include <vector>

/// Tables of a backend's own, in a schema whose version it keeps: forward only, step by step.
namespace rwp::net_postgres {

struct SchemaStep {
  int version = 0;
  /// The oldest version whose programs can go on beside this one.
  int oldest_program = 0;
  /// Each a block's statements, of PL/pgSQL.
  std::vector<const char*> sql{};
};

struct Schema {
  const char* name = "";
  /// For messages: "job schema".
  const char* called = "";
  /// What to do where the database's is older: "run rwpctl migrate".
  const char* remedy = "";
  /// Of the advisory lock under which one migrates and the others wait.
  std::int64_t lock = 0;
  /// In the order of their versions; the last is what this program knows.
  std::vector<SchemaStep> steps{};
};

/// Whether the schema can be used; `unsupported` says what to do when not. Brings it up to date
/// first when `migrate` is set; many may do so at once, one of them does the work.
/// Lifetime: the schema outlives the call.
boost::asio::awaitable<Result<void>> prepare_schema(Pool::Lease* lease, const Schema* schema,
                                                    bool migrate, SteadyTime deadline);

}  // namespace rwp::net_postgres
