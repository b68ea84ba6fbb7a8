#pragma once

#include "net/postgres/schema.hpp"

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

/// The tables of jobs, with all steps to them.
const net_postgres::Schema& schema();

}  // namespace rwp::jobs_postgres
