#pragma once

#include "net/postgres/connection.hpp"

struct pg_conn;

namespace rwp::net_postgres {

/// Runs one statement on a connection of somebody else's, and waits for its answer. The connection
/// stays as it was: no statement is left prepared.
Answer run_on(pg_conn* connection, const Command& command);

/// Whether a transaction is open there, and able to go on.
bool has_open_transaction(pg_conn* connection);

}  // namespace rwp::net_postgres
