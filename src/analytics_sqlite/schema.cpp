#include "analytics_sqlite/schema.hpp"

#include <array>
#include <cstdint>
#include <string_view>

namespace rwp::analytics_sqlite {
namespace {

/// "RWPE", in the header of every file of ours.
constexpr std::int64_t kApplicationId = 0x52575045;

// Times are microseconds since 1970.
constexpr std::string_view kVersion1 = R"sql(
CREATE TABLE event (
  seq INTEGER PRIMARY KEY,
  id BLOB NOT NULL UNIQUE,
  at INTEGER NOT NULL,
  tenant TEXT NOT NULL,
  name TEXT NOT NULL,
  client_id TEXT NOT NULL,
  user_id TEXT,
  candidate TEXT,
  body TEXT NOT NULL                -- the whole event as JSON
);
CREATE INDEX event_at ON event (at);
CREATE INDEX event_client ON event (client_id, tenant);
CREATE INDEX event_user ON event (user_id, tenant) WHERE user_id IS NOT NULL;
CREATE INDEX event_candidate ON event (candidate) WHERE candidate IS NOT NULL;
CREATE TABLE hour (
  tenant TEXT NOT NULL,
  hour INTEGER NOT NULL,            -- its begin
  name TEXT NOT NULL,
  events INTEGER NOT NULL,
  PRIMARY KEY (tenant, hour, name)
) WITHOUT ROWID;
CREATE INDEX hour_of_all ON hour (hour);
CREATE TABLE journey (
  tenant TEXT NOT NULL,
  job TEXT NOT NULL,
  client_id TEXT NOT NULL,
  source TEXT NOT NULL,
  began INTEGER NOT NULL,
  viewed INTEGER,
  applied INTEGER,
  screened INTEGER,
  placed INTEGER,
  PRIMARY KEY (tenant, job, client_id)
) WITHOUT ROWID;
CREATE INDEX journey_began ON journey (began);
CREATE INDEX journey_client ON journey (client_id, tenant);
)sql";

constexpr std::array<std::string_view, 1> kSteps = {kVersion1};
constexpr auto kVersion = static_cast<std::int64_t>(kSteps.size());

std::int64_t ask(net_sqlite::Connection& database, const char* sql) {
  auto query = database.query(sql);
  return query.step() ? query.integer(0) : 0;
}

[[noreturn]] void refuse(const std::string& path, const std::string& why) {
  throw net_sqlite::Failure(0, Error(Errc::unsupported, path + ": " + why));
}

}  // namespace

void prepare_schema(net_sqlite::Connection& database, const std::string& path) {
  // Under the write lock: several processes may open a new file at once.
  database.execute("BEGIN IMMEDIATE");
  const std::int64_t version = ask(database, "PRAGMA user_version");
  const bool is_ours = ask(database, "PRAGMA application_id") == kApplicationId;
  if (!is_ours && ask(database, "SELECT count(*) FROM sqlite_schema") > 0) {
    refuse(path, "is a database of another program, or of the jobs; name another file for events");
  }
  if (version > kVersion) {
    refuse(path, "has event schema " + std::to_string(version) + ", this program knows up to " +
                     std::to_string(kVersion) + "; update the program");
  }
  for (std::int64_t step = version; step < kVersion; ++step) {
    database.execute(std::string(kSteps.at(static_cast<std::size_t>(step))));
  }
  if (version < kVersion) {
    database.execute("PRAGMA application_id = " + std::to_string(kApplicationId));
    database.execute("PRAGMA user_version = " + std::to_string(kVersion));
  }
  database.execute("COMMIT");
}

}  // namespace rwp::analytics_sqlite
