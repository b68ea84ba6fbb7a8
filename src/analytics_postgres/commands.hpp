#pragma once

#include "net/postgres/connection.hpp"
#include "net/postgres/rows.hpp"
#include <rwp/analytics/event_table.hpp>

#include <chrono>
#include <string>
#include <vector>

/// What the table asks of the database. Each is safe to repeat.
namespace rwp::analytics_postgres {

/// One transaction.
std::vector<net_postgres::Command> write_commands(const std::vector<analytics::Event>& events);
/// At most some thousand rows of each.
std::vector<net_postgres::Command> removal_commands(std::chrono::system_clock::time_point before);
std::vector<net_postgres::Command> find_commands(const std::vector<Uuid>& ids);
std::vector<net_postgres::Command> hour_commands(const analytics::ReportRange& range);
std::vector<net_postgres::Command> journey_commands(const analytics::ReportRange& range);
std::vector<net_postgres::Command> forget_candidate_commands(const std::string& name);
std::vector<net_postgres::Command> forget_commands(const std::string& tenant,
                                                   const std::string& person);

std::vector<Uuid> read_found(const net_postgres::Rows& rows);
std::vector<analytics::HourCount> read_hours(const net_postgres::Rows& rows);
std::vector<analytics::FunnelRow> read_journeys(const net_postgres::Rows& rows);

}  // namespace rwp::analytics_postgres
