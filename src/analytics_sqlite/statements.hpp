#pragma once

#include "net/sqlite/connection.hpp"
#include <rwp/analytics/event_table.hpp>

#include <chrono>
#include <cstdint>
#include <string>
#include <vector>

/// What the table does, in one transaction of the caller's. All throw net_sqlite::Failure.
namespace rwp::analytics_sqlite {

void write_events(net_sqlite::Connection& database, const std::vector<analytics::Event>& events);
/// At most some thousand rows of each.
void remove_before(net_sqlite::Connection& database, std::chrono::system_clock::time_point time);
std::vector<Uuid> find_events(net_sqlite::Connection& database, const std::vector<Uuid>& ids);
std::vector<analytics::HourCount> count_hours(net_sqlite::Connection& database,
                                              const analytics::ReportRange& range);
std::vector<analytics::FunnelRow> count_journeys(net_sqlite::Connection& database,
                                                 const analytics::ReportRange& range);
std::int64_t forget_candidate(net_sqlite::Connection& database, const std::string& name);
std::int64_t forget_person(net_sqlite::Connection& database, const std::string& tenant,
                           const std::string& person);

}  // namespace rwp::analytics_sqlite
