#pragma once

#include "net/sqlite/connection.hpp"

#include <string>

namespace rwp::analytics_sqlite {

/// Brings the file to this program's schema, or throws net_sqlite::Failure.
void prepare_schema(net_sqlite::Connection& database, const std::string& path);

}  // namespace rwp::analytics_sqlite
