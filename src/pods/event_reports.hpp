#pragma once

#include <rwp/analytics/event_table.hpp>
#include <rwp/core/error.hpp>
#include <rwp/core/json_text.hpp>
#include <rwp/server/router.hpp>

#include <boost/asio/any_io_executor.hpp>

#include <memory>
#include <string>
#include <vector>

namespace rwp::pods {

/// {"hour":"2026-01-31T09:00:00.000Z","name":"job_viewed","events":12}
JsonText hour_json(const analytics::HourCount& row);
/// {"source":"newsletter","viewed":100,"applied":10,"screened":4,"placed":1,
/// "to_applied":{"journeys":10,"mean_seconds":86400,"longest_seconds":172800},"to_screened":{…},
/// "to_placed":{…}}
JsonText funnel_json(const analytics::FunnelRow& row);
/// All sources together.
analytics::FunnelRow total_of(const std::vector<analytics::FunnelRow>& rows);

/// The range that the texts state, RFC 3339 each; empty ones: the last 30 days, until now.
/// `Errc::invalid_argument` names the field.
Result<analytics::ReportRange> read_report_range(const std::string& tenant, const std::string& from,
                                                 const std::string& until);

/// The first of the URLs, apart by spaces, that is a table of events; empty: none is.
std::string find_table_url(const std::string& urls);

struct ReportRoutes {
  std::shared_ptr<analytics::EventTable> table{};
  /// Of the table's runtime.
  boost::asio::any_io_executor executor{};
  /// Unset: everybody may.
  server::Authorise authorise{};
};

/// Adds GET /v1/analytics/hours and GET /v1/analytics/funnel, both with `from` and `until`: of the
/// key's tenant; who has none may name one (`tenant`), and sees all otherwise.
void add_report_routes(server::Router& router, ReportRoutes routes);

}  // namespace rwp::pods
