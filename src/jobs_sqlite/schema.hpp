#pragma once

#include "net/sqlite/connection.hpp"

#include <chrono>
#include <cstdint>
#include <string>

namespace rwp::jobs_sqlite {

/// The newest schema that this library knows.
constexpr std::int64_t kSchemaVersion = 5;

/// Sets the connection up, refuses what is not ours, and makes or migrates the schema.
/// `path` is for messages; empty: in memory. Others that set the file up now are waited for, so
/// long as `patience` allows. Throws net_sqlite::Failure.
void prepare_writer(net_sqlite::Connection& database, const std::string& path,
                    std::int64_t max_pages, std::chrono::milliseconds patience);
void prepare_reader(net_sqlite::Connection& database);
void prepare_checkpoints(net_sqlite::Connection& database);

/// Throws `unsupported` when the path lies on a network file system, whose locks and shared memory
/// SQLite's log cannot trust.
void refuse_network_file_system(const std::string& path);

}  // namespace rwp::jobs_sqlite
