#include "pods/ctl/context.hpp"
#include "pods/event_reports.hpp"
#include <rwp/core/async.hpp>
#include <rwp/core/json_writer.hpp>
#include <rwp/core/url.hpp>
#include <rwp/pods/ctl.hpp>

#include <array>
#include <cstdio>
#include <filesystem>
#include <utility>

namespace rwp::pods::ctl {
namespace {

constexpr std::chrono::minutes kLongest{2};

Result<std::shared_ptr<analytics::EventTable>> open_table(Context& context) {
  const std::string url = find_table_url(context.configuration().analytics_url);
  if (url.empty()) {
    return Error(Errc::invalid_argument,
                 "no table of events is named; set RWP_ANALYTICS_URL to the sqlite: or postgres: "
                 "URL that the analytics pod has");
  }
  // A slip in its path would make an empty one.
  const std::string path = file_path_of(url);
  if (!path.empty() && !std::filesystem::exists(path)) {
    return Error(Errc::not_found, "there is no file '" + path + "'");
  }
  return context.schemes.open<analytics::EventTable>(url, context.runtime);
}

Result<analytics::ReportRange> range_of(const Context& context) {
  const auto& report = context.options.report;
  return read_report_range(report.tenant, report.from, report.until);
}

template <class T>
Result<T> ask(Context& context, boost::asio::awaitable<Result<T>> operation) {
  return block_on(context.runtime,
                  with_deadline(std::move(operation), std::chrono::steady_clock::now() + kLongest));
}

Column number_column(std::string title, std::string name) {
  Column column = member_column(std::move(title), std::move(name));
  column.right = true;
  return column;
}

/// Of a time to a stage, such as "2.5 d".
std::string shown_seconds(double seconds) {
  const auto with_unit = [](double value, const char* unit) {
    std::array<char, 64> text{};
    std::snprintf(text.data(), text.size(), "%.1f %s", value, unit);
    return std::string(text.data());
  };
  if (seconds < 120) return with_unit(seconds, "s");
  if (seconds < 7'200) return with_unit(seconds / 60, "min");
  if (seconds < 172'800) return with_unit(seconds / 3'600, "h");
  return with_unit(seconds / 86'400, "d");
}

Column time_column(std::string title, std::string stage) {
  Column column;
  column.title = std::move(title);
  column.right = true;
  column.cell = [stage = std::move(stage)](JsonView row) -> std::string {
    const auto time = row.find(stage);
    const auto journeys = time ? time->find("journeys") : std::nullopt;
    if (!journeys || journeys->as_int64().value_or(0) == 0) return "-";
    const auto mean = time->find("mean_seconds");
    return shown_seconds(mean ? mean->as_double().value_or(0) : 0);
  };
  return column;
}

/// How many of those who saw an advert applied, and so on.
Column rate_column(std::string title, std::string of, std::string from) {
  Column column;
  column.title = std::move(title);
  column.right = true;
  column.cell = [of = std::move(of), from = std::move(from)](JsonView row) -> std::string {
    const auto part = row.find(of);
    const auto whole = row.find(from);
    const auto count = static_cast<double>(part ? part->as_int64().value_or(0) : 0);
    const auto all = static_cast<double>(whole ? whole->as_int64().value_or(0) : 0);
    if (all == 0) return "-";
    std::array<char, 64> text{};
    std::snprintf(text.data(), text.size(), "%.1f %%", 100 * count / all);
    return text.data();
  };
  return column;
}

std::vector<Column> funnel_columns() {
  std::vector<Column> columns;
  columns.push_back({.title = "SOURCE", .cell = [](JsonView row) -> std::string {
                       const auto source = row.find("source");
                       const auto text = source ? source->as_string() : std::nullopt;
                       return text && !text->empty() ? std::string(*text) : "(unknown)";
                     }});
  columns.push_back(number_column("VIEWED", "viewed"));
  columns.push_back(number_column("APPLIED", "applied"));
  columns.push_back(number_column("SCREENED", "screened"));
  columns.push_back(number_column("PLACED", "placed"));
  columns.push_back(rate_column("APPLY RATE", "applied", "viewed"));
  columns.push_back(rate_column("PLACE RATE", "placed", "applied"));
  columns.push_back(time_column("TO APPLY", "to_applied"));
  columns.push_back(time_column("TO SCREEN", "to_screened"));
  columns.push_back(time_column("TO PLACE", "to_placed"));
  return columns;
}

}  // namespace

int show_event_hours(Context& context) {
  auto range = range_of(context);
  if (!range) return refuse(range.error().message());
  const auto table = open_table(context);
  if (!table) return fail(context, table.error());
  const auto rows = ask(context, (*table)->hours(std::move(*range)));
  if (!rows) return fail(context, rows.error());
  std::vector<Column> columns;
  columns.push_back(member_column("HOUR", "hour"));
  columns.push_back(member_column("EVENT", "name"));
  columns.push_back(number_column("COUNT", "events"));
  context.out.begin_list("hours", std::move(columns));
  for (const auto& row : *rows) context.out.row(hour_json(row));
  context.out.end_list();
  return kExitSuccess;
}

int show_funnel(Context& context) {
  auto range = range_of(context);
  if (!range) return refuse(range.error().message());
  const auto table = open_table(context);
  if (!table) return fail(context, table.error());
  const auto rows = ask(context, (*table)->funnel(std::move(*range)));
  if (!rows) return fail(context, rows.error());
  context.out.begin_list("sources", funnel_columns());
  for (const auto& row : *rows) context.out.row(funnel_json(row));
  auto total = total_of(*rows);
  total.source = "(all)";
  if (context.out.format() == OutputFormat::table) {
    context.out.row(funnel_json(total));
    context.out.end_list();
  } else {
    context.out.end_list({{"total", funnel_json(total)}});
  }
  return kExitSuccess;
}

}  // namespace rwp::pods::ctl
