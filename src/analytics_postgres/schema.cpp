#include "analytics_postgres/schema.hpp"

#include <array>
#include <string>
#include <utility>
#include <vector>

namespace rwp::analytics_postgres {
namespace {

using boost::asio::awaitable;
using net_postgres::Command;
using net_postgres::Statement;

constexpr Statement kLook{.sql =
                              "SELECT to_regclass('rwp_events.schema_version') IS NOT NULL,"
                              " current_setting('server_encoding') = 'UTF8'"};
constexpr Statement kVersion{
    .sql = "SELECT coalesce(max(version), 0)::integer FROM rwp_events.schema_version"};
constexpr Statement kBegin{.sql = "BEGIN"};
constexpr Statement kCommit{.sql = "COMMIT"};
constexpr Statement kRollback{.sql = "ROLLBACK"};
// "RWPE": whoever migrates waits for whoever does.
constexpr Statement kLock{.sql = "SELECT pg_advisory_xact_lock(1381453893)"};
constexpr Statement kMakeSchema{.sql = "CREATE SCHEMA IF NOT EXISTS rwp_events"};
constexpr Statement kMakeVersions{.sql =
                                      "CREATE TABLE IF NOT EXISTS rwp_events.schema_version ("
                                      " version integer PRIMARY KEY,"
                                      " applied_at timestamptz NOT NULL DEFAULT now())"};
constexpr Statement kNote{
    .sql = "INSERT INTO rwp_events.schema_version (version) VALUES ($1::integer)"};

// Times are microseconds since 1970.
constexpr const char* kVersion1 = R"sql(
DO $rwp_step$ BEGIN
CREATE TABLE rwp_events.event (
  seq bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
  id uuid NOT NULL UNIQUE,
  at bigint NOT NULL,
  tenant text NOT NULL,
  name text NOT NULL,
  client_id text NOT NULL,
  user_id text,
  candidate text,
  body text NOT NULL
);
CREATE INDEX event_at ON rwp_events.event (at);
CREATE INDEX event_client ON rwp_events.event (client_id, tenant);
CREATE INDEX event_user ON rwp_events.event (user_id, tenant) WHERE user_id IS NOT NULL;
CREATE INDEX event_candidate ON rwp_events.event (candidate) WHERE candidate IS NOT NULL;
CREATE TABLE rwp_events.hour (
  tenant text NOT NULL,
  hour bigint NOT NULL,
  name text NOT NULL,
  events bigint NOT NULL,
  PRIMARY KEY (tenant, hour, name)
) WITH (fillfactor = 50);
CREATE INDEX hour_of_all ON rwp_events.hour (hour);
CREATE TABLE rwp_events.journey (
  tenant text NOT NULL,
  job text NOT NULL,
  client_id text NOT NULL,
  source text NOT NULL,
  began bigint NOT NULL,
  viewed bigint,
  applied bigint,
  screened bigint,
  placed bigint,
  PRIMARY KEY (tenant, job, client_id)
);
CREATE INDEX journey_began ON rwp_events.journey (began);
CREATE INDEX journey_client ON rwp_events.journey (client_id, tenant);
END $rwp_step$
)sql";

constexpr std::array<const char*, 1> kSteps = {kVersion1};
constexpr int kNewest = static_cast<int>(kSteps.size());

std::vector<Command> commands_of(std::initializer_list<const Statement*> statements) {
  std::vector<Command> commands;
  for (const Statement* statement : statements) {
    Command command;
    command.statement = statement;
    commands.push_back(std::move(command));
  }
  return commands;
}

awaitable<Result<int>> look(net_postgres::Pool::Lease* lease, SteadyTime deadline) {
  auto looking = commands_of({&kLook});
  const auto looked = co_await lease->run(std::move(looking), deadline);
  if (!looked) co_return looked.failure->error;
  if (!looked.rows[0].boolean(0, 1)) {
    co_return Error(Errc::unsupported,
                    "the database's encoding is not UTF8; make one with ENCODING 'UTF8'");
  }
  if (!looked.rows[0].boolean(0, 0)) co_return 0;
  auto asking = commands_of({&kVersion});
  const auto asked = co_await lease->run(std::move(asking), deadline);
  if (!asked) co_return asked.failure->error;
  co_return static_cast<int>(asked.rows[0].integer(0, 0));
}

/// Within the transaction that holds the lock.
awaitable<Result<void>> run_steps(net_postgres::Pool::Lease* lease, SteadyTime deadline) {
  const auto found = co_await look(lease, deadline);
  if (!found) co_return found.error();
  for (int version = *found + 1; version <= kNewest; ++version) {
    const Statement step{.sql = kSteps.at(static_cast<std::size_t>(version - 1))};
    auto commands = commands_of({&step, &kNote});
    commands.back().parameters.integer(version);
    const auto done = co_await lease->run(std::move(commands), deadline);
    if (!done) co_return done.failure->error;
  }
  co_return Result<void>();
}

awaitable<Result<void>> bring_up_to_date(net_postgres::Pool::Lease* lease, SteadyTime deadline) {
  auto opening = commands_of({&kBegin, &kLock, &kMakeSchema, &kMakeVersions});
  const auto opened = co_await lease->run(std::move(opening), deadline);
  Result<void> done;
  if (opened) {
    done = co_await run_steps(lease, deadline);
  } else {
    done = opened.failure->error;
  }
  auto closing = commands_of({done ? &kCommit : &kRollback});
  const auto closed = co_await lease->run(std::move(closing), deadline);
  if (done && !closed) co_return closed.failure->error;
  co_return done;
}

}  // namespace

awaitable<Result<void>> prepare_schema(net_postgres::Pool::Lease* lease, bool migrate,
                                       SteadyTime deadline) {
  auto found = co_await look(lease, deadline);
  if (!found) co_return found.error();
  if (*found < kNewest && migrate) {
    auto done = co_await bring_up_to_date(lease, deadline);
    if (!done) co_return done.error().with_context("migrating the database of events");
    co_return Result<void>();
  }
  if (*found != kNewest) {
    co_return Error(Errc::unsupported, "the database has event schema " + std::to_string(*found) +
                                           ", this program needs " + std::to_string(kNewest));
  }
  co_return Result<void>();
}

}  // namespace rwp::analytics_postgres
