#include "jobs_postgres/upkeep.hpp"

#include "jobs_postgres/dispatch_role.hpp"

#include <algorithm>
#include <string>
#include <utility>

namespace rwp::jobs_postgres {
namespace {

using boost::asio::awaitable;
using std::chrono::steady_clock;

constexpr std::chrono::seconds kFoldEvery{2};
/// When the queue has run dry after so many claims, and not more often.
constexpr std::size_t kClaimsPerVacuum = 20'000;
constexpr std::chrono::seconds kVacuumEvery{10};
// A role that does not own the tables may not, and each try would warn in the server's log.
constexpr Statement kMayVacuum{
    .name = "rwp_may_vacuum",
    .sql =
        "SELECT (SELECT bool_and(pg_has_role(c.relowner, 'USAGE')) FROM pg_class c"
        " WHERE c.oid IN ('rwp.ready'::regclass, 'rwp.running'::regclass, 'rwp.tally'::regclass))"
        " OR (SELECT pg_has_role(d.datdba, 'USAGE') FROM pg_database d"
        " WHERE d.datname = current_database())"};
// A claim walks over the rows taken before it until they are vacuumed, and the server's own vacuum
// comes once a minute.
constexpr Statement kVacuum{
    .name = "rwp_vacuum",
    .sql = "VACUUM (SKIP_LOCKED, TRUNCATE FALSE) rwp.ready, rwp.running, rwp.tally"};

constexpr std::chrono::seconds kRewriteEvery{15};
/// A try holds everybody up for as long as it waits for its lock. While somebody keeps the table,
/// as a dump does for hours, the tries of many stores must not add up.
constexpr std::chrono::seconds kRewriteSeldom{300};
// Hot tables stay as small as what waits and runs. What is larger, and mostly dead, is kept from
// vacuum by somebody's snapshot. The rows by the server's statistics, which cost nothing: the
// rewrite itself counts.
constexpr Statement kLarge{
    .name = "rwp_large",
    .sql =
        "SELECT t.name, t.least FROM (VALUES ('ready', 33554432::bigint), ('running', 33554432),"
        " ('waiting', 33554432), ('tally', 4194304)) AS t(name, least),"
        " LATERAL (SELECT ('rwp.' || t.name)::regclass AS id) r"
        " WHERE pg_relation_size(r.id) >="
        " greatest(t.least, 256 * pg_stat_get_live_tuples(r.id))"};
constexpr Statement kRewrite{.name = "rwp_rewrite",
                             .sql = "SELECT rwp.rewrite_if_bloated($1::text, $2::bigint)"};

constexpr std::chrono::seconds kMeasureEvery{15};
// Old snapshots keep dead rows from being removed, and claims walk over them.
constexpr Statement kHealth{
    .name = "rwp_health",
    .sql =
        "SELECT s.relname::text, s.n_dead_tup::bigint, (SELECT coalesce(max(extract(epoch FROM"
        " clock_timestamp() - a.xact_start)), 0)::double precision FROM pg_stat_activity a"
        " WHERE a.backend_xmin IS NOT NULL AND a.pid <> pg_backend_pid())"
        " FROM pg_stat_user_tables s WHERE s.schemaname = 'rwp'"};

awaitable<void> vacuum(std::shared_ptr<Session> session) {
  std::vector<Command> asking(1, command(kMayVacuum));
  const auto allowed = co_await session->run(std::move(asking));
  if (!allowed || !(*allowed)[0].boolean(0, 0)) co_return;
  std::vector<Command> commands(1, command(kVacuum));
  // Should it fail, the server's own comes later.
  (void)co_await session->run(std::move(commands));
}

/// Shows how the hot tables are.
awaitable<void> measure(std::shared_ptr<Parts> parts) {
  std::vector<Command> commands(1, command(kHealth));
  const auto rows = co_await parts->session->run(std::move(commands));
  if (!rows) co_return;
  for (std::size_t i = 0; i < (*rows)[0].size(); ++i) {
    const auto* const table =
        std::find(kHotTables.begin(), kHotTables.end(), (*rows)[0].text(i, 0));
    if (table == kHotTables.end()) continue;
    parts->dead_rows[static_cast<std::size_t>(table - kHotTables.begin())]->set(
        static_cast<double>((*rows)[0].integer(i, 1)));
    parts->oldest_snapshot->set((*rows)[0].real(i, 2));
  }
}

/// Each in a transaction of its own, so that nobody waits for long.
awaitable<void> rewrite_what_is_bloated(std::shared_ptr<Parts> parts) {
  const std::chrono::seconds pause = std::exchange(parts->rewrite_pause, kRewriteEvery);
  std::vector<Command> looking(1, command(kLarge));
  const auto large = co_await parts->session->run(std::move(looking));
  if (!large) co_return;
  bool failed = (*large)[0].size() > 0;
  for (std::size_t i = 0; i < (*large)[0].size(); ++i) {
    const std::string table((*large)[0].text(i, 0));
    std::vector<Command> commands(1, command(kRewrite));
    commands[0].parameters.text(table).big_integer((*large)[0].integer(i, 1));
    const auto rewritten = co_await parts->session->run(std::move(commands));
    // Not now: at the next look.
    if (!rewritten || !(*rewritten)[0].boolean(0, 0)) continue;
    failed = false;
    parts->session->options().log.info("rewrote a table that could not be vacuumed",
                                       {{"table", table}});
    if (parts->rewrites != nullptr) parts->rewrites->add();
  }
  if (failed) parts->rewrite_pause = std::clamp(2 * pause, kRewriteEvery, kRewriteSeldom);
}

}  // namespace

void vacuum_when_dry(Parts& parts, std::size_t claimed, std::size_t asked) {
  parts.claimed_since_vacuum += claimed;
  const auto now = steady_clock::now();
  if (!parts.may_vacuum || claimed >= asked || parts.claimed_since_vacuum < kClaimsPerVacuum ||
      now - parts.vacuumed < kVacuumEvery) {
    return;
  }
  parts.claimed_since_vacuum = 0;
  parts.vacuumed = now;
  spawn(parts.session->runtime().executor(), vacuum(parts.session), [](std::exception_ptr) {});
}

awaitable<void> keep_up(std::shared_ptr<Parts> parts) {
  if (steady_clock::now() - parts->folded > kFoldEvery) {
    parts->folded = steady_clock::now();
    // Counts are right without it, too.
    (void)co_await fold_tally(parts->session);
  }
  if (steady_clock::now() - parts->rewritten > parts->rewrite_pause) {
    parts->rewritten = steady_clock::now();
    co_await rewrite_what_is_bloated(parts);
  }
  if (parts->oldest_snapshot != nullptr && steady_clock::now() - parts->measured > kMeasureEvery) {
    parts->measured = steady_clock::now();
    co_await measure(parts);
  }
}

awaitable<Result<jobs::Rescued>> rescue_jobs(std::shared_ptr<Parts> parts, std::size_t limit) {
  Effects effects;
  auto leased = co_await lease_what_is_dispatched(parts->session);
  if (!leased) co_return leased.error();
  const SteadyTime asked = steady_clock::now();
  auto rescued = co_await rescue(parts->session, limit, parts->claims->given_up(), &effects);
  if (!rescued) co_return rescued.error();
  parts->claims->freed(asked);
  parts->watch->on_committed(std::move(effects));
  co_await keep_up(parts);
  co_return rescued;
}

}  // namespace rwp::jobs_postgres
