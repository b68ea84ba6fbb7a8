#include "pods/event_reports.hpp"

#include "pods/event_sinks.hpp"
#include "pods/time_text.hpp"
#include <rwp/core/async.hpp>
#include <rwp/core/json_writer.hpp>
#include <rwp/core/url.hpp>

#include <algorithm>
#include <array>
#include <chrono>
#include <string_view>
#include <utility>

namespace rwp::pods {
namespace {

using boost::asio::awaitable;
using server::Request;
using server::Response;
using Shared = std::shared_ptr<const ReportRoutes>;

constexpr std::chrono::hours kUsualRange{24 * 30};

Result<std::chrono::system_clock::time_point> read_time(
    const std::string& name, const std::string& text,
    std::chrono::system_clock::time_point fallback) {
  if (text.empty()) return fallback;
  auto time = parse_rfc3339(text);
  if (!time) return time.error().with_context(name);
  return time;
}

Response refuse(const Request& request, const Error& error, std::string field = std::string()) {
  auto problem = server::to_problem(error, std::move(field));
  problem.request_id = request.request_id;
  return server::problem_json(problem);
}

std::string text_of(const Request& request, const char* name) {
  return std::string(request.query_value(name).value_or(""));
}

/// The range that is asked for, within what the identity may see.
Result<analytics::ReportRange> range_of(const Request& request) {
  const std::string& own = request.identity.tenant;
  const std::string asked = text_of(request, "tenant");
  if (!own.empty() && !asked.empty() && asked != own) {
    return Error(Errc::permission_denied, "the key is not that tenant's");
  }
  return read_report_range(own.empty() ? asked : own, text_of(request, "from"),
                           text_of(request, "until"));
}

awaitable<Response> answer_hours(Shared routes, Request request) {
  auto range = range_of(request);
  if (!range) co_return refuse(request, range.error());
  auto asking = routes->table->hours(std::move(*range));
  const auto rows = co_await on(routes->executor, std::move(asking));
  if (!rows) co_return refuse(request, rows.error());
  JsonWriter out;
  out.begin_object().key("hours").begin_array();
  for (const auto& row : *rows) out.value(hour_json(row));
  out.end_array().end_object();
  co_return server::json_response(200, out.finish().release());
}

awaitable<Response> answer_funnel(Shared routes, Request request) {
  auto range = range_of(request);
  if (!range) co_return refuse(request, range.error());
  auto asking = routes->table->funnel(std::move(*range));
  const auto rows = co_await on(routes->executor, std::move(asking));
  if (!rows) co_return refuse(request, rows.error());
  JsonWriter out;
  out.begin_object().key("sources").begin_array();
  for (const auto& row : *rows) out.value(funnel_json(row));
  out.end_array().member("total", funnel_json(total_of(*rows))).end_object();
  co_return server::json_response(200, out.finish().release());
}

}  // namespace

JsonText hour_json(const analytics::HourCount& row) {
  JsonWriter out;
  out.begin_object().member("hour", std::string_view(to_rfc3339(row.hour)));
  out.member("name", std::string_view(row.name)).member("events", row.events).end_object();
  return out.finish();
}

JsonText funnel_json(const analytics::FunnelRow& row) {
  JsonWriter out;
  out.begin_object().member("source", std::string_view(row.source));
  for (std::size_t i = 0; i < analytics::kStageCount; ++i) {
    out.member(to_string(static_cast<analytics::Stage>(i)), row.reached[i]);
  }
  for (std::size_t i = 0; i < row.times.size(); ++i) {
    const auto& time = row.times[i];
    out.key("to_" + std::string(to_string(static_cast<analytics::Stage>(i + 1))));
    out.begin_object().member("journeys", time.journeys).member("mean_seconds", time.mean_seconds);
    out.member("longest_seconds", time.longest_seconds).end_object();
  }
  out.end_object();
  return out.finish();
}

analytics::FunnelRow total_of(const std::vector<analytics::FunnelRow>& rows) {
  analytics::FunnelRow total;
  for (const auto& row : rows) {
    for (std::size_t i = 0; i < analytics::kStageCount; ++i) total.reached[i] += row.reached[i];
    for (std::size_t i = 0; i < total.times.size(); ++i) {
      auto& sum = total.times[i];
      const auto& one = row.times[i];
      const auto journeys = static_cast<double>(sum.journeys + one.journeys);
      if (one.journeys == 0) continue;
      sum.mean_seconds = (sum.mean_seconds * static_cast<double>(sum.journeys) +
                          one.mean_seconds * static_cast<double>(one.journeys)) /
                         journeys;
      sum.journeys += one.journeys;
      sum.longest_seconds = std::max(sum.longest_seconds, one.longest_seconds);
    }
  }
  return total;
}

Result<analytics::ReportRange> read_report_range(const std::string& tenant, const std::string& from,
                                                 const std::string& until) {
  analytics::ReportRange range;
  range.tenant = tenant;
  const auto now = std::chrono::system_clock::now();
  const auto end = read_time("until", until, now);
  if (!end) return end.error();
  const auto begin = read_time("from", from, *end - kUsualRange);
  if (!begin) return begin.error();
  if (*begin >= *end) return Error(Errc::invalid_argument, "from: is not before until");
  range.from = *begin;
  range.until = *end;
  return range;
}

std::string find_table_url(const std::string& urls) {
  constexpr std::array<std::string_view, 3> kTables = {"sqlite", "postgres", "postgresql"};
  for (auto& url : split_urls(urls)) {
    const auto parsed = Url::parse(url);
    if (!parsed) continue;
    if (std::find(kTables.begin(), kTables.end(), parsed->scheme()) != kTables.end()) return url;
  }
  return {};
}

void add_report_routes(server::Router& router, ReportRoutes routes) {
  server::RouteOptions options;
  options.authorise = routes.authorise;
  const Shared shared = std::make_shared<const ReportRoutes>(std::move(routes));
  server::Handler hours = [shared](Request request) {
    return answer_hours(shared, std::move(request));
  };
  server::Handler funnel = [shared](Request request) {
    return answer_funnel(shared, std::move(request));
  };
  router.add("GET", "/v1/analytics/hours", std::move(hours), options);
  router.add("GET", "/v1/analytics/funnel", std::move(funnel), options);
}

}  // namespace rwp::pods
