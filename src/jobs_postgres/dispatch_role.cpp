#include "jobs_postgres/dispatch_role.hpp"

#include <utility>

namespace rwp::jobs_postgres {
namespace {

using boost::asio::awaitable;
using jobs::DispatchRole;

constexpr Statement kRole{.name = "rwp_dispatch_role",
                          .sql =
                              "SELECT d.mode, d.epoch, d.longest_lease_ms, i.database::text"
                              " FROM rwp.identity i CROSS JOIN (SELECT mode, epoch,"
                              " longest_lease_ms FROM rwp.dispatch"
                              " UNION ALL SELECT 1::smallint, 1::bigint, 0::bigint"
                              " WHERE NOT EXISTS (SELECT FROM rwp.dispatch)) d"};
constexpr Statement kSetMode{
    .name = "rwp_set_dispatch_mode",
    .sql =
        "INSERT INTO rwp.dispatch AS d (mode, epoch) VALUES ($1::integer::smallint, 2)"
        " ON CONFLICT (id) DO UPDATE SET mode = excluded.mode, epoch = d.epoch + 1"
        " WHERE d.mode <> excluded.mode"};
// A lease that heartbeats to the record extend; nobody may be alive to do so.
constexpr Statement kLeaseDispatched{
    .name = "rwp_lease_dispatched",
    .sql =
        "UPDATE rwp.running r SET holder = 0, lease_ms = g.ms, lease_until = coalesce($2::bigint,"
        " " RWP_PG_NOW
        ") + g.ms FROM (SELECT greatest($3::bigint, coalesce((SELECT longest_lease_ms"
        " FROM rwp.dispatch), 0))::integer AS ms) g WHERE r.holder = " RWP_PG_DISPATCH_HOLDER
        " AND NOT (" RWP_PG_DISPATCHES ")"};
// Back: heartbeats go to the dispatch from here on, and nobody would extend those leases.
constexpr Statement kDispatchLeased{.name = "rwp_dispatch_leased",
                                    .sql = "UPDATE rwp.running SET holder = " RWP_PG_DISPATCH_HOLDER
                                           ", lease_ms = 0, lease_until = " RWP_PG_NO_END
                                           " WHERE holder = 0 AND " RWP_PG_DISPATCHES};
constexpr Statement kNoteLease{
    .name = "rwp_note_longest_lease",
    .sql =
        "INSERT INTO rwp.dispatch AS d (longest_lease_ms) VALUES ($1::bigint)"
        " ON CONFLICT (id) DO UPDATE SET longest_lease_ms = excluded.longest_lease_ms"
        " WHERE d.longest_lease_ms < excluded.longest_lease_ms"};
#define RWP_PG_SERVER_NOW "(extract(epoch FROM clock_timestamp()) * 1000)::bigint"
constexpr Statement kLead{
    .name = "rwp_lead",
    .sql =
        "INSERT INTO rwp.dispatch AS d (leader, term, leader_until)"
        " VALUES ($1::bigint, 1, " RWP_PG_SERVER_NOW
        " + $2::bigint)"
        " ON CONFLICT (id) DO UPDATE SET leader = excluded.leader,"
        " term = CASE WHEN d.leader = excluded.leader THEN d.term ELSE d.term + 1 END,"
        " leader_until = excluded.leader_until"
        " WHERE d.leader = excluded.leader OR d.leader_until <= " RWP_PG_SERVER_NOW
        " RETURNING d.term"};
constexpr Statement kStopLeading{
    .name = "rwp_stop_leading",
    .sql = "UPDATE rwp.dispatch SET leader_until = 0 WHERE leader = $1::bigint"};
constexpr Statement kPausedQueues{.name = "rwp_paused_queues",
                                  .sql = "SELECT name FROM rwp.queue WHERE paused ORDER BY name"};

constexpr std::chrono::milliseconds kLeastGrace{60'000};

Command lease_command(const Session& session, std::chrono::milliseconds grace) {
  Command made = command(kLeaseDispatched);
  made.parameters.big_integer(session.given_now())
      .big_integer(session.given_beat())
      .big_integer(grace.count());
  return made;
}

DispatchRole read_role(const Rows& rows) {
  return {.mode = static_cast<jobs::DispatchMode>(rows.integer(0, 0)),
          .epoch = rows.integer(0, 1),
          .longest_lease = std::chrono::milliseconds(rows.integer(0, 2)),
          .database = std::string(rows.text(0, 3))};
}

awaitable<Result<void>> do_one(std::shared_ptr<Session> session, Command what) {
  std::vector<Command> commands;
  commands.push_back(std::move(what));
  auto done = co_await session->run(std::move(commands));
  if (!done) co_return done.error();
  co_return Result<void>();
}

}  // namespace

awaitable<Result<DispatchRole>> dispatch_role(std::shared_ptr<Session> session) {
  std::vector<Command> commands(1, command(kRole));
  auto rows = co_await session->run(std::move(commands));
  if (!rows) co_return rows.error();
  co_return read_role((*rows)[0]);
}

awaitable<Result<DispatchRole>> set_dispatch_mode(std::shared_ptr<Session> session,
                                                  jobs::DispatchMode mode,
                                                  std::chrono::milliseconds grace) {
  // One transaction, and within it each statement sees what the one before has done: whoever dies
  // here leaves it undone. What begins beside it is put right by rescue and by the leader.
  std::vector<Command> commands(1, command(kSetMode));
  commands[0].parameters.integer(static_cast<int>(mode));
  commands.push_back(lease_command(*session, grace));
  commands.push_back(command(kDispatchLeased));
  commands.push_back(command(kRole));
  auto done = co_await session->run(std::move(commands));
  if (!done) co_return done.error();
  co_return read_role((*done)[3]);
}

awaitable<Result<void>> note_longest_lease(std::shared_ptr<Session> session,
                                           std::chrono::milliseconds lease) {
  Command noting = command(kNoteLease);
  noting.parameters.big_integer(lease.count());
  co_return co_await do_one(std::move(session), std::move(noting));
}

awaitable<Result<jobs::Leadership>> lead(std::shared_ptr<Session> session,
                                         std::chrono::milliseconds time) {
  std::vector<Command> commands(1, command(kLead));
  commands[0].parameters.big_integer(session->holder()).big_integer(time.count());
  auto rows = co_await session->run(std::move(commands));
  if (!rows) co_return rows.error();
  jobs::Leadership leadership;
  leadership.is_leader = (*rows)[0].size() > 0;
  if (!leadership.is_leader) co_return leadership;
  leadership.term = (*rows)[0].integer(0, 0);
  // Given a lease here by a rescue that began before the switch back, and nobody extends it.
  Command dispatching = command(kDispatchLeased);
  auto done = co_await do_one(session, std::move(dispatching));
  if (!done) co_return done.error();
  co_return leadership;
}

awaitable<Result<void>> stop_leading(std::shared_ptr<Session> session) {
  Command stopping = command(kStopLeading);
  stopping.parameters.big_integer(session->holder());
  co_return co_await do_one(std::move(session), std::move(stopping));
}

awaitable<Result<void>> lease_what_is_dispatched(std::shared_ptr<Session> session) {
  Command leasing = lease_command(*session, kLeastGrace);
  co_return co_await do_one(std::move(session), std::move(leasing));
}

awaitable<Result<std::vector<std::string>>> paused_queues(std::shared_ptr<Session> session) {
  std::vector<Command> commands(1, command(kPausedQueues));
  auto rows = co_await session->run(std::move(commands));
  if (!rows) co_return rows.error();
  std::vector<std::string> names;
  for (std::size_t i = 0; i < (*rows)[0].size(); ++i) names.emplace_back((*rows)[0].text(i, 0));
  co_return names;
}

}  // namespace rwp::jobs_postgres
