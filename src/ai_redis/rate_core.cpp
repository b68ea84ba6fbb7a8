#include "ai_redis/rate_core.hpp"

#include <algorithm>
#include <cmath>
#include <exception>
#include <utility>

namespace rwp::ai_redis {
namespace {

using boost::asio::awaitable;
using std::chrono::milliseconds;

/// What was granted is not used after so long: others may have been granted it again.
constexpr std::chrono::seconds kLongestHeld{10};
/// A process that has asked for nothing for so long gives back what it holds.
constexpr std::chrono::seconds kIdle{60};
constexpr milliseconds kLongestPause{300'000};
/// As in one process: a request larger than what comes in a third of a minute goes into debt.
constexpr double kMostWaitedFor = 1.0 / 3;
/// Of requests, which are whole, where fractions are added up.
constexpr double kNearly = 1 - 1e-6;

SteadyTime now() { return std::chrono::steady_clock::now(); }

double seconds(std::chrono::steady_clock::duration time) {
  return std::chrono::duration<double>(time).count();
}

}  // namespace

/// A call's place among those who wait; leaves it, or gives back what it was given too late.
class RateCore::Place {
 public:
  Place(RateCore& core, Waiter& waiter) : core_(core), waiter_(waiter) {
    core_.waiters_.push_back(&waiter_);
  }
  ~Place() {
    if (used_) return;
    if (waiter_.served) {
      core_.give_back(waiter_.tokens);
    } else {
      core_.waiters_.remove(&waiter_);
    }
    core_.serve();
  }
  Place(const Place&) = delete;
  Place& operator=(const Place&) = delete;
  void use() noexcept { used_ = true; }

