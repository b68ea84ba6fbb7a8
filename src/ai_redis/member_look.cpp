#include "ai_redis/member_look.hpp"

#include <rwp/core/async.hpp>

#include <algorithm>
#include <array>
#include <chrono>
#include <utility>

namespace rwp::ai_redis {
namespace {

constexpr std::chrono::milliseconds kBetweenLooks{3'000};
/// A process that has just come looks more often, as others may come with it.
constexpr std::chrono::milliseconds kBetweenFirstLooks{300};
constexpr int kFirstLooks = 10;
constexpr std::chrono::milliseconds kAgainWhenAway{250};

/// Who has not been seen for 15 s is gone. A clock that went back leaves nobody in the future.
constexpr const char* kScript = R"(
local t = redis.call('TIME')
local now = t[1] * 1000 + math.floor(t[2] / 1000)
redis.call('ZADD', KEYS[1], now, ARGV[1])
redis.call('ZREMRANGEBYSCORE', KEYS[1], '-inf', now - 15000)
redis.call('ZREMRANGEBYSCORE', KEYS[1], now + 60000, '+inf')
redis.call('PEXPIRE', KEYS[1], 3600000)
return redis.call('ZCARD', KEYS[1])
)";

/// The most of the last looks counts: after a flush the others show themselves one by one.
class Seen {
 public:
  std::size_t add(std::size_t members) {
    counts_[next_++ % counts_.size()] = members;
    return *std::max_element(counts_.begin(), counts_.end());
  }

 private:
  std::array<std::size_t, 8> counts_{};
  std::size_t next_ = 0;
};

void show(const Link& link) {
  if (!link.options.metrics) return;
  auto& metrics = *link.options.metrics;
  metrics.gauge("rwp_ai_fleet_members", "Processes that share AI limits, as last seen")
      .set(static_cast<double>(link.members));
  metrics.gauge("rwp_ai_fleet_away", "1 while Redis does not answer the AI calls' limits")
      .set(link.is_there ? 0 : 1);
}

}  // namespace

boost::asio::awaitable<void> look_at_members(std::shared_ptr<Link> link) {
  const auto script = std::make_shared<const net_redis::Script>(kScript);
  const std::string key = link->key("members", "seen");
  Seen seen;
  bool told = false;
  for (int looks = 1;; looks = std::min(looks + 1, kFirstLooks + 1)) {
    std::vector<std::string> keys = {key};
    std::vector<std::string> arguments = {link->member};
    auto counted =
        co_await link->client->run(script, std::move(keys), std::move(arguments), link->call(true));
    if (counted) {
      link->members =
          seen.add(static_cast<std::size_t>(std::max<std::int64_t>(counted->integer, 1)));
      if (std::exchange(told, false)) link->options.log.info("redis is back for AI limits");
    } else if (!std::exchange(told, true)) {
      link->options.log.warn(
          "redis is away: AI limits are divided by the members",
          {{"error", counted.error()}, {"members", static_cast<std::int64_t>(link->members)}});
    }
    link->is_there = counted.has_value();
    show(*link);
    auto pause = looks <= kFirstLooks ? kBetweenFirstLooks : kBetweenLooks;
    if (!counted) pause = kAgainWhenAway;
    if (!co_await sleep_for(pause)) co_return;
  }
}

}  // namespace rwp::ai_redis
