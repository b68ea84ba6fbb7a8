#pragma once

#include <rwp/core/error.hpp>

#include <string>
#include <string_view>

struct pg_conn;
struct pg_result;

namespace rwp::net_postgres {

/// Why an exchange with the server failed.
struct Failure {
  /// What a caller of the library may see.
  Error error{};
  /// SQLSTATE; empty when no server answered.
  std::string state{};
  /// The connection is of no use any more.
  bool lost = false;
  /// What was sent may have taken effect.
  bool in_doubt = false;
};

/// Of a result that is an error.
Failure failure_of(const pg_result* result);
/// Of a connection that is lost, or was never there. libpq's text is kept: it names hosts, never
/// passwords.
Failure failure_of(const pg_conn* connection);

/// Where an SQLSTATE leads.
Errc errc_of(std::string_view state);
/// Whether the server goes away, or may no longer be written to: another must be looked for.
bool means_lost(std::string_view state);

}  // namespace rwp::net_postgres