 private:
  RateCore& core_;
  Waiter& waiter_;
  bool used_ = false;
};

RateCore::RateCore(std::shared_ptr<const Link> link, std::string name,
                   ai::RateAllowanceOptions options)
    : link_(std::move(link)),
      options_(options),
      script_(rate_script()),
      key_(link_->key("rates", "rate:" + name)),
      // Short minutes are for tests, and have short slices.
      slice_(std::clamp(std::min(link_->options.slice, options.minute / 60), milliseconds(10),
                        milliseconds(10'000))) {
  limit_.requests = static_cast<double>(std::max<std::int64_t>(options.requests_per_minute, 0));
  limit_.tokens = static_cast<double>(std::max<std::int64_t>(options.tokens_per_minute, 0));
}

double RateCore::minute_in_seconds() const { return std::max(seconds(options_.minute), 0.001); }

RateCore::Pair RateCore::share() const {
  const double parts = minute_in_seconds() * std::max(members_, 1.0);
  return {limit_.requests / parts, limit_.tokens / parts};
}

bool RateCore::fits(double tokens) const {
  if (limit_.requests > 0 && stock_.requests < kNearly) return false;
  if (limit_.tokens <= 0 || tokens <= 0) return true;
  return stock_.tokens >= std::min(tokens, limit_.tokens * kMostWaitedFor / members_) - 1e-3;
}

void RateCore::take(double tokens) {
  stock_.requests -= 1;
  stock_.tokens -= tokens;
  taken_.requests += 1;
  taken_.tokens += tokens;
  call_tokens_ = tokens;
}

void RateCore::give_back(double tokens) {
  stock_.requests += 1;
  stock_.tokens += tokens;
}

void RateCore::serve() {
  if (now() < paused_until_) return;
  while (!waiters_.empty() && fits(waiters_.front()->tokens)) {
    Waiter* waiter = waiters_.front();
    waiters_.pop_front();
    take(waiter->tokens);
    waiter->served = true;
    waiter->changed.notify_all();
  }
}

void RateCore::drop_old_stock() {
  // The process was stopped, or has been idle.
  if (away_ || answered_at_ == SteadyTime() || now() - answered_at_ < kLongestHeld) return;
  stock_.requests = std::min(stock_.requests, 0.0);
  stock_.tokens = std::min(stock_.tokens, 0.0);
}

/// Until so many requests with so many tokens have come, all in all.
milliseconds RateCore::wait_behind(double requests, double tokens) const {
  const Pair comes = share();
  double wait = seconds(paused_until_ - now());
  if (comes.requests > 0) wait = std::max(wait, (requests - stock_.requests) / comes.requests);
  if (comes.tokens > 0) wait = std::max(wait, (tokens - stock_.tokens) / comes.tokens);
  return milliseconds(std::llround(std::clamp(wait * 1e3, 0.0, 3.6e6)));
}

milliseconds RateCore::wait_for(double tokens) const {
  double requests = 1;
  for (const Waiter* waiter : waiters_) {
    requests += 1;
    tokens += waiter->tokens;
  }
  return wait_behind(requests, tokens);
}

bool RateCore::is_informed() const {
  const SteadyTime informed = std::max(answered_at_, alone_since_);
  return informed != SteadyTime() && now() - informed < kLongestHeld;
}

/// Once for each: who cannot be served in time is told so, instead of waiting in vain.
void RateCore::judge_waiters() {
  double requests = 0;
  double tokens = 0;
  for (auto place = waiters_.begin(); place != waiters_.end();) {
    Waiter& waiter = **place;
    requests += 1;
    tokens += waiter.tokens;
    waiter.hopeless = !std::exchange(waiter.judged, true) &&
                      now() + wait_behind(requests, tokens) > waiter.deadline;
    if (!waiter.hopeless) {
      ++place;
      continue;
    }
    requests -= 1;
    tokens -= waiter.tokens;
    place = waiters_.erase(place);
    waiter.changed.notify_all();
  }
}

Error RateCore::refused(double tokens) const {
  return Error(Errc::rate_limited, "the shared limit lets nothing through in time")
      .with_retry_after(std::max(wait_for(tokens), milliseconds(1)));
}

awaitable<Result<void>> RateCore::acquire(std::int64_t tokens, SteadyTime deadline) {
  const auto amount = static_cast<double>(std::max<std::int64_t>(tokens, 0));
  drop_old_stock();
  const SteadyTime asked = now();
  used_at_ = asked;
  if (!limited() && asked >= paused_until_) co_return Result<void>();
  if (waiters_.empty() && asked >= paused_until_ && fits(amount)) {
    take(amount);
    const Pair wanted = wanted_stock();
    const bool low = (limit_.requests > 0 && stock_.requests < wanted.requests / 2) ||
                     (limit_.tokens > 0 && stock_.tokens < wanted.tokens / 2);
    if (low || !running_) kick();
    co_return Result<void>();
  }
  const bool informed = is_informed();
  if (informed && asked + wait_for(amount) > deadline) co_return refused(amount);
  Waiter waiter;
  waiter.tokens = amount;
  waiter.deadline = deadline;
  waiter.judged = informed;
  Place place(*this, waiter);
  kick();
  while (!waiter.served) {
    if (closed_) co_return Error(Errc::unavailable, "the fleet's limits are closed");
    const Wake woken = co_await waiter.changed.wait_until(deadline);
    if (waiter.served) break;
    if (waiter.hopeless) co_return refused(amount);
    if (woken == Wake::cancelled) co_return Error(Errc::cancelled, "cancelled at a limit");
    if (woken == Wake::timed_out) co_return refused(amount);
  }
  place.use();
  co_return Result<void>();
}

void RateCore::settle(std::int64_t reserved, std::int64_t used, bool sent) {
  if (!limited()) return;
  stock_.tokens += static_cast<double>(reserved - std::max<std::int64_t>(used, 0));
  if (!sent) stock_.requests += 1;
  serve();
}

void RateCore::report(const ai::RateReport& report) {
  const auto hear = [this](const ai::RateReport::Window& said, ai::RateReport::Window& unsaid,
                           double& limit, std::int64_t stated, double& stock) {
    if (options_.learn && said.limit && *said.limit > 0) {
      const auto told = static_cast<double>(*said.limit);
      limit = stated > 0 ? std::min(told, static_cast<double>(stated)) : told;
      unsaid.limit = said.limit;
    }
    if (!said.remaining || *said.remaining < 0) return;
    unsaid.remaining =
        unsaid.remaining ? std::min(*unsaid.remaining, *said.remaining) : *said.remaining;
    stock = std::min(stock, static_cast<double>(*said.remaining));
  };
  hear(report.requests, unsaid_.requests, limit_.requests, options_.requests_per_minute,
       stock_.requests);
  hear(report.tokens, unsaid_.tokens, limit_.tokens, options_.tokens_per_minute, stock_.tokens);
}

void RateCore::pause(milliseconds wait) {
  const milliseconds bounded = std::clamp(wait, milliseconds(0), kLongestPause);
  paused_until_ = std::max(paused_until_, now() + bounded);
  untold_pause_ = std::max(untold_pause_, bounded);
  not_before_ = SteadyTime();
  kick();
}

ai::RateReport RateCore::standing() const {
  const auto window = [this](double limit, double stock, double left) {
    ai::RateReport::Window there;
    if (limit <= 0) return there;
    const double per_second = limit / minute_in_seconds();
    const double most = std::max(per_second * seconds(options_.burst), 1.0);
    const double has = std::clamp(stock + left, 0.0, most);
    there.limit = std::llround(limit);
    there.remaining = static_cast<std::int64_t>(std::floor(has + 1e-6));
    there.reset = milliseconds(std::llround(std::ceil((most - has) / per_second * 1e3)));
    return there;
  };
  ai::RateReport report;
  report.requests = window(limit_.requests, stock_.requests, left_.requests);
  report.tokens = window(limit_.tokens, stock_.tokens, left_.tokens);
  return report;
}

void RateCore::close() {
  closed_ = true;
  for (Waiter* waiter : waiters_) waiter->changed.notify_all();
  changed_.notify_all();
}

void RateCore::kick() {
  kicked_ = true;
  changed_.notify_all();
  if (closed_ || std::exchange(running_, true)) return;
  spawn(link_->executor, keep_stocked(shared_from_this()), [](const std::exception_ptr&) {});
}

SteadyTime RateCore::next_ask() const {
  if (kicked_ || !waiters_.empty()) return not_before_;
  // What an idle process holds is renewed, so that it can be used at once.
  const bool busy = now() - used_at_ < 2 * slice_;
  return std::max(not_before_,
                  asked_at_ + (busy ? slice_ : std::min(5 * slice_, milliseconds(5'000))));
}

awaitable<void> RateCore::keep_stocked(std::shared_ptr<RateCore> self) {
  while (!self->closed_) {
    const SteadyTime next = self->next_ask();
    if (now() < next) {
      if (co_await self->changed_.wait_until(next) == Wake::cancelled) break;
      self->serve();
      continue;
    }
    self->kicked_ = false;
    const bool idle = self->waiters_.empty() && now() - self->used_at_ > kIdle;
    RateAsk wanted = idle ? self->make_return() : self->make_ask();
    auto grant = co_await self->ask(wanted);
    if (grant) {
      self->use(*grant);
    } else {
      self->go_on_alone();
    }
    self->serve();
    self->judge_waiters();
    if (idle && self->waiters_.empty() && !self->kicked_) break;
  }
  self->running_ = false;
}

/// What should be there after an ask, beside what the waiters need.
RateCore::Pair RateCore::wanted_stock() const {
  const double ahead = seconds(slice_) * 1.5;
  const Pair comes = share();
  Pair wanted{pace_.requests * ahead, pace_.tokens * ahead};
  // Not more than this member's share of the time ahead.
  wanted.requests = 1 + std::min(wanted.requests, comes.requests * ahead);
  wanted.tokens = call_tokens_ + std::min(wanted.tokens, comes.tokens * ahead);
  return wanted;
}

RateAsk RateCore::make_ask() {
  drop_old_stock();
  const SteadyTime at = now();
  if (asked_at_ != SteadyTime()) {
    const double passed = std::max(seconds(at - asked_at_), 1e-3);
    const double weight = std::min(passed / seconds(slice_), 1.0);
    pace_.requests += weight * (taken_.requests / passed - pace_.requests);
    pace_.tokens += weight * (taken_.tokens / passed - pace_.tokens);
  }
  taken_ = Pair();
  asked_at_ = at;
  Pair wanted = wanted_stock();
  RateAsk ask;
  for (const Waiter* waiter : waiters_) {
    wanted.requests += 1;
    wanted.tokens += waiter->tokens;
  }
  ask.needed_tokens = waiters_.empty() ? call_tokens_ : waiters_.front()->tokens;
  // No more than a burst of the whole fleet: what lies here others cannot use.
  const double most = std::max(seconds(slice_) * 2, seconds(options_.burst)) / minute_in_seconds();
  wanted.requests = std::min(wanted.requests, 1 + limit_.requests * most);
  wanted.tokens =
      std::min(wanted.tokens, std::max(ask.needed_tokens, call_tokens_) + limit_.tokens * most);
  const auto balance = [](double want, double& stock, double& asked, double& returned) {
    if (want > stock) {
      asked = want - stock;
    } else if (stock > 2 * want) {
      returned = stock - want;
      stock = want;
    }
  };
  if (limit_.requests > 0) {
    balance(wanted.requests, stock_.requests, ask.requests, ask.returned_requests);
    ask.requests = std::ceil(ask.requests - 1e-6);
  }
  if (limit_.tokens > 0) {
    balance(wanted.tokens, stock_.tokens, ask.tokens, ask.returned_tokens);
  }
  ask.said_requests = unsaid_.requests.limit.value_or(-1);
  ask.said_tokens = unsaid_.tokens.limit.value_or(-1);
  ask.left_requests = unsaid_.requests.remaining.value_or(-1);
  ask.left_tokens = unsaid_.tokens.remaining.value_or(-1);
  unsaid_ = ai::RateReport();
  ask.pause = std::exchange(untold_pause_, milliseconds(0));
  ask.was_away = away_;
  return ask;
}

/// All that is held goes back.
RateAsk RateCore::make_return() {
  RateAsk ask = make_ask();
  ask.requests = 0;
  ask.tokens = 0;
  ask.returned_requests += std::max(stock_.requests, 0.0);
  ask.returned_tokens += std::max(stock_.tokens, 0.0);
  stock_.requests = std::min(stock_.requests, 0.0);
  stock_.tokens = std::min(stock_.tokens, 0.0);
  return ask;
}

awaitable<Result<RateGrant>> RateCore::ask(RateAsk ask) {
  const auto server = link_->client->server();
  if (!server) co_return Error(Errc::unavailable, "no connection to redis");
  net_redis::CallOptions call = link_->call(false);
  call.only_on = server->connection;
  std::vector<std::string> keys = {link_->key("rates", "epoch"), key_};
  std::vector<std::string> arguments =
      rate_arguments(ask, options_, server->run_id, link_->member, slice_);
  auto reply = co_await link_->client->run(script_, std::move(keys), std::move(arguments), call);
  if (!reply) co_return reply.error();
  co_return read_grant(*reply);
}

void RateCore::use(const RateGrant& grant) {
  const SteadyTime at = now();
  away_ = false;
  answered_at_ = at;
  members_ = grant.members;
  limit_.requests = grant.requests_per_minute;
  limit_.tokens = grant.tokens_per_minute;
  stock_.requests += grant.requests;
  stock_.tokens += grant.tokens;
  left_ = {grant.left_requests, grant.left_tokens};
  if (grant.paused.count() > 0) paused_until_ = std::max(paused_until_, at + grant.paused);
  not_before_ = at + std::max(grant.again_in, slice_ / 50);
}

/// This member's share, counted here, for as long as Redis is away.
void RateCore::go_on_alone() {
  const SteadyTime at = now();
  members_ = static_cast<double>(std::max<std::size_t>(link_->members, 1));
  if (std::exchange(away_, true)) {
    const Pair comes = share();
    const double passed = seconds(at - alone_since_);
    const double needed = waiters_.empty() ? call_tokens_ : waiters_.front()->tokens;
    const double burst = seconds(options_.burst);
    const Pair most{1 + comes.requests * burst,
                    std::max(needed, call_tokens_) + comes.tokens * burst};
    stock_.requests = std::min(stock_.requests + comes.requests * passed,
                               std::max(stock_.requests, most.requests));
    stock_.tokens =
        std::min(stock_.tokens + comes.tokens * passed, std::max(stock_.tokens, most.tokens));
  }
  alone_since_ = at;
  not_before_ = at + std::max(slice_ / 20, milliseconds(5));
}

}  // namespace rwp::ai_redis
