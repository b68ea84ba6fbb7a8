#include "jobs_postgres/schema.hpp"

#include <string>
#include <utility>
#include <vector>

namespace rwp::jobs_postgres {
namespace {

using boost::asio::awaitable;
using net_postgres::Command;
using net_postgres::Statement;

constexpr Statement kLook{.name = "rwp_schema_look",
                          .sql =
                              "SELECT to_regclass('rwp.schema_version') IS NOT NULL,"
                              " current_setting('server_encoding') = 'UTF8'"};
constexpr Statement kVersion{
    .name = "rwp_schema_version",
    .sql = "SELECT version, oldest_program FROM rwp.schema_version ORDER BY version DESC LIMIT 1"};
constexpr Statement kBegin{.name = "rwp_begin", .sql = "BEGIN"};
constexpr Statement kCommit{.name = "rwp_commit", .sql = "COMMIT"};
constexpr Statement kRollback{.name = "rwp_rollback", .sql = "ROLLBACK"};
// "RWPJ": whoever migrates waits for whoever does.
constexpr Statement kLock{.name = "rwp_schema_lock",
                          .sql = "SELECT pg_advisory_xact_lock(1381453898)"};
constexpr Statement kPatience{.name = "rwp_schema_patience",
                              .sql = "SELECT set_config('statement_timeout', '10min', true)"};
constexpr Statement kMakeSchema{.name = "rwp_schema_make",
                                .sql = "CREATE SCHEMA IF NOT EXISTS rwp"};
constexpr Statement kMakeVersions{
    .name = "rwp_schema_versions",
    .sql =
        "CREATE TABLE IF NOT EXISTS rwp.schema_version ("
        " version integer PRIMARY KEY,"
        " oldest_program integer NOT NULL,"  // Programs that know this version may go on.
        " applied_at timestamptz NOT NULL DEFAULT now())"};
constexpr Statement kNote{.name = "rwp_schema_note",
                          .sql =
                              "INSERT INTO rwp.schema_version (version, oldest_program)"
                              " VALUES ($1::integer, $2::integer)"};

struct Step {
  int version = 0;
  /// The oldest version whose programs can go on beside this one.
  int oldest_program = 0;
  std::vector<const char*> sql{};
};

const std::vector<Step>& steps() {
  static const std::vector<Step> all = {
      {.version = 1, .oldest_program = 1, .sql = {kVersion1Tables, kVersion1Functions}},
      {.version = 2, .oldest_program = 1, .sql = {kVersion2}},
      {.version = 3, .oldest_program = 1, .sql = {kVersion3}},
      {.version = 4, .oldest_program = 1, .sql = {kVersion4}},
      {.version = 5, .oldest_program = 1, .sql = {kVersion5}},
      {.version = 6, .oldest_program = 1, .sql = {kVersion6}},
      {.version = 7, .oldest_program = 1, .sql = {kVersion7}},
      {.version = 8, .oldest_program = 1, .sql = {kVersion8}}};
  return all;
}

std::vector<Command> commands_of(std::initializer_list<const Statement*> statements) {
  std::vector<Command> commands;
  for (const Statement* statement : statements) {
    Command command;
    command.statement = statement;
    commands.push_back(std::move(command));
  }
  return commands;
}

struct Found {
  int version = 0;
  int oldest_program = 0;
};

awaitable<Result<Found>> look(net_postgres::Pool::Lease* lease, SteadyTime deadline) {
  auto looking = commands_of({&kLook});
  const auto looked = co_await lease->run(std::move(looking), deadline);
  if (!looked) co_return looked.failure->error;
  if (!looked.rows[0].boolean(0, 1)) {
    co_return Error(Errc::unsupported,
                    "the database's encoding is not UTF8; make one with ENCODING 'UTF8'");
  }
  Found found;
  if (!looked.rows[0].boolean(0, 0)) co_return found;
  auto asking = commands_of({&kVersion});
  const auto asked = co_await lease->run(std::move(asking), deadline);
  if (!asked) co_return asked.failure->error;
  if (asked.rows[0].size() == 1) {
    found.version = static_cast<int>(asked.rows[0].integer(0, 0));
    found.oldest_program = static_cast<int>(asked.rows[0].integer(0, 1));
  }
  co_return found;
}

/// Within the transaction that holds the lock.
awaitable<Result<void>> run_steps(net_postgres::Pool::Lease* lease, SteadyTime deadline) {
  const auto found = co_await look(lease, deadline);
  if (!found) co_return found.error();
  for (const Step& step : steps()) {
    if (step.version <= found->version) continue;
    for (const char* sql : step.sql) {
      // One statement for the server, whatever stands in it.
      const std::string block = std::string("DO $rwp_step$ BEGIN ") + sql + " END $rwp_step$";
      const Statement statement{.name = "", .sql = block.c_str()};
      auto commands = commands_of({&statement});
      const auto done = co_await lease->run(std::move(commands), deadline);
      if (!done) co_return done.failure->error;
    }
    auto commands = commands_of({&kNote});
    commands.front().parameters.integer(step.version).integer(step.oldest_program);
    const auto noted = co_await lease->run(std::move(commands), deadline);
    if (!noted) co_return noted.failure->error;
  }
  co_return Result<void>();
}

awaitable<Result<void>> bring_up_to_date(net_postgres::Pool::Lease* lease, SteadyTime deadline) {
  auto opening = commands_of({&kBegin, &kPatience, &kLock, &kMakeSchema, &kMakeVersions});
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
  if (found->version < kSchemaVersion && migrate) {
    auto done = co_await bring_up_to_date(lease, deadline);
    if (!done) co_return done.error().with_context("migrating the database");
    found = co_await look(lease, deadline);
    if (!found) co_return found.error();
  }
  if (found->version < kSchemaVersion) {
    co_return Error(Errc::unsupported, "the database has job schema " +
                                           std::to_string(found->version) +
                                           ", this program needs " +
                                           std::to_string(kSchemaVersion) + "; run rwpctl migrate");
  }
  if (found->oldest_program > kSchemaVersion) {
    co_return Error(Errc::unsupported,
                    "the database has job schema " + std::to_string(found->version) +
                        ", which this program is too old for; update the program");
  }
  co_return Result<void>();
}

}  // namespace rwp::jobs_postgres
