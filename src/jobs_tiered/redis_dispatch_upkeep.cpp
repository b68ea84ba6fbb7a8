#include "jobs_tiered/redis_dispatch.hpp"

#include <algorithm>
#include <charconv>
#include <map>
#include <unordered_set>
#include <utility>

namespace rwp::jobs_tiered {

using boost::asio::awaitable;
using jobs::Priority;
using net_redis::Reply;
using std::chrono::milliseconds;

namespace {

constexpr std::size_t kMaxItems = 1'000;
constexpr std::size_t kMaxLapsed = 10'000;
constexpr std::size_t kMaxLanes = 1'000;

Error higher_term() {
  return Error(Errc::conflict, "dispatch: another reconciler, of a later term, has written");
}

milliseconds local_time(const DispatchOptions& options) {
  const std::shared_ptr<const Clock> clock = options.clock ? options.clock : system_clock();
  return std::chrono::duration_cast<milliseconds>(clock->since_boot());
}

std::string number(std::int64_t value) { return std::to_string(value); }

/// "LANE:PRIORITY"
std::optional<std::pair<LaneId, Priority>> window_name(const std::string& text) {
  const std::size_t colon = text.find(':');
  if (colon == std::string::npos || colon + 2 != text.size()) return std::nullopt;
  LaneId lane = 0;
  const auto [stopped, problem] = std::from_chars(text.data(), text.data() + colon, lane);
  const int priority = text.back() - '0';
  if (problem != std::errc() || stopped != text.data() + colon || priority < 0 ||
      priority >= static_cast<int>(jobs::kPriorityCount)) {
    return std::nullopt;
  }
  return std::pair(lane, static_cast<Priority>(priority));
}

}  // namespace

awaitable<Result<std::vector<WithdrawOutcome>>> RedisDispatch::withdraw(
    std::vector<StampedJob> jobs, bool ask_to_cancel) {
  const auto self = shared_from_this();
  std::vector<WithdrawOutcome> outcomes;
  outcomes.reserve(jobs.size());
  for (std::size_t at = 0; at < jobs.size(); at += kMaxItems) {
    const std::size_t end = std::min(jobs.size(), at + kMaxItems);
    Arguments arguments{ask_to_cancel ? "1" : "0"};
    for (std::size_t i = at; i < end; ++i) {
      arguments.push_back(pack_id(jobs[i].id));
      arguments.push_back(number(jobs[i].stamp));
    }
    auto asking = line_->ask_open(line_->scripts().withdraw, "withdraw", std::move(arguments));
    const auto answer = co_await std::move(asking);
    if (!answer) co_return answer.error();
    if (answer->parts.size() != 3 || answer->parts[2].text.size() != end - at) {
      co_return bad_answer("withdraw");
    }
    for (const char said : answer->parts[2].text) {
      outcomes.push_back(said == 'r'   ? WithdrawOutcome::removed
                         : said == 'l' ? WithdrawOutcome::leased
                                       : WithdrawOutcome::absent);
    }
  }
  co_return outcomes;
}

awaitable<Result<std::vector<TicketPlace>>> RedisDispatch::look(std::vector<Uuid> ids) {
  const auto self = shared_from_this();
  std::vector<TicketPlace> places;
  places.reserve(ids.size());
  for (std::size_t at = 0; at < ids.size(); at += kMaxItems) {
    const std::size_t end = std::min(ids.size(), at + kMaxItems);
    Arguments arguments;
    for (std::size_t i = at; i < end; ++i) arguments.push_back(pack_id(ids[i]));
    auto asking = line_->ask_open(line_->scripts().look, "look", std::move(arguments));
    const auto answer = co_await std::move(asking);
    if (!answer) co_return answer.error();
    if (answer->parts.size() != 3 || answer->parts[2].items.size() != end - at) {
      co_return bad_answer("look");
    }
    for (const Reply& said : answer->parts[2].items) {
      TicketPlace place;
      const std::string_view bytes = std::string_view(said.text).substr(said.text.empty() ? 0 : 1);
      if (said.text.starts_with('q')) {
        const auto token = unpack_place_token(bytes);
        if (!token) co_return bad_answer("look");
        place.where = TicketPlace::Where::queued;
        place.token = *token;
      } else if (said.text.starts_with('l')) {
        const auto lease = unpack_lease(bytes);
        if (!lease) co_return bad_answer("look");
        place.where = TicketPlace::Where::leased;
        place.token = lease->token;
        place.claimed_at = lease->claimed_at;
        place.started = lease->started;
      }
      places.push_back(place);
    }
  }
  co_return places;
}

awaitable<Result<Audit>> RedisDispatch::audit(std::string cursor, std::size_t limit) {
  const auto self = shared_from_this();
  const bool leases = cursor.starts_with('l');
  Arguments arguments{leases ? "l" : "q", cursor.empty() ? "0" : cursor.substr(1),
                      std::to_string(std::clamp<std::size_t>(limit, 1, kMaxItems))};
  auto asking = line_->ask_open(line_->scripts().audit, "audit", std::move(arguments));
  const auto answer = co_await std::move(asking);
  if (!answer) co_return answer.error();
  const auto& parts = answer->parts;
  const auto water = parts.size() == 6 ? integer_of(parts[3]) : std::nullopt;
  if (!water) co_return bad_answer("audit");
  Audit page;
  page.watermark = *water;
  if (parts[5].items.size() == 2) {
    page.tickets = static_cast<std::size_t>(parts[5].items[0].integer);
    page.tickets_in_windows = static_cast<std::size_t>(parts[5].items[1].integer);
  }
  for (const Reply& each : parts[4].items) {
    const auto id = each.items.size() == 3 ? unpack_id(each.items[0].text) : std::nullopt;
    if (!id) co_return bad_answer("audit");
    AuditedTicket ticket;
    ticket.id = *id;
    const auto lease = leases ? unpack_lease(each.items[1].text) : std::nullopt;
    const auto token =
        leases ? std::optional<std::uint64_t>() : unpack_place_token(each.items[1].text);
    if (lease) {
      ticket.where = TicketPlace::Where::leased;
      ticket.token = lease->token;
      ticket.is_whole = !each.items[2].text.empty();
    } else if (token) {
      ticket.token = *token;
      const auto member = unpack_member(each.items[2].text);
      ticket.is_whole = member && member->token == *token;
      if (member) ticket.stamp = member->stamp;
    }
    page.found.push_back(ticket);
  }
  if (parts[2].text != "0") {
    page.next_cursor = (leases ? "l" : "q") + parts[2].text;
  } else if (!leases) {
    page.next_cursor = "l0";
  }
  co_return page;
}

awaitable<Result<TicketClaim>> RedisDispatch::narrow(TicketClaim request) {
  const std::uint64_t heard = work_.heard();
  auto asking = line_->ask_open(line_->scripts().filled, "filled", Arguments());
  const auto answer = co_await std::move(asking);
  if (!answer) co_return answer.error();
  if (answer->parts.size() != 4) co_return bad_answer("filled");
  std::unordered_map<LaneId, Priority> best;
  for (const Reply& field : answer->parts[2].items) {
    const auto window = window_name(field.text);
    if (!window) co_return bad_answer("filled");
    const auto [found, is_new] = best.emplace(window->first, window->second);
    if (!is_new) found->second = std::min(found->second, window->second);
  }
  std::unordered_set<std::string_view> paused;
  for (const Reply& queue : answer->parts[3].items) paused.insert(queue.text);
  std::vector<LaneId> empty;
  std::vector<std::pair<Priority, LaneOfQueue>> filled;
  for (LaneOfQueue& lane : request.lanes) {
    const auto found = best.find(lane.lane);
    if (found == best.end() || paused.contains(lane.queue)) {
      empty.push_back(lane.lane);
    } else {
      filled.emplace_back(found->second, std::move(lane));
    }
  }
  // Whoever was left out comes before those that were asked.
  if (!filled.empty()) {
    const std::size_t turn = turn_ % filled.size();
    std::rotate(filled.begin(), filled.begin() + static_cast<std::ptrdiff_t>(turn), filled.end());
  }
  turn_ += kMaxLanes;
  std::stable_sort(filled.begin(), filled.end(),
                   [](const auto& a, const auto& b) { return a.first < b.first; });
  request.lanes.clear();
  for (auto& [priority, lane] : filled) {
    if (request.lanes.size() == kMaxLanes) break;
    request.lanes.push_back(std::move(lane));
  }
  note_empty(empty, heard);
  co_return request;
}

awaitable<Result<std::vector<LaneLook>>> RedisDispatch::lanes() {
  const auto self = shared_from_this();
  std::map<LaneId, LaneLook> looks;
  std::string cursor = "0";
  do {
    Arguments arguments{cursor};
    auto asking = line_->ask_open(line_->scripts().lanes, "lanes", std::move(arguments));
    const auto answer = co_await std::move(asking);
    if (!answer) co_return answer.error();
    if (answer->parts.size() != 5) co_return bad_answer("lanes");
    for (const Reply& lane : answer->parts[3].items) {
      const auto id = lane.items.size() == 2 ? integer_of(lane.items[0]) : std::nullopt;
      if (!id || lane.items[1].integer < 0) co_return bad_answer("lanes");
      looks[*id].leases += static_cast<std::size_t>(lane.items[1].integer);
    }
    for (const Reply& window : answer->parts[4].items) {
      if (window.items.size() != 3 || window.items[1].integer < 0) co_return bad_answer("lanes");
      const auto name = window_name(window.items[0].text);
      if (!name) co_return bad_answer("lanes");
      LaneLook& look = looks[name->first];
      look.tickets += static_cast<std::size_t>(window.items[1].integer);
      if (const auto head = unpack_id(window.items[2].text)) look.heads.push_back(*head);
    }
    cursor = answer->parts[2].text;
  } while (cursor != "0" && !cursor.empty());
  std::vector<LaneLook> all;
  all.reserve(looks.size());
  for (auto& [lane, look] : looks) {
    look.lane = lane;
    all.push_back(std::move(look));
  }
  co_return all;
}

awaitable<Result<std::vector<LapsedLease>>> RedisDispatch::expired(std::size_t limit) {
  const auto self = shared_from_this();
  if (line_->was_lost()) trusted_since_.reset();
  const milliseconds local = local_time(options_);
  Arguments arguments{std::to_string(std::clamp<std::size_t>(limit, 1, kMaxLapsed)),
                      trusted_since_ ? number(*trusted_since_) : std::string(), number(last_beat_),
                      number((local - last_local_).count())};
  auto asking = line_->ask_open(line_->scripts().expired, "expired", std::move(arguments));
  const auto answer = co_await std::move(asking);
  if (!answer) co_return answer.error();
  if (answer->parts.size() != 5) co_return bad_answer("expired");
  const auto beat = integer_of(answer->parts[2]);
  const auto since = integer_of(answer->parts[3]);
  if (!beat || !since) co_return bad_answer("expired");
  trusted_since_ = *since;
  last_beat_ = *beat;
  last_local_ = local;
  std::vector<LapsedLease> lapsed;
  for (const Reply& each : answer->parts[4].items) {
    const auto id = each.items.size() == 2 ? unpack_id(each.items[0].text) : std::nullopt;
    const auto lease = id ? unpack_lease(each.items[1].text) : std::nullopt;
    if (!lease) co_return bad_answer("expired");
    lapsed.push_back(LapsedLease{.id = *id, .token = lease->token, .started = lease->started});
  }
  co_return lapsed;
}

awaitable<Result<void>> RedisDispatch::give_up_leases() {
  const auto self = shared_from_this();
  std::string cursor = "0";
  do {
    Arguments arguments{options_.holder, cursor};
    auto asking = line_->ask(line_->scripts().give_up, "give_up", std::move(arguments));
    const auto answer = co_await std::move(asking);
    if (!answer) co_return answer.error();
    if (answer->parts.size() != 3) co_return bad_answer("give_up");
    cursor = answer->parts[2].text;
  } while (cursor != "0" && !cursor.empty());
  held_.clear();
  co_return Result<void>();
}

awaitable<Result<void>> RedisDispatch::raise_watermark(std::int64_t stamp, std::int64_t term) {
  const auto self = shared_from_this();
  Arguments arguments{number(stamp), number(term)};
  auto asking =
      line_->ask(line_->scripts().raise_watermark, "raise_watermark", std::move(arguments));
  const auto answer = co_await std::move(asking);
  if (!answer) co_return answer.error();
  if (answer->status == 2) co_return higher_term();
  co_return Result<void>();
}

awaitable<Result<Opening>> RedisDispatch::opening() {
  const auto self = shared_from_this();
  auto asking = line_->ask(line_->scripts().opening, "opening", Arguments());
  const auto answer = co_await std::move(asking);
  if (!answer) co_return answer.error();
  const auto waited = answer->parts.size() == 3 ? integer_of(answer->parts[2]) : std::nullopt;
  if (!waited) co_return bad_answer("opening");
  Opening opening{.is_open = answer->status == 1, .waited = milliseconds(*waited)};
  // A step of the server's clock is no wait.
  const SteadyTime now = std::chrono::steady_clock::now();
  if (opening_ != answer->server || opening.waited < last_waited_) opening_since_ = now;
  opening_ = opening.is_open ? std::string() : answer->server;
  last_waited_ = opening.waited;
  if (!options_.clock) {
    opening.waited =
        std::min(opening.waited, std::chrono::duration_cast<milliseconds>(now - opening_since_));
  }
  co_return opening;
}

awaitable<Result<void>> RedisDispatch::open(OpenRequest request) {
  const auto self = shared_from_this();
  Arguments arguments{number(request.waited.count()), number(request.watermark),
                      number(request.term)};
  for (std::string& queue : request.paused_queues) arguments.push_back(std::move(queue));
  auto asking = line_->ask(line_->scripts().open, "open", std::move(arguments));
  const auto answer = co_await std::move(asking);
  if (!answer) co_return answer.error();
  if (answer->status == 2) co_return higher_term();
  if (answer->status != 1) {
    co_return Error(Errc::unavailable, "dispatch: Redis has not waited for long enough");
  }
  // What is known of the windows was of those that are gone.
  for (const auto& [lane, windows] : windows_) {
    for (std::size_t p = 0; p < windows.size(); ++p) {
      set_window(lane, static_cast<Priority>(p), 0, 0, false);
    }
  }
  co_return Result<void>();
}

awaitable<Result<void>> RedisDispatch::close() {
  const auto self = shared_from_this();
  auto asking = line_->ask(line_->scripts().close, "close", Arguments());
  const auto answer = co_await std::move(asking);
  if (!answer) co_return answer.error();
  co_return Result<void>();
}

awaitable<Result<void>> RedisDispatch::set_paused(std::string queue, bool paused) {
  const auto self = shared_from_this();
  Arguments arguments{std::move(queue), paused ? "1" : "0"};
  auto asking = line_->ask(line_->scripts().set_paused, "set_paused", std::move(arguments));
  const auto answer = co_await std::move(asking);
  if (!answer) co_return answer.error();
  co_return Result<void>();
}

awaitable<Result<void>> RedisDispatch::set_backlog(LaneId lane, Priority priority, bool waits) {
  const auto self = shared_from_this();
  Arguments arguments{number(lane), number(static_cast<int>(priority)), waits ? "1" : "0"};
  auto asking = line_->ask(line_->scripts().set_backlog, "set_backlog", std::move(arguments));
  const auto answer = co_await std::move(asking);
  if (!answer) co_return answer.error();
  windows_[lane].at(static_cast<std::size_t>(priority)).has_backlog = waits;
  co_return Result<void>();
}

}  // namespace rwp::jobs_tiered
