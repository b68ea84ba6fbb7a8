#include "analytics_sqlite/statements.hpp"

#include <algorithm>
#include <limits>
#include <map>
#include <tuple>

namespace rwp::analytics_sqlite {
namespace {

using analytics::Event;
using std::chrono::system_clock;

constexpr std::size_t kMostRemoved = 5'000;
constexpr std::int64_t kHour = std::int64_t{3'600} * 1'000'000;

std::int64_t to_micros(system_clock::time_point time) {
  if (time == system_clock::time_point::max()) return std::numeric_limits<std::int64_t>::max();
  return std::chrono::floor<std::chrono::microseconds>(time.time_since_epoch()).count();
}

system_clock::time_point from_micros(std::int64_t micros) {
  return system_clock::time_point(std::chrono::microseconds(micros));
}

void bind_range(net_sqlite::Query& query, const analytics::ReportRange& range) {
  query.bind_or_null(1, std::string_view(range.tenant));
  query.bind(2, to_micros(range.from)).bind(3, to_micros(range.until));
}

using Hours = std::map<std::tuple<std::string, std::int64_t, std::string>, std::int64_t>;

/// Counts those that are new.
Hours insert_events(net_sqlite::Connection& database, const std::vector<Event>& events) {
  Hours hours;
  auto insert = database.query(
      "INSERT INTO event (id, at, tenant, name, client_id, user_id, candidate, body)"
      " VALUES (?, ?, ?, ?, ?, ?, ?, ?) ON CONFLICT (id) DO NOTHING");
  for (const Event& event : events) {
    const std::int64_t at = to_micros(event.time);
    const JsonText body = to_json(event);
    insert.bind_blob(1, event.id.bytes.data(), event.id.bytes.size()).bind(2, at);
    insert.bind(3, std::string_view(event.tenant)).bind(4, std::string_view(event.name));
    insert.bind(5, std::string_view(event.client_id));
    const std::string candidate = analytics::candidate_of(event);
    insert.bind_or_null(6, std::string_view(event.user_id));
    insert.bind_or_null(7, std::string_view(candidate)).bind(8, body.view());
    insert.run();
    if (database.changes() > 0) ++hours[{event.tenant, at - at % kHour, event.name}];
  }
  return hours;
}

bool is_always_counted(const std::string& name) {
  const auto& names = analytics::always_counted_names();
  return std::find(names.begin(), names.end(), name) != names.end();
}

/// Whether the name has a row of its own in that tenant's hour, or may have one.
bool has_row(net_sqlite::Connection& database, const Hours::key_type& key) {
  const auto& [tenant, hour, name] = key;
  if (is_always_counted(name)) return true;
  auto look = database.query("SELECT 1 FROM hour WHERE tenant = ? AND hour = ? AND name = ?");
  look.bind(1, std::string_view(tenant)).bind(2, hour).bind(3, std::string_view(name));
  if (look.step()) return true;
  auto count = database.query("SELECT count(*) FROM hour WHERE tenant = ? AND hour = ?");
  count.bind(1, std::string_view(tenant)).bind(2, hour);
  return count.step() && count.integer(0) < static_cast<std::int64_t>(analytics::kMaxHourNames);
}

void add_hours(net_sqlite::Connection& database, const Hours& hours) {
  auto add = database.query(
      "INSERT INTO hour (tenant, hour, name, events) VALUES (?, ?, ?, ?)"
      " ON CONFLICT DO UPDATE SET events = events + excluded.events");
  for (const auto& [key, events] : hours) {
    add.bind(1, std::string_view(std::get<0>(key))).bind(2, std::get<1>(key));
    const std::string_view name = std::get<2>(key);
    add.bind(3, has_row(database, key) ? name : analytics::kOtherName).bind(4, events);
    add.run();
  }
}

void add_journeys(net_sqlite::Connection& database, const std::vector<Event>& events) {
  auto add = database.query(
      "INSERT INTO journey (tenant, job, client_id, source, began,"
      " viewed, applied, screened, placed) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)"
      " ON CONFLICT DO UPDATE SET"
      " source = CASE WHEN source = '' THEN excluded.source ELSE source END,"
      " began = min(began, excluded.began),"
      " viewed = coalesce(min(viewed, excluded.viewed), viewed, excluded.viewed),"
      " applied = coalesce(min(applied, excluded.applied), applied, excluded.applied),"
      " screened = coalesce(min(screened, excluded.screened), screened, excluded.screened),"
      " placed = coalesce(min(placed, excluded.placed), placed, excluded.placed)");
  for (const auto& [key, journey] : analytics::journeys_of(events)) {
    add.bind(1, std::string_view(std::get<0>(key))).bind(2, std::string_view(std::get<1>(key)));
    add.bind(3, std::string_view(std::get<2>(key))).bind(4, std::string_view(journey.source));
    std::int64_t began = std::numeric_limits<std::int64_t>::max();
    for (std::size_t i = 0; i < analytics::kStageCount; ++i) {
      const int column = 6 + static_cast<int>(i);
      if (!journey.reached[i]) {
        add.bind_null(column);
        continue;
      }
      const std::int64_t at = to_micros(*journey.reached[i]);
      began = std::min(began, at);
      add.bind(column, at);
    }
    add.bind(5, began);
    add.run();
  }
}

}  // namespace

void write_events(net_sqlite::Connection& database, const std::vector<Event>& events) {
  add_hours(database, insert_events(database, events));
  add_journeys(database, events);
}

void remove_before(net_sqlite::Connection& database, system_clock::time_point time) {
  database.query("DELETE FROM event WHERE seq IN (SELECT seq FROM event WHERE at < ? LIMIT ?)")
      .bind(1, to_micros(time))
      .bind(2, kMostRemoved)
      .run();
  database
      .query(
          "DELETE FROM journey WHERE (tenant, job, client_id) IN"
          " (SELECT tenant, job, client_id FROM journey WHERE began < ? LIMIT ?)")
      .bind(1, to_micros(time))
      .bind(2, kMostRemoved)
      .run();
}

std::vector<Uuid> find_events(net_sqlite::Connection& database, const std::vector<Uuid>& ids) {
  std::vector<Uuid> found;
  auto look = database.query("SELECT 1 FROM event WHERE id = ?");
  for (const Uuid& id : ids) {
    look.bind_blob(1, id.bytes.data(), id.bytes.size());
    if (look.step()) found.push_back(id);
    look.reset();
  }
  return found;
}

std::vector<analytics::HourCount> count_hours(net_sqlite::Connection& database,
                                              const analytics::ReportRange& range) {
  std::vector<analytics::HourCount> rows;
  auto query = database.query(
      "SELECT hour, name, sum(events) FROM hour WHERE (?1 IS NULL OR tenant = ?1)"
      " AND hour >= ?2 AND hour < ?3 GROUP BY hour, name ORDER BY hour, name LIMIT 100000");
  bind_range(query, range);
  while (query.step()) {
    analytics::HourCount row;
    row.hour = from_micros(query.integer(0));
    row.name = query.text(1);
    row.events = query.integer(2);
    rows.push_back(std::move(row));
  }
  return rows;
}

std::vector<analytics::FunnelRow> count_journeys(net_sqlite::Connection& database,
                                                 const analytics::ReportRange& range) {
  std::vector<analytics::FunnelRow> rows;
  // A time that runs backwards, as clocks that differ make it, is none.
  auto query = database.query(
      "WITH chosen AS (SELECT * FROM journey"
      " WHERE (?1 IS NULL OR tenant = ?1) AND began >= ?2 AND began < ?3),"
      " known AS (SELECT source FROM chosen GROUP BY source ORDER BY count(viewed) DESC, source"
      " LIMIT ?4)"
      " SELECT CASE WHEN source IN (SELECT source FROM known) THEN source ELSE ?5 END AS shown,"
      " count(viewed), count(applied), count(screened), count(placed),"
      " count(nullif(applied >= viewed, 0)),"
      " CAST(avg(CASE WHEN applied >= viewed THEN applied - viewed END) AS INTEGER),"
      " max(CASE WHEN applied >= viewed THEN applied - viewed END),"
      " count(nullif(screened >= applied, 0)),"
      " CAST(avg(CASE WHEN screened >= applied THEN screened - applied END) AS INTEGER),"
      " max(CASE WHEN screened >= applied THEN screened - applied END),"
      " count(nullif(placed >= screened, 0)),"
      " CAST(avg(CASE WHEN placed >= screened THEN placed - screened END) AS INTEGER),"
      " max(CASE WHEN placed >= screened THEN placed - screened END)"
      " FROM chosen GROUP BY shown ORDER BY 2 DESC, shown");
  bind_range(query, range);
  query.bind(4, analytics::kMaxFunnelSources).bind(5, analytics::kOtherName);
  constexpr double kMicros = 1e6;
  while (query.step()) {
    analytics::FunnelRow row;
    row.source = query.text(0);
    for (std::size_t i = 0; i < analytics::kStageCount; ++i) {
      row.reached[i] = query.integer(1 + static_cast<int>(i));
    }
    for (std::size_t i = 0; i < row.times.size(); ++i) {
      const int column = 5 + 3 * static_cast<int>(i);
      row.times[i].journeys = query.integer(column);
      row.times[i].mean_seconds = static_cast<double>(query.integer(column + 1)) / kMicros;
      row.times[i].longest_seconds = static_cast<double>(query.integer(column + 2)) / kMicros;
    }
    rows.push_back(std::move(row));
  }
  return rows;
}

std::int64_t forget_candidate(net_sqlite::Connection& database, const std::string& name) {
  const auto run = [&](const char* sql) {
    database.query(sql).bind(1, std::string_view(name)).run();
    return static_cast<std::int64_t>(database.changes());
  };
  run("DELETE FROM journey WHERE (tenant, client_id) IN"
      " (SELECT tenant, client_id FROM event WHERE candidate = ?1)");
  return run("DELETE FROM event WHERE candidate = ?1");
}

std::int64_t forget_person(net_sqlite::Connection& database, const std::string& tenant,
                           const std::string& person) {
  const auto run = [&](const char* sql) {
    database.query(sql).bind(1, std::string_view(person)).bind(2, std::string_view(tenant)).run();
    return static_cast<std::int64_t>(database.changes());
  };
  // The clients of an account have journeys too.
  run("DELETE FROM journey WHERE tenant = ?2 AND (client_id = ?1 OR client_id IN"
      " (SELECT client_id FROM event WHERE user_id = ?1 AND tenant = ?2))");
  return run("DELETE FROM event WHERE client_id = ?1 AND tenant = ?2") +
         run("DELETE FROM event WHERE user_id = ?1 AND tenant = ?2");
}

}  // namespace rwp::analytics_sqlite
