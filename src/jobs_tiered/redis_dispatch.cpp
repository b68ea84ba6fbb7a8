#include "jobs_tiered/redis_dispatch.hpp"

#include "net/redis/options.hpp"

#include <algorithm>
#include <charconv>
#include <unordered_set>
#include <utility>

namespace rwp::jobs_tiered {

using boost::asio::awaitable;
using jobs::LeaseState;
using jobs::PerItem;
using jobs::Priority;
using jobs::RunRef;
using net_redis::Reply;
using std::chrono::milliseconds;

namespace {

/// Of one script.
constexpr std::size_t kMaxItems = 1'000;
constexpr std::size_t kMaxPushBytes = std::size_t{8} << 20U;
constexpr std::size_t kMaxLanes = 1'000;
constexpr std::size_t kWindowParts = 5;

bool is_name(const std::string& name) {
  return !name.empty() && std::all_of(name.begin(), name.end(), [](char c) {
    return (c >= '0' && c <= '9') || (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z') || c == '-' ||
           c == '_';
  });
}

}  // namespace

RedisDispatch::RedisDispatch(Runtime& runtime, DispatchOptions options)
    : runtime_(runtime), options_(std::move(options)) {
  if (options_.metrics) {
    jobs_gauge_ = &options_.metrics->gauge("rwp_tiered_window_jobs",
                                           "Tickets in the windows, as far as is known here.");
    bytes_gauge_ = &options_.metrics->gauge("rwp_tiered_window_bytes",
                                            "Bytes of the tickets' bodies, as far as is known.");
    claim_seconds_ =
        &options_.metrics->histogram("rwp_tiered_claim_seconds", "From a claim to its answer.",
                                     observability::seconds_buckets());
  }
}

RedisDispatch::~RedisDispatch() { following_.cancel(); }

Result<void> RedisDispatch::connect(const Url& url) {
  if (!is_name(options_.name)) {
    return Error(Errc::invalid_argument, "dispatch: a name is of letters, digits, - and _");
  }
  if (options_.holder.empty()) return Error(Errc::invalid_argument, "dispatch: no holder is named");
  if (options_.window_jobs == 0 || options_.window_bytes == 0 || options_.patience.count() < 1) {
    return Error(Errc::invalid_argument, "dispatch: a window has room, and patience is not zero");
  }
  auto parsed = net_redis::parse_client_url(url);
  if (!parsed) return parsed.error();
  parsed->use = "dispatch";
  parsed->log = options_.log;
  parsed->metrics = options_.metrics;
  // What is silent is found out about as long as leases live.
  parsed->ping_interval = std::min(parsed->ping_interval, milliseconds(2'000));
  parsed->longest_silence = std::max(2 * options_.patience, milliseconds(3'000));
  auto client = net_redis::Client::make(runtime_, *parsed);
  if (!client) return client.error();
  std::weak_ptr<RedisDispatch> weak = weak_from_this();
  line_ = std::make_shared<ServerLine>(std::move(*client), options_, [weak](bool open) {
    if (const auto self = weak.lock()) self->work_.set_open(open);
  });
  line_->on_second([weak] {
    if (const auto self = weak.lock()) self->look_if_deaf();
  });
  net_redis::SubscriptionHandlers handlers;
  handlers.on_message = [weak](const std::string&, const std::string& message) {
    if (const auto self = weak.lock()) self->on_message(message);
  };
  handlers.on_subscribed = [weak] {
    if (const auto self = weak.lock()) self->work_.wake_all();
  };
  auto subscriber = net_redis::Subscriber::make(
      runtime_, std::move(*parsed), {key_base(options_.name) + "wake"}, std::move(handlers));
  if (!subscriber) return subscriber.error();
  subscriber_ = std::move(*subscriber);
  following_ = Task(runtime_.executor(), line_->follow(), [](std::exception_ptr) {});
  return {};
}

void RedisDispatch::shut_down() {
  following_.cancel();
  line_->shut_down();
  subscriber_.reset();
  work_.close();
}

void RedisDispatch::look_if_deaf() {
  if (work_.has_waiters() && subscriber_ && !subscriber_->is_subscribed()) work_.wake_all();
}

/// "t LANE LANE…", "b LANE PRIORITY 0", "o", "c", "w"; what is none of these is left alone.
void RedisDispatch::on_message(const std::string& message) {
  std::vector<std::int64_t> numbers;
  std::string_view rest =
      std::string_view(message).substr(std::min<std::size_t>(message.size(), 1));
  while (rest.starts_with(' ') && numbers.size() < kMaxItems) {
    std::int64_t number = 0;
    const char* end = rest.data() + rest.size();
    const auto [stopped, problem] = std::from_chars(rest.data() + 1, end, number);
    if (problem != std::errc()) return;
    numbers.push_back(number);
    rest.remove_prefix(static_cast<std::size_t>(stopped - rest.data()));
  }
  if (message.starts_with('t')) {
    for (const std::int64_t lane : numbers) work_.wake(lane);
  } else if (message.starts_with('b') && numbers.size() == 3 && numbers[1] >= 0 &&
             numbers[1] < static_cast<std::int64_t>(jobs::kPriorityCount)) {
    const auto found = windows_.find(numbers[0]);
    if (found == windows_.end()) return;
    found->second.at(static_cast<std::size_t>(numbers[1])).has_backlog = numbers[2] != 0;
  } else if (message.starts_with('o') || message.starts_with('c')) {
    // Not believed unseen: it may be of another epoch.
    if (message.starts_with('c')) line_->hear_closed();
    line_->look_again();
  } else if (message.starts_with('w')) {
    work_.wake_all();
  }
}

std::shared_ptr<const std::string> RedisDispatch::same_server(const std::string& server) {
  if (*server_ != server) server_ = std::make_shared<const std::string>(server);
  return server_;
}

Window RedisDispatch::window(LaneId lane, Priority priority) const {
  const auto found = windows_.find(lane);
  Window window;
  if (found != windows_.end()) window = found->second.at(static_cast<std::size_t>(priority));
  window.room = window.bytes >= options_.window_bytes || window.jobs >= options_.window_jobs
                    ? 0
                    : options_.window_jobs - window.jobs;
  return window;
}

void RedisDispatch::set_window(LaneId lane, Priority priority, std::size_t jobs, std::size_t bytes,
                               bool backlog) {
  Window& window = windows_[lane].at(static_cast<std::size_t>(priority));
  window_jobs_ += static_cast<double>(jobs) - static_cast<double>(window.jobs);
  window_bytes_ += static_cast<double>(bytes) - static_cast<double>(window.bytes);
  window.jobs = jobs;
  window.bytes = bytes;
  window.has_backlog = backlog;
  if (jobs_gauge_ == nullptr) return;
  jobs_gauge_->set(window_jobs_);
  bytes_gauge_->set(window_bytes_);
}

bool RedisDispatch::note_window(const Reply* parts) {
  std::array<std::int64_t, kWindowParts> numbers{};
  for (std::size_t i = 0; i < kWindowParts; ++i) {
    const auto number = integer_of(parts[i]);
    if (!number || *number < 0) return false;
    numbers.at(i) = *number;
  }
  const auto [lane, priority, jobs, bytes, backlog] = numbers;
  if (priority >= static_cast<std::int64_t>(jobs::kPriorityCount)) return false;
  set_window(lane, static_cast<Priority>(priority), static_cast<std::size_t>(jobs),
             static_cast<std::size_t>(bytes), backlog != 0);
  return true;
}

awaitable<Result<void>> RedisDispatch::read_windows(std::vector<LaneId> lanes) {
  const auto self = shared_from_this();
  for (std::size_t at = 0; at < lanes.size(); at += kMaxItems) {
    Arguments arguments;
    for (std::size_t i = at; i < std::min(lanes.size(), at + kMaxItems); ++i) {
      arguments.push_back(std::to_string(lanes[i]));
    }
    auto asking = line_->ask(line_->scripts().read_windows, "read_windows", std::move(arguments));
    const auto answer = co_await std::move(asking);
    if (!answer) co_return answer.error();
    if (answer->parts.size() < 3) co_return bad_answer("read_windows");
    for (const Reply& window : answer->parts[2].items) {
      if (window.items.size() != kWindowParts || !note_window(window.items.data())) {
        co_return bad_answer("read_windows");
      }
    }
  }
  co_return Result<void>();
}

awaitable<Result<std::vector<PushOutcome>>> RedisDispatch::push(std::vector<Ticket> tickets) {
  const auto self = shared_from_this();
  std::vector<PushOutcome> outcomes(tickets.size(), PushOutcome::full);
  std::size_t first = 0;
  while (first < tickets.size()) {
    std::size_t end = first;
    std::size_t bytes = 0;
    std::unordered_set<Uuid> ids;
    // A job's second ticket comes with the next script.
    while (end < tickets.size() && end - first < kMaxItems && bytes < kMaxPushBytes &&
           ids.insert(tickets[end].id).second) {
      bytes += tickets[end].body.size();
      ++end;
    }
    auto pushing = push_some(&tickets, Slice(first, end), &outcomes);
    const auto pushed = co_await std::move(pushing);
    if (!pushed) co_return pushed.error();
    first = end;
  }
  co_return outcomes;
}

awaitable<Result<void>> RedisDispatch::push_some(const std::vector<Ticket>* tickets, Slice slice,
                                                 std::vector<PushOutcome>* outcomes) {
  // By window, in the order in which they come.
  std::vector<std::size_t> order;
  for (std::size_t i = slice.first; i < slice.second; ++i) order.push_back(i);
  const auto window_of = [tickets](std::size_t i) {
    return std::pair((*tickets)[i].lane, (*tickets)[i].priority);
  };
  std::stable_sort(order.begin(), order.end(),
                   [&](std::size_t a, std::size_t b) { return window_of(a) < window_of(b); });
  Arguments arguments{std::to_string(options_.window_jobs), std::to_string(options_.window_bytes),
                      std::string()};
  arguments.reserve(order.size() * 4 + 8);
  std::size_t groups = 0;
  for (std::size_t at = 0; at < order.size(); ++groups) {
    std::size_t end = at;
    std::size_t bytes = 0;
    while (end < order.size() && window_of(order[end]) == window_of(order[at])) {
      bytes += (*tickets)[order[end++]].body.size();
    }
    const Ticket& one = (*tickets)[order[at]];
    arguments.push_back(std::to_string(one.lane));
    arguments.push_back(std::to_string(static_cast<int>(one.priority)));
    arguments.push_back(std::to_string(end - at));
    arguments.push_back(std::to_string(bytes));
    for (; at < end; ++at) {
      const Ticket& ticket = (*tickets)[order[at]];
      arguments.push_back(pack_id(ticket.id));
      arguments.push_back(std::to_string(ticket.seq));
      arguments.push_back(pack_member(ticket));
      arguments.push_back(pack_place(ticket));
    }
  }
  arguments[2] = std::to_string(groups);
  // Who waits here claims at once: his script follows this one on the same connection.
  std::optional<LaneId> told;
  for (const std::size_t i : order) {
    const LaneId lane = (*tickets)[i].lane;
    if (std::exchange(told, lane) != lane && line_->is_open()) work_.wake(lane);
  }
  auto asking = line_->ask_open(line_->scripts().push, "push", std::move(arguments));
  const auto answer = co_await std::move(asking);
  if (!answer) co_return answer.error();
  const auto& parts = answer->parts;
  if (parts.size() != 3 + groups * kWindowParts || parts[2].text.size() != order.size()) {
    co_return bad_answer("push");
  }
  std::optional<LaneId> woken;
  for (std::size_t i = 0; i < order.size(); ++i) {
    if (parts[2].text[i] != 'q') continue;
    (*outcomes)[order[i]] = PushOutcome::queued;
    const LaneId lane = (*tickets)[order[i]].lane;
    if (std::exchange(woken, lane) != lane) work_.wake(lane);
  }
  for (std::size_t i = 0; i < groups; ++i) {
    if (!note_window(&parts[3 + i * kWindowParts])) co_return bad_answer("push");
  }
  co_return Result<void>();
}

awaitable<Result<std::vector<ClaimedTicket>>> RedisDispatch::claim(TicketClaim request) {
  const auto self = shared_from_this();
  if (request.lanes.size() > kMaxLanes) {
    auto narrowing = narrow(std::move(request));
    auto narrowed = co_await std::move(narrowing);
    if (!narrowed) co_return narrowed.error();
    request = std::move(*narrowed);
    if (request.lanes.empty()) co_return std::vector<ClaimedTicket>();
  }
  Arguments arguments{std::to_string(std::min(request.limit, kMaxItems)),
                      std::to_string(request.start),
                      std::to_string(request.max_bytes),
                      std::to_string(request.lease.count()),
                      options_.holder,
                      std::to_string(request.lanes.size())};
  for (const LaneOfQueue& each : request.lanes) {
    arguments.push_back(std::to_string(each.lane));
    arguments.push_back(each.queue);
  }
  const std::uint64_t heard = work_.heard();
  const SteadyTime began = std::chrono::steady_clock::now();
  auto asking = line_->ask_open(line_->scripts().claim, "claim", std::move(arguments));
  const auto answer = co_await std::move(asking);
  if (!answer) co_return answer.error();
  if (claim_seconds_ != nullptr) {
    const std::chrono::duration<double> took = std::chrono::steady_clock::now() - began;
    claim_seconds_->observe(took.count());
  }
  co_return take_claim(*answer, request, heard);
}

Result<std::vector<ClaimedTicket>> RedisDispatch::take_claim(const Answer& answer,
                                                             const TicketClaim& request,
                                                             std::uint64_t heard) {
  const auto& parts = answer.parts;
  if (parts.size() != 6) return bad_answer("claim");
  const auto claimed_at = integer_of(parts[2]);
  const auto water = integer_of(parts[3]);
  const std::vector<Reply>& windows = parts[4].items;
  const std::vector<Reply>& items = parts[5].items;
  if (!claimed_at || !water || items.size() % 2 != 0) return bad_answer("claim");
  bool all_taken = items.size() / 2 < std::min(request.limit, kMaxItems);
  for (const Reply& window : windows) {
    if (window.items.size() != kWindowParts) return bad_answer("claim");
    if (!note_window(window.items.data())) return bad_answer("claim");
    if (window.items[2].integer > 0) all_taken = false;
  }
  const auto server = same_server(answer.server);
  std::vector<ClaimedTicket> claimed;
  claimed.reserve(items.size() / 2);
  for (std::size_t i = 0; i < items.size(); i += 2) {
    const auto member = unpack_member(items[i].text);
    const auto at = integer_of(items[i + 1]);
    if (!member || !at || *at < 0 || static_cast<std::size_t>(*at) / 2 >= windows.size()) {
      return bad_answer("claim");
    }
    const auto& window = windows[static_cast<std::size_t>(*at) / 2].items;
    ClaimedTicket ticket;
    ticket.id = member->id;
    ticket.token = member->token;
    ticket.lane = integer_of(window[0]).value_or(0);
    ticket.priority = static_cast<Priority>(integer_of(window[1]).value_or(0));
    ticket.alone = member->alone;
    ticket.started = *at % 2 == 1;
    ticket.must_check = member->stamp <= *water;
    ticket.body = std::string(member->body);
    Held held;
    held.lease = LeaseHead{.token = ticket.token,
                           .lane = ticket.lane,
                           .claimed_at = *claimed_at,
                           .started = ticket.started};
    held.server = server;
    held_.insert_or_assign(ticket.id, std::move(held));
    if (ticket.alone) all_taken = false;
    claimed.push_back(std::move(ticket));
  }
  if (!all_taken) return claimed;
  // Those that were not told of have nothing.
  std::vector<LaneId> lanes;
  for (const LaneOfQueue& each : request.lanes) lanes.push_back(each.lane);
  note_empty(lanes, heard);
  return claimed;
}

void RedisDispatch::note_empty(const std::vector<LaneId>& lanes, std::uint64_t heard) {
  for (const LaneId lane : lanes) {
    const auto found = windows_.find(lane);
    if (found == windows_.end()) continue;
    for (std::size_t p = 0; p < jobs::kPriorityCount; ++p) {
      set_window(lane, static_cast<Priority>(p), 0, 0, found->second.at(p).has_backlog);
    }
  }
  work_.found_empty(lanes, heard);
}

awaitable<Result<void>> RedisDispatch::wait_for_work(std::vector<LaneId> lanes,
                                                     SteadyTime deadline) {
  const auto self = shared_from_this();
  auto waiting = work_.wait(std::move(lanes), deadline);
  co_return co_await std::move(waiting);
}

awaitable<PerItem<LeaseState>> RedisDispatch::extend(std::vector<RunRef> runs, milliseconds lease) {
  const auto self = shared_from_this();
  std::vector<Result<LeaseState>> states(runs.size(),
                                         Error(Errc::conflict, "dispatch: the lease is lost"));
  for (std::size_t at = 0; at < runs.size(); at += kMaxItems) {
    auto extending =
        extend_some(&runs, Slice(at, std::min(runs.size(), at + kMaxItems)), lease, &states);
    const auto extended = co_await std::move(extending);
    if (!extended) co_return extended.error();
  }
  co_return states;
}

awaitable<Result<void>> RedisDispatch::extend_some(const std::vector<RunRef>* runs, Slice slice,
                                                   milliseconds lease,
                                                   std::vector<Result<LeaseState>>* states) {
  // Where each was last seen; the first stands for "here".
  Arguments servers{std::string()};
  Arguments each;
  each.reserve(3 * (slice.second - slice.first));
  for (std::size_t i = slice.first; i < slice.second; ++i) {
    const RunRef& run = (*runs)[i];
    const auto found = held_.find(run.id);
    LeaseHead head{.token = run.token, .started = true};
    std::size_t seen = 0;
    if (found != held_.end() && found->second.lease.token == run.token) {
      head = found->second.lease;
      const std::string& server = *found->second.server;
      seen = static_cast<std::size_t>(std::find(servers.begin() + 1, servers.end(), server) -
                                      servers.begin());
      if (seen == servers.size()) servers.push_back(server);
    }
    each.push_back(pack_id(run.id));
    each.push_back(pack_lease_head(head));
    each.push_back(std::to_string(seen + 1));
  }
  Arguments arguments{std::to_string(lease.count()), options_.holder,
                      std::to_string(servers.size())};
  arguments.insert(arguments.end(), servers.begin(), servers.end());
  std::move(each.begin(), each.end(), std::back_inserter(arguments));
  auto asking = line_->ask(line_->scripts().extend, "extend", std::move(arguments));
  const auto answer = co_await std::move(asking);
  if (!answer) co_return answer.error();
  if (answer->parts.size() != 3 || answer->parts[2].text.size() != slice.second - slice.first) {
    co_return bad_answer("extend");
  }
  const auto server = same_server(answer->server);
  for (std::size_t i = slice.first; i < slice.second; ++i) {
    const char said = answer->parts[2].text[i - slice.first];
    const auto found = held_.find((*runs)[i].id);
    const bool known = found != held_.end() && found->second.lease.token == (*runs)[i].token;
    if (said == 'l') {
      if (known) held_.erase(found);
      continue;
    }
    if (known) found->second.server = server;
    (*states)[i] = LeaseState{.cancel_requested = said == 'c'};
  }
  co_return Result<void>();
}

awaitable<PerItem<LeaseState>> RedisDispatch::mark_started(std::vector<RunRef> runs) {
  const auto self = shared_from_this();
  std::vector<Result<LeaseState>> states(runs.size(),
                                         Error(Errc::conflict, "dispatch: the lease is lost"));
  for (std::size_t at = 0; at < runs.size(); at += kMaxItems) {
    const std::size_t end = std::min(runs.size(), at + kMaxItems);
    Arguments arguments{options_.holder};
    for (std::size_t i = at; i < end; ++i) {
      arguments.push_back(pack_id(runs[i].id));
      arguments.push_back(pack_token(runs[i].token));
    }
    auto asking = line_->ask(line_->scripts().mark_started, "mark_started", std::move(arguments));
    const auto answer = co_await std::move(asking);
    if (!answer) co_return answer.error();
    if (answer->parts.size() != 3 || answer->parts[2].text.size() != end - at) {
      co_return bad_answer("mark_started");
    }
    for (std::size_t i = at; i < end; ++i) {
      const char said = answer->parts[2].text[i - at];
      const auto found = held_.find(runs[i].id);
      const bool known = found != held_.end() && found->second.lease.token == runs[i].token;
      if (said == 'l') {
        if (known) held_.erase(found);
        continue;
      }
      states[i] = LeaseState{.cancel_requested = said == 'c'};
      if (known) found->second.lease.started = true;
    }
  }
  co_return states;
}

awaitable<Result<void>> RedisDispatch::hand_back(std::vector<RunRef> runs) {
  const auto self = shared_from_this();
  for (std::size_t at = 0; at < runs.size(); at += kMaxItems) {
    const std::size_t end = std::min(runs.size(), at + kMaxItems);
    Arguments arguments{options_.holder};
    for (std::size_t i = at; i < end; ++i) {
      arguments.push_back(pack_id(runs[i].id));
      arguments.push_back(pack_token(runs[i].token));
    }
    auto asking = line_->ask(line_->scripts().hand_back, "hand_back", std::move(arguments));
    const auto answer = co_await std::move(asking);
    if (!answer) co_return answer.error();
    for (std::size_t i = at; i < end; ++i) {
      const auto found = held_.find(runs[i].id);
      if (found != held_.end() && found->second.lease.token == runs[i].token) held_.erase(found);
    }
  }
  co_return Result<void>();
}

awaitable<Result<void>> RedisDispatch::release(std::vector<RunRef> runs) {
  const auto self = shared_from_this();
  for (const RunRef& run : runs) {
    const auto found = held_.find(run.id);
    if (found != held_.end() && found->second.lease.token == run.token) held_.erase(found);
  }
  for (std::size_t at = 0; at < runs.size(); at += kMaxItems) {
    Arguments arguments;
    for (std::size_t i = at; i < std::min(runs.size(), at + kMaxItems); ++i) {
      arguments.push_back(pack_id(runs[i].id));
      arguments.push_back(pack_token(runs[i].token));
    }
    auto asking = line_->ask(line_->scripts().release, "release", std::move(arguments));
    const auto answer = co_await std::move(asking);
    if (!answer) co_return answer.error();
  }
  co_return Result<void>();
}

Result<std::shared_ptr<Dispatch>> make_redis_dispatch(Runtime& runtime, const Url& url,
                                                      DispatchOptions options) {
  auto made = std::make_shared<RedisDispatch>(runtime, std::move(options));
  if (auto connected = made->connect(url); !connected) return connected.error();
  return std::shared_ptr<Dispatch>(std::move(made));
}

}  // namespace rwp::jobs_tiered
