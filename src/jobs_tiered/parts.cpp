#include "jobs_tiered/parts.hpp"

#include "jobs_tiered/ticket_body.hpp"

#include <algorithm>

namespace rwp::jobs_tiered {
namespace {

using boost::asio::awaitable;
using std::chrono::steady_clock;

/// How long it is believed who hands jobs out. Much shorter than the grace that a switch gives.
constexpr std::chrono::seconds kRoleBelieved{10};

awaitable<jobs::PerItem<PushOutcome>> push_all(std::shared_ptr<Dispatch> dispatch,
                                               std::vector<const Ticket*> tickets) {
  std::vector<Ticket> copies;
  copies.reserve(tickets.size());
  for (const Ticket* ticket : tickets) copies.push_back(*ticket);
  auto pushed = co_await dispatch->push(std::move(copies));
  if (!pushed) co_return pushed.error();
  std::vector<Result<PushOutcome>> answers;
  answers.reserve(pushed->size());
  for (const PushOutcome outcome : *pushed) answers.emplace_back(outcome);
  co_return answers;
}

awaitable<jobs::PerItem<bool>> release_all(std::shared_ptr<Dispatch> dispatch,
                                           std::vector<const jobs::RunRef*> runs) {
  std::vector<jobs::RunRef> copies;
  copies.reserve(runs.size());
  for (const jobs::RunRef* run : runs) copies.push_back(*run);
  const std::size_t count = copies.size();
  auto released = co_await dispatch->release(std::move(copies));
  if (!released) co_return released.error();
  co_return std::vector<Result<bool>>(count, true);
}

}  // namespace

awaitable<Result<jobs::DispatchRole>> read_role(std::shared_ptr<Parts> parts) {
  const SteadyTime asked = steady_clock::now();
  auto role = co_await parts->record->dispatch_role();
  if (!role) co_return role.error();
  parts->role = *role;
  parts->role_seen = asked;
  parts->dispatch->set_database(role->database);
  parts->dispatch->set_epoch(role->epoch);
  co_return role;
}

awaitable<Result<jobs::DispatchRole>> current_role(std::shared_ptr<Parts> parts) {
  if (steady_clock::now() - parts->role_seen < kRoleBelieved) co_return parts->role;
  co_return co_await read_role(parts);
}

Ticket ticket_of(const jobs::DispatchedJob& given) {
  Ticket ticket;
  ticket.id = given.job.run.id;
  ticket.token = given.job.run.token;
  ticket.stamp = given.stamp;
  ticket.lane = given.lane;
  ticket.priority = given.job.priority;
  ticket.seq = given.seq;
  ticket.alone = given.job.alone;
  ticket.body = write_body(given.job);
  return ticket;
}

awaitable<std::size_t> give_out(std::shared_ptr<Parts> parts, std::vector<Ticket> tickets) {
  if (tickets.empty()) co_return std::size_t{0};
  std::vector<jobs::LostRun> refused;
  std::vector<LanePriority> lanes;
  refused.reserve(tickets.size());
  lanes.reserve(tickets.size());
  for (const Ticket& ticket : tickets) {
    refused.push_back({.id = ticket.id, .token = ticket.token});
    lanes.emplace_back(ticket.lane, ticket.priority);
    ++parts->under_way[lanes.back()];
  }
  const auto pushed = co_await parts->pushes->run(std::move(tickets));
  for (const LanePriority& lane : lanes) {
    const auto found = parts->under_way.find(lane);
    if (--found->second == 0) parts->under_way.erase(found);
  }
  if (!pushed) {
    Series::count(parts->series.lost, lanes.size());
    co_return std::size_t{0};
  }
  std::size_t kept = 0;
  for (std::size_t i = 0; i < pushed->size(); ++i) {
    const auto& outcome = (*pushed)[i];
    if (outcome && *outcome == PushOutcome::full) refused[kept++] = refused[i];
  }
  refused.resize(kept);
  Series::count(parts->series.full, kept);
  Series::count(parts->series.pushed, lanes.size() - kept);
  if (kept > 0) (void)co_await parts->record->take_back(std::move(refused), std::nullopt);
  co_return lanes.size() - kept;
}

void make_batchers(const std::shared_ptr<Parts>& parts) {
  BatchLimits limits;
  limits.items = 1'000;
  Batcher<Ticket, PushOutcome>::Run push =
      [dispatch = parts->dispatch](std::vector<const Ticket*> tickets) {
        return push_all(dispatch, std::move(tickets));
      };
  parts->pushes =
      std::make_shared<Batcher<Ticket, PushOutcome>>(parts->runtime, limits, std::move(push));
  Batcher<jobs::RunRef, bool>::Run release =
      [dispatch = parts->dispatch](std::vector<const jobs::RunRef*> runs) {
        return release_all(dispatch, std::move(runs));
      };
  parts->releases =
      std::make_shared<Batcher<jobs::RunRef, bool>>(parts->runtime, limits, std::move(release));
}

}  // namespace rwp::jobs_tiered
