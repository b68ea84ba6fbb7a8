#include "jobs_postgres/session.hpp"

#include <rwp/core/uuid.hpp>
#include <rwp/jobs/stored_text.hpp>

#include <algorithm>
#include <cstring>

namespace rwp::jobs_postgres {

using boost::asio::awaitable;
using std::chrono::milliseconds;

const Statement kBegin{.name = "rwp_begin", .sql = "BEGIN"};
const Statement kCommit{.name = "rwp_commit", .sql = "COMMIT"};
const Statement kRollback{.name = "rwp_rollback", .sql = "ROLLBACK"};

namespace {

constexpr Statement kLaneOf{.name = "rwp_lane_of",
                            .sql = "SELECT rwp.lane_of($1::text, $2::text, $3::integer)"};
constexpr Statement kLanes{
    .name = "rwp_lanes",
    .sql = "SELECT id, queue, kind, version FROM rwp.lane WHERE id > $1::integer ORDER BY id"};

/// What the server's clock may run apart from this machine's between two looks.
constexpr milliseconds kClockStep{2'000};

/// Some 63 random bits.
std::int64_t any_number() {
  const Uuid id = Uuid::make_v7();
  std::int64_t number = 0;
  std::memcpy(&number, id.bytes.data() + 8, sizeof number);
  return number & 0x7FFFFFFFFFFFFFFF;
}

}  // namespace

Session::Session(Runtime& runtime, std::shared_ptr<net_postgres::Pool> pool, Options options)
    : runtime_(runtime),
      pool_(std::move(pool)),
      options_(std::move(options)),
      holder_(any_number()) {}

std::optional<std::int64_t> Session::given_now() const {
  if (!options_.clock) return std::nullopt;
  return jobs::to_ms(options_.clock->now());
}

std::optional<std::int64_t> Session::given_beat() const {
  if (!options_.clock) return std::nullopt;
  return std::chrono::duration_cast<milliseconds>(options_.clock->since_boot()).count();
}

TimePoint Session::now() const {
  if (options_.clock) return options_.clock->now();
  return std::chrono::time_point_cast<milliseconds>(std::chrono::system_clock::now()) + ahead_;
}

void Session::learn_now(std::int64_t server_ms) {
  ahead_ = std::chrono::duration_cast<milliseconds>(jobs::from_ms(server_ms) -
                                                    std::chrono::system_clock::now());
}

std::int64_t Session::trusted_since(std::int64_t beat) {
  const std::shared_ptr<const Clock> clock = options_.clock ? options_.clock : system_clock();
  const auto local = std::chrono::duration_cast<milliseconds>(clock->since_boot());
  const milliseconds apart = milliseconds(beat - last_beat_) - (local - last_local_);
  if (lost_ || apart > kClockStep || apart < -kClockStep) trusted_since_ = beat;
  lost_ = false;
  last_beat_ = beat;
  last_local_ = local;
  return trusted_since_;
}

Error Session::final_error(const Error& error, bool in_doubt) {
  if (!in_doubt) return error;
  return Error(Errc::unavailable, error.message() + "; the outcome of an earlier try is unknown");
}

awaitable<bool> Session::worth_another_try(Failure failure, int tries, SteadyTime deadline) {
  if (failure.lost) note_lost();
  // Serialisation failures and deadlocks: somebody had to give way.
  const bool gave_way = failure.state.starts_with("40");
  const bool away = failure.lost && failure.error.code() == Errc::unavailable;
  if (!gave_way && !away) co_return false;
  const auto wait = std::min(milliseconds(5) * (1 << std::min(tries, 8)), milliseconds(500));
  const auto until = std::chrono::steady_clock::now() + wait;
  if (until >= deadline) co_return false;
  const auto waited = co_await sleep_until(until);
  co_return waited.has_value();
}

namespace {

awaitable<Tried<std::vector<Rows>>> run_once(Lease* lease, std::vector<Command> commands,
                                             SteadyTime deadline) {
  auto answer = co_await lease->run(std::move(commands), deadline);
  Tried<std::vector<Rows>> tried;
  if (answer) {
    tried.made = std::move(answer.rows);
  } else {
    tried.failure = std::move(answer.failure);
  }
  co_return tried;
}

}  // namespace

awaitable<Result<std::vector<Rows>>> Session::run(std::vector<Command> commands) {
  std::function<awaitable<Tried<std::vector<Rows>>>(Lease*, bool, SteadyTime)> work =
      [commands = std::move(commands)](Lease* lease, bool /*in_doubt*/, SteadyTime deadline) {
        return run_once(lease, commands, deadline);
      };
  co_return co_await attempt(std::move(work));
}

void Session::remember(Lane lane) {
  lane_ids_[{lane.queue, lane.kind, lane.version}] = lane.id;
  const std::int64_t id = lane.id;
  lanes_[id] = std::move(lane);
}

std::int64_t Session::known_lane(const std::string& queue, const std::string& kind,
                                 int version) const {
  const auto found = lane_ids_.find(std::tie(queue, kind, version));
  return found == lane_ids_.end() ? 0 : found->second;
}

const Lane* Session::find_lane(std::int64_t id) const {
  const auto found = lanes_.find(id);
  return found == lanes_.end() ? nullptr : &found->second;
}

awaitable<Result<std::int64_t>> Session::lane_of(std::string queue, std::string kind, int version) {
  if (const std::int64_t known = known_lane(queue, kind, version)) co_return known;
  std::vector<Command> commands(1, command(kLaneOf));
  commands[0].parameters.text(queue).text(kind).integer(version);
  auto rows = co_await run(std::move(commands));
  if (!rows) co_return rows.error();
  const std::int64_t id = (*rows)[0].integer(0, 0);
  remember(Lane{.id = id, .queue = std::move(queue), .kind = std::move(kind), .version = version});
  co_return id;
}

awaitable<Result<void>> Session::refresh_lanes() {
  // Identities are given before they are committed, so the highest known is no bound.
  std::vector<Command> commands(1, command(kLanes));
  commands[0].parameters.integer(0);
  auto rows = co_await run(std::move(commands));
  if (!rows) co_return rows.error();
  const Rows& lanes = (*rows)[0];
  for (std::size_t i = 0; i < lanes.size(); ++i) {
    remember(Lane{.id = lanes.integer(i, 0),
                  .queue = std::string(lanes.text(i, 1)),
                  .kind = std::string(lanes.text(i, 2)),
                  .version = static_cast<int>(lanes.integer(i, 3))});
  }
  co_return Result<void>();
}

}  // namespace rwp::jobs_postgres
