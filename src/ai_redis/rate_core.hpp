#pragma once

#include "ai_redis/link.hpp"
#include "ai_redis/rate_script.hpp"
#include <rwp/ai/rate_allowance.hpp>
#include <rwp/core/async.hpp>

#include <boost/asio/awaitable.hpp>

#include <chrono>
#include <cstdint>
#include <list>
#include <memory>
#include <string>

namespace rwp::ai_redis {

/// What this process holds of a shared rate, who waits for it, and the coroutine that fetches more.
///
/// Threads: confined to the I/O thread.
class RateCore : public std::enable_shared_from_this<RateCore> {
 public:
  RateCore(std::shared_ptr<const Link> link, std::string name, ai::RateAllowanceOptions options);

  boost::asio::awaitable<Result<void>> acquire(std::int64_t tokens, SteadyTime deadline);
  void settle(std::int64_t reserved, std::int64_t used, bool sent);
  void report(const ai::RateReport& report);
  void pause(std::chrono::milliseconds wait);
  /// What the bucket in Redis held when it was last asked, and what is here.
  ai::RateReport standing() const;
  /// Fetches no more.
  void close();

 private:
  struct Waiter {
    double tokens = 0;
    SteadyTime deadline{};
    bool served = false;
    /// Whether it was looked at, with a fresh answer, if it can be served in time.
    bool judged = false;
    bool hopeless = false;
    Signal changed{};
  };
  class Place;
  struct Pair {
    double requests = 0;
    double tokens = 0;
  };

  bool limited() const noexcept { return limit_.requests > 0 || limit_.tokens > 0; }
  double minute_in_seconds() const;
  /// This member's part of the limit, a second's.
  Pair share() const;
  bool fits(double tokens) const;
  void take(double tokens);
  void give_back(double tokens);
  void serve();
  void drop_old_stock();
  void judge_waiters();
  bool is_informed() const;
  std::chrono::milliseconds wait_behind(double requests, double tokens) const;
  std::chrono::milliseconds wait_for(double tokens) const;
  Error refused(double tokens) const;

  void kick();
  static boost::asio::awaitable<void> keep_stocked(std::shared_ptr<RateCore> self);
  SteadyTime next_ask() const;
  Pair wanted_stock() const;
  RateAsk make_ask();
  RateAsk make_return();
  boost::asio::awaitable<Result<RateGrant>> ask(RateAsk ask);
  void use(const RateGrant& grant);
  void go_on_alone();

  const std::shared_ptr<const Link> link_;
  const ai::RateAllowanceOptions options_;
  const std::shared_ptr<const net_redis::Script> script_;
  const std::string key_;
  const std::chrono::milliseconds slice_;

  Pair stock_;
  /// Left in Redis, as of the last answer.
  Pair left_;
  std::list<Waiter*> waiters_;
  /// The limits as last known; 0: none.
  Pair limit_;
  double members_ = 1;
  SteadyTime paused_until_{};

  /// Told to Redis with the next ask.
  ai::RateReport unsaid_;
  std::chrono::milliseconds untold_pause_{0};

  /// Taken since the last ask, a second's as it was lately, and the tokens of a call lately.
  Pair taken_;
  Pair pace_;
  double call_tokens_ = 0;
  SteadyTime used_at_{};

  SteadyTime asked_at_{};
  SteadyTime answered_at_{};
  /// When asking brings more at the earliest.
  SteadyTime not_before_{};
  bool away_ = false;
  SteadyTime alone_since_{};
  bool running_ = false;
  bool kicked_ = false;
  bool closed_ = false;
  Signal changed_;
};

}  // namespace rwp::ai_redis
