#pragma once

#include "net/postgres/schema.hpp"

namespace rwp::analytics_postgres {

/// The tables of events, with all steps to them.
const net_postgres::Schema& schema();

}  // namespace rwp::analytics_postgres
