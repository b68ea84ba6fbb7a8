#include "analytics_postgres/commands.hpp"

#include <algorithm>
#include <array>
#include <limits>
#include <utility>

namespace rwp::analytics_postgres {
namespace {

using analytics::Event;
using net_postgres::Array;
using net_postgres::Command;
using net_postgres::Statement;
using std::chrono::system_clock;

// The counts are of what is new: of those that were there already nothing comes back.
constexpr Statement kInsert{
    .name = "rwp_events_insert",
    .sql =
        "WITH added AS ("
        " INSERT INTO rwp_events.event (id, at, tenant, name, client_id, user_id, candidate, body)"
        " SELECT * FROM unnest($1::uuid[], $2::bigint[], $3::text[], $4::text[], $5::text[],"
        " $6::text[], $7::text[], $8::text[]) ON CONFLICT (id) DO NOTHING RETURNING tenant, at, "
        "name)"
        ", counted AS (SELECT tenant, at - at % 3600000000 AS hour, name, count(*) AS events"
        " FROM added GROUP BY 1, 2, 3),"
        " judged AS (SELECT c.*, c.name = ANY ($9::text[]) OR EXISTS (SELECT FROM rwp_events.hour h"
        " WHERE h.tenant = c.tenant AND h.hour = c.hour AND h.name = c.name) AS has_row"
        " FROM counted c),"
        " named AS (SELECT tenant, hour, events, CASE WHEN has_row OR (SELECT count(*)"
        " FROM rwp_events.hour h WHERE h.tenant = j.tenant AND h.hour = j.hour) + row_number()"
        " OVER (PARTITION BY tenant, hour, has_row ORDER BY name) <= $10::bigint"
        " THEN name ELSE $11::text END AS name FROM judged j)"
        " INSERT INTO rwp_events.hour (tenant, hour, name, events)"
        " SELECT tenant, hour, name, sum(events)::bigint FROM named"
        " GROUP BY 1, 2, 3 ORDER BY 1, 2, 3"
        " ON CONFLICT (tenant, hour, name) DO UPDATE SET events = hour.events + excluded.events"};
constexpr Statement kJourneys{
    .name = "rwp_events_journeys",
    .sql =
        "INSERT INTO rwp_events.journey AS j (tenant, job, client_id, source, began, viewed,"
        " applied, screened, placed)"
        " SELECT * FROM unnest($1::text[], $2::text[], $3::text[], $4::text[], $5::bigint[],"
        " $6::bigint[], $7::bigint[], $8::bigint[], $9::bigint[])"
        " ON CONFLICT (tenant, job, client_id) DO UPDATE SET"
        " source = CASE WHEN j.source = '' THEN excluded.source ELSE j.source END,"
        " began = least(j.began, excluded.began), viewed = least(j.viewed, excluded.viewed),"
        " applied = least(j.applied, excluded.applied),"
        " screened = least(j.screened, excluded.screened),"
        " placed = least(j.placed, excluded.placed)"};
constexpr Statement kRemoveEvents{
    .name = "rwp_events_remove",
    .sql =
        "DELETE FROM rwp_events.event WHERE seq IN (SELECT seq FROM rwp_events.event"
        " WHERE at < $1::bigint LIMIT 5000 FOR UPDATE SKIP LOCKED)"};
constexpr Statement kRemoveJourneys{
    .name = "rwp_events_remove_journeys",
    .sql =
        "DELETE FROM rwp_events.journey WHERE (tenant, job, client_id) IN"
        " (SELECT tenant, job, client_id FROM rwp_events.journey WHERE began < $1::bigint"
        " LIMIT 5000 FOR UPDATE SKIP LOCKED)"};
constexpr Statement kFind{.name = "rwp_events_find",
                          .sql = "SELECT id FROM rwp_events.event WHERE id = ANY ($1::uuid[])"};
constexpr Statement kHours{
    .name = "rwp_events_hours",
    .sql =
        "SELECT hour, name, sum(events)::bigint FROM rwp_events.hour"
        " WHERE ($1::text IS NULL OR tenant = $1::text) AND hour >= $2::bigint"
        " AND hour < $3::bigint GROUP BY hour, name ORDER BY hour, name COLLATE \"C\""
        " LIMIT 100000"};
#define RWP_PG_STEP(from, to)                                                                     \
  ", count(*) FILTER (WHERE " to " >= " from "), (avg(" to " - " from ") FILTER (WHERE " to       \
  " >= " from ") / 1e6)::double precision, (max(" to " - " from ") FILTER (WHERE " to " >= " from \
  ") / 1e6)::double precision"
// A time that runs backwards, as clocks that differ make it, is none.
constexpr Statement kFunnel{
    .name = "rwp_events_funnel",
    .sql =
        "WITH chosen AS (SELECT * FROM rwp_events.journey"
        " WHERE ($1::text IS NULL OR tenant = $1::text) AND began >= $2::bigint"
        " AND began < $3::bigint),"
        " known AS (SELECT source FROM chosen GROUP BY source"
        " ORDER BY count(viewed) DESC, source COLLATE \"C\" LIMIT $4::bigint),"
        " shown AS (SELECT CASE WHEN source IN (SELECT source FROM known) THEN source"
        " ELSE $5::text END AS shown, viewed, applied, screened, placed FROM chosen)"
        " SELECT shown, count(viewed), count(applied), count(screened), count(placed)" RWP_PG_STEP(
            "viewed", "applied") RWP_PG_STEP("applied", "screened")
            RWP_PG_STEP("screened", "placed") " FROM shown"
        " GROUP BY shown ORDER BY 2 DESC, shown COLLATE \"C\""};
#undef RWP_PG_STEP
// The clients of an account have journeys too.
constexpr Statement kForgetJourneys{
    .name = "rwp_events_forget_journeys",
    .sql =
        "DELETE FROM rwp_events.journey WHERE tenant = $2::text AND (client_id = $1::text"
        " OR client_id IN (SELECT client_id FROM rwp_events.event WHERE user_id = $1::text"
        " AND tenant = $2::text))"};
constexpr Statement kForgetEvents{.name = "rwp_events_forget",
                                  .sql =
                                      "DELETE FROM rwp_events.event WHERE tenant = $2::text"
                                      " AND (client_id = $1::text OR user_id = $1::text)"};

constexpr Statement kForgetCandidateJourneys{
    .name = "rwp_events_forget_candidate_journeys",
    .sql =
        "DELETE FROM rwp_events.journey WHERE (tenant, client_id) IN"
        " (SELECT tenant, client_id FROM rwp_events.event WHERE candidate = $1::text)"};
constexpr Statement kForgetCandidate{
    .name = "rwp_events_forget_candidate",
    .sql = "DELETE FROM rwp_events.event WHERE candidate = $1::text"};

Command command(const Statement& statement) {
  Command made;
  made.statement = &statement;
  return made;
}

std::int64_t to_micros(system_clock::time_point time) {
  if (time == system_clock::time_point::max()) return std::numeric_limits<std::int64_t>::max();
  return std::chrono::floor<std::chrono::microseconds>(time.time_since_epoch()).count();
}

/// PostgreSQL's texts have no U+0000.
std::string text_for_column(std::string text) {
  for (std::size_t at = text.find('\0'); at != std::string::npos; at = text.find('\0', at)) {
    text.replace(at, 1, "\xEF\xBF\xBD");
  }
  return text;
}

Command insert_command(const std::vector<Event>& events) {
  Array ids(Array::Of::uuids);
  Array times(Array::Of::big_integers);
  std::array<Array, 6> texts = {Array(Array::Of::texts), Array(Array::Of::texts),
                                Array(Array::Of::texts), Array(Array::Of::texts),
                                Array(Array::Of::texts), Array(Array::Of::texts)};
  for (const Event& event : events) {
    ids.add(event.id);
    times.add(to_micros(event.time));
    texts[0].add(text_for_column(event.tenant));
    texts[1].add(text_for_column(event.name));
    texts[2].add(text_for_column(event.client_id));
    texts[3].add_or_null(text_for_column(event.user_id));
    texts[4].add_or_null(text_for_column(analytics::candidate_of(event)));
    texts[5].add(to_json(event).view());
  }
  Command insert = command(kInsert);
  insert.parameters.array(std::move(ids)).array(std::move(times));
  for (Array& each : texts) insert.parameters.array(std::move(each));
  Array always(Array::Of::texts);
  for (const std::string& name : analytics::always_counted_names()) always.add(name);
  insert.parameters.array(std::move(always))
      .big_integer(static_cast<std::int64_t>(analytics::kMaxHourNames))
      .text(std::string(analytics::kOtherName));
  return insert;
}

/// Rows are locked in the order of their keys, so that deliveries do not block each other for good.
Command journeys_command(const std::map<analytics::JourneyKey, analytics::Journey>& journeys) {
  std::array<Array, 4> texts = {Array(Array::Of::texts), Array(Array::Of::texts),
                                Array(Array::Of::texts), Array(Array::Of::texts)};
  Array began(Array::Of::big_integers);
  std::array<Array, analytics::kStageCount> reached = {
      Array(Array::Of::big_integers), Array(Array::Of::big_integers),
      Array(Array::Of::big_integers), Array(Array::Of::big_integers)};
  std::map<analytics::JourneyKey, const analytics::Journey*> rows;
  for (const auto& [key, journey] : journeys) {
    // Keys that differ by U+0000 alone are one here; the second of them comes with a later event.
    rows.try_emplace({text_for_column(std::get<0>(key)), text_for_column(std::get<1>(key)),
                      text_for_column(std::get<2>(key))},
                     &journey);
  }
  for (const auto& [key, journey] : rows) {
    texts[0].add(std::get<0>(key));
    texts[1].add(std::get<1>(key));
    texts[2].add(std::get<2>(key));
    texts[3].add(text_for_column(journey->source));
    std::int64_t first = std::numeric_limits<std::int64_t>::max();
    for (std::size_t i = 0; i < analytics::kStageCount; ++i) {
      const auto& time = journey->reached[i];
      if (time) {
        first = std::min(first, to_micros(*time));
        reached[i].add(to_micros(*time));
      } else {
        reached[i].add_null();
      }
    }
    began.add(first);
  }
  Command add = command(kJourneys);
  for (Array& each : texts) add.parameters.array(std::move(each));
  add.parameters.array(std::move(began));
  for (Array& each : reached) add.parameters.array(std::move(each));
  return add;
}

Command with_range(const Statement& statement, const analytics::ReportRange& range) {
  Command asking = command(statement);
  asking.parameters.text_or_null(range.tenant)
      .big_integer(to_micros(range.from))
      .big_integer(to_micros(range.until));
  return asking;
}

std::vector<Command> one(Command command) {
  std::vector<Command> commands;
  commands.push_back(std::move(command));
  return commands;
}

}  // namespace

std::vector<Command> write_commands(const std::vector<Event>& events) {
  auto commands = one(insert_command(events));
  const auto journeys = analytics::journeys_of(events);
  if (!journeys.empty()) commands.push_back(journeys_command(journeys));
  return commands;
}

std::vector<Command> removal_commands(system_clock::time_point before) {
  std::vector<Command> commands;
  for (const Statement* statement : {&kRemoveEvents, &kRemoveJourneys}) {
    commands.push_back(command(*statement));
    commands.back().parameters.big_integer(to_micros(before));
  }
  return commands;
}

std::vector<Command> find_commands(const std::vector<Uuid>& ids) {
  Array asked(Array::Of::uuids);
  for (const Uuid& id : ids) asked.add(id);
  Command find = command(kFind);
  find.parameters.array(std::move(asked));
  return one(std::move(find));
}

std::vector<Command> hour_commands(const analytics::ReportRange& range) {
  return one(with_range(kHours, range));
}

std::vector<Command> journey_commands(const analytics::ReportRange& range) {
  Command asking = with_range(kFunnel, range);
  asking.parameters.big_integer(static_cast<std::int64_t>(analytics::kMaxFunnelSources))
      .text(std::string(analytics::kOtherName));
  return one(std::move(asking));
}

std::vector<Command> forget_candidate_commands(const std::string& name) {
  std::vector<Command> commands;
  for (const Statement* statement : {&kForgetCandidateJourneys, &kForgetCandidate}) {
    commands.push_back(command(*statement));
    commands.back().parameters.text(text_for_column(name));
  }
  return commands;
}

std::vector<Command> forget_commands(const std::string& tenant, const std::string& person) {
  std::vector<Command> commands;
  for (const Statement* statement : {&kForgetJourneys, &kForgetEvents}) {
    commands.push_back(command(*statement));
    commands.back().parameters.text(text_for_column(person)).text(text_for_column(tenant));
  }
  return commands;
}

std::vector<Uuid> read_found(const net_postgres::Rows& rows) {
  std::vector<Uuid> found;
  for (std::size_t i = 0; i < rows.size(); ++i) found.push_back(rows.uuid(i, 0));
  return found;
}

std::vector<analytics::HourCount> read_hours(const net_postgres::Rows& rows) {
  std::vector<analytics::HourCount> hours;
  for (std::size_t i = 0; i < rows.size(); ++i) {
    analytics::HourCount row;
    row.hour = system_clock::time_point(std::chrono::microseconds(rows.integer(i, 0)));
    row.name = rows.text(i, 1);
    row.events = rows.integer(i, 2);
    hours.push_back(std::move(row));
  }
  return hours;
}

std::vector<analytics::FunnelRow> read_journeys(const net_postgres::Rows& rows) {
  std::vector<analytics::FunnelRow> funnel;
  for (std::size_t i = 0; i < rows.size(); ++i) {
    analytics::FunnelRow row;
    row.source = rows.text(i, 0);
    for (std::size_t s = 0; s < analytics::kStageCount; ++s) {
      row.reached[s] = rows.integer(i, 1 + static_cast<int>(s));
    }
    for (std::size_t s = 0; s < row.times.size(); ++s) {
      const int column = 5 + 3 * static_cast<int>(s);
      row.times[s].journeys = rows.integer(i, column);
      if (!rows.is_null(i, column + 1)) row.times[s].mean_seconds = rows.real(i, column + 1);
      if (!rows.is_null(i, column + 2)) row.times[s].longest_seconds = rows.real(i, column + 2);
    }
    funnel.push_back(std::move(row));
  }
  return funnel;
}

}  // namespace rwp::analytics_postgres
