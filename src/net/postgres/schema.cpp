#include "net/postgres/schema.hpp"

#include <initializer_list>
#include <string>
#include <utility>

namespace rwp::net_postgres {
namespace {

using boost::asio::awaitable;

constexpr Statement kUtf8{.sql = "SELECT current_setting('server_encoding') = 'UTF8'"};
constexpr Statement kBegin{.sql = "BEGIN"};
constexpr Statement kPatience{.sql = "SELECT set_config('statement_timeout', '10min', true)"};
constexpr Statement kCommit{.sql = "COMMIT"};
constexpr Statement kRollback{.sql = "ROLLBACK"};

std::vector<Command> commands_of(std::initializer_list<const Statement*> statements) {
  std::vector<Command> commands;
  for (const Statement* statement : statements) {
    Command command;
    command.statement = statement;
    commands.push_back(std::move(command));
  }
  return commands;
}

/// Statements that name the schema.
awaitable<Result<std::vector<Rows>>> run(Pool::Lease* lease, std::vector<std::string> texts,
                                         SteadyTime deadline) {
  std::vector<Statement> statements;
  statements.reserve(texts.size());
  for (const std::string& text : texts) statements.push_back({.sql = text.c_str()});
  std::vector<Command> commands(texts.size());
  for (std::size_t i = 0; i < texts.size(); ++i) commands[i].statement = &statements[i];
  auto answer = co_await lease->run(std::move(commands), deadline);
  if (!answer) co_return answer.failure->error;
  co_return std::move(answer.rows);
}

struct Found {
  int version = 0;
  int oldest_program = 0;
};

awaitable<Result<Found>> look(Pool::Lease* lease, std::string schema, SteadyTime deadline) {
  auto looking = commands_of({&kUtf8});
  const auto looked = co_await lease->run(std::move(looking), deadline);
  if (!looked) co_return looked.failure->error;
  if (!looked.rows[0].boolean(0, 0)) {
    co_return Error(Errc::unsupported,
                    "the database's encoding is not UTF8; make one with ENCODING 'UTF8'");
  }
  Found found;
  std::vector<std::string> asking;
  asking.push_back("SELECT to_regclass('" + schema + ".schema_version') IS NOT NULL");
  auto there = co_await run(lease, std::move(asking), deadline);
  if (!there) co_return there.error();
  if (!(*there)[0].boolean(0, 0)) co_return found;
  // The first programs of some schemas noted no oldest one.
  asking.assign(
      1, "SELECT version, coalesce((to_jsonb(v) ->> 'oldest_program')::integer, 1) FROM " + schema +
             ".schema_version v ORDER BY version DESC LIMIT 1");
  auto asked = co_await run(lease, std::move(asking), deadline);
  if (!asked) co_return asked.error();
  if ((*asked)[0].size() == 1) {
    found.version = static_cast<int>((*asked)[0].integer(0, 0));
    found.oldest_program = static_cast<int>((*asked)[0].integer(0, 1));
  }
  co_return found;
}

/// Within the transaction that holds the lock.
awaitable<Result<void>> run_steps(Pool::Lease* lease, const Schema* schema, SteadyTime deadline) {
  const auto found = co_await look(lease, schema->name, deadline);
  if (!found) co_return found.error();
  for (const SchemaStep& step : schema->steps) {
    if (step.version <= found->version) continue;
    std::vector<std::string> texts;
    for (const char* sql : step.sql) {
      // One statement for the server, whatever stands in it.
      texts.push_back(std::string("DO $rwp_step$ BEGIN ") + sql + " END $rwp_step$");
    }
    texts.push_back(std::string("INSERT INTO ") + schema->name +
                    ".schema_version (version, oldest_program) VALUES (" +
                    std::to_string(step.version) + ", " + std::to_string(step.oldest_program) +
                    ")");
    const auto done = co_await run(lease, std::move(texts), deadline);
    if (!done) co_return done.error();
  }
  co_return Result<void>();
}

awaitable<Result<void>> lock_versions(Pool::Lease* lease, const Schema* schema,
                                      SteadyTime deadline) {
  auto opening = commands_of({&kBegin, &kPatience});
  const auto opened = co_await lease->run(std::move(opening), deadline);
  if (!opened) co_return opened.failure->error;
  const std::string name = schema->name;
  std::vector<std::string> texts;
  texts.push_back("SELECT pg_advisory_xact_lock(" + std::to_string(schema->lock) + ")");
  texts.push_back("CREATE SCHEMA IF NOT EXISTS " + name);
  texts.push_back("CREATE TABLE IF NOT EXISTS " + name +
                  ".schema_version (version integer PRIMARY KEY,"
                  " oldest_program integer NOT NULL,"
                  " applied_at timestamptz NOT NULL DEFAULT now())");
  // By no lock where it is there: others look at the versions meanwhile.
  texts.push_back("DO $rwp_step$ BEGIN IF NOT EXISTS (SELECT FROM pg_attribute WHERE attrelid = '" +
                  name +
                  ".schema_version'::regclass AND attname = 'oldest_program') THEN"
                  " ALTER TABLE " +
                  name +
                  ".schema_version ADD COLUMN oldest_program"
                  " integer NOT NULL DEFAULT 1; END IF; END $rwp_step$");
  // Whom the owner's default privileges let write all tables may not say which version this is.
  texts.push_back(
      "DO $rwp_step$ DECLARE v_role regrole; BEGIN FOR v_role IN"
      " SELECT DISTINCT a.grantee::regrole FROM pg_class c, aclexplode(c.relacl) a"
      " WHERE c.oid = '" +
      name +
      ".schema_version'::regclass AND a.grantee NOT IN (0, c.relowner)"
      " AND a.privilege_type <> 'SELECT' LOOP"
      " EXECUTE format('REVOKE INSERT, UPDATE, DELETE, TRUNCATE ON " +
      name + ".schema_version FROM %s', v_role); END LOOP; END $rwp_step$");
  const auto made = co_await run(lease, std::move(texts), deadline);
  if (!made) co_return made.error();
  co_return Result<void>();
}

awaitable<Result<void>> bring_up_to_date(Pool::Lease* lease, const Schema* schema,
                                         SteadyTime deadline) {
  auto done = co_await lock_versions(lease, schema, deadline);
  if (done) done = co_await run_steps(lease, schema, deadline);
  auto closing = commands_of({done ? &kCommit : &kRollback});
  const auto closed = co_await lease->run(std::move(closing), deadline);
  if (done && !closed) co_return closed.failure->error;
  co_return done;
}

}  // namespace

awaitable<Result<void>> prepare_schema(Pool::Lease* lease, const Schema* schema, bool migrate,
                                       SteadyTime deadline) {
  const int newest = schema->steps.back().version;
  auto found = co_await look(lease, schema->name, deadline);
  if (!found) co_return found.error();
  if (found->version < newest && migrate) {
    auto done = co_await bring_up_to_date(lease, schema, deadline);
    if (!done) co_return done.error().with_context("migrating the database");
    found = co_await look(lease, schema->name, deadline);
    if (!found) co_return found.error();
  }
  const std::string has =
      std::string("the database has ") + schema->called + " " + std::to_string(found->version);
  if (found->version < newest) {
    co_return Error(Errc::unsupported,
                    has + ", this program needs " + std::to_string(newest) + "; " + schema->remedy);
  }
  if (found->oldest_program > newest) {
    co_return Error(Errc::unsupported,
                    has + ", which this program is too old for; update the program");
  }
  co_return Result<void>();
}

}  // namespace rwp::net_postgres
