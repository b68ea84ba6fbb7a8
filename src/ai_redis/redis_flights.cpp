#include "ai_redis/redis_flights.hpp"

#include "ai_redis/packed.hpp"
#include "net/redis/subscriber.hpp"
#include <rwp/core/async.hpp>
#include <rwp/core/sha256.hpp>

#include <algorithm>
#include <exception>
#include <map>
#include <string_view>
#include <unordered_map>
#include <utility>

namespace rwp::ai_redis {
namespace {

using boost::asio::awaitable;
using net_redis::Script;
using std::chrono::milliseconds;

// A flight's key holds "F" and the leader's token while it is under way; when it has landed, the
// answer behind "A", for all who ask, or "W", for those who waited. Beside it stands a key that
// says that somebody waits.

constexpr const char* kTakeOff = R"(
local v = redis.call('GET', KEYS[1])
if v then
  local kind = string.sub(v, 1, 1)
  if kind == 'A' then return v end
  if kind == 'F' then
    redis.call('SET', KEYS[2], 1, 'PX', ARGV[2])
    return 'F'
  end
end
redis.call('SET', KEYS[1], 'F' .. ARGV[1], 'PX', ARGV[2])
return 'L'
)";

/// ARGV: token, answer, for how long it stays for all, for those who waited, channel, message. A
/// key that Redis has forgotten is landed all the same.
constexpr const char* kLand = R"(
local v = redis.call('GET', KEYS[1])
if v and v ~= 'F' .. ARGV[1] then return 0 end
local waits = redis.call('DEL', KEYS[2])
local stays = tonumber(ARGV[3])
if ARGV[2] == '' or (v and waits == 0 and stays == 0) then
  redis.call('DEL', KEYS[1])
elseif stays > 0 then
  redis.call('SET', KEYS[1], 'A' .. ARGV[2], 'PX', ARGV[3])
else
  redis.call('SET', KEYS[1], 'W' .. ARGV[2], 'PX', ARGV[4])
end
if waits == 1 or not v then redis.call('PUBLISH', ARGV[5], ARGV[6]) end
return 1
)";

constexpr const char* kLook = R"(
local v = redis.call('GET', KEYS[1])
if v and string.sub(v, 1, 1) == 'F' then
  redis.call('SET', KEYS[2], 1, 'PX', ARGV[1])
  return 'F'
end
return v
)";

/// What Redis has forgotten is put back. ARGV: for how long, then a token for each key.
constexpr const char* kRenew = R"(
for i = 1, #KEYS do
  local v = redis.call('GET', KEYS[i])
  if not v or v == 'F' .. ARGV[i + 1] then
    redis.call('SET', KEYS[i], 'F' .. ARGV[i + 1], 'PX', ARGV[1])
  end
end
return #KEYS
)";

/// How long an answer is kept for those who waited for it.
constexpr milliseconds kForWaiters{10'000};
/// A message can be lost, so who waits also looks: soon at first, then less often.
constexpr milliseconds kFirstLook{50};
constexpr milliseconds kLongestLook{1'000};
/// Flights that are renewed at once.
constexpr std::size_t kMostRenewed = 200;

std::shared_ptr<const Script> script(const char* source) {
  return std::make_shared<const Script>(source);
}

class Flights : public std::enable_shared_from_this<Flights> {
 public:
  explicit Flights(std::shared_ptr<const Link> link)
      : link_(std::move(link)), channel_(link_->key("flights", "landed")) {}

  awaitable<Result<ai::TakeOff>> take_off(std::string key) {
    const std::string token = Uuid::make_v7().to_string();
    std::vector<std::string> arguments = {token, lease()};
    auto reply = co_await link_->client->run(take_off_, keys_of(key), std::move(arguments),
                                             link_->call(false));
    if (!reply) {
      // It may have been taken: then nobody should wait for it.
      begin_landing(key, token);
      co_return reply.error();
    }
    ai::TakeOff turn;
    const std::string_view kind = std::string_view(reply->text).substr(0, 1);
    if (kind == "L") {
      leads_.insert_or_assign(std::move(key), token);
      if (!std::exchange(renewing_, true)) start(renew(shared_from_this()));
      co_return turn;
    }
    turn.turn = ai::TakeOff::Turn::waits;
    if (kind == "A") {
      auto answer =
          unpack(std::string_view(reply->text).substr(1), link_->options.max_answer_bytes);
      if (answer) {
        turn.turn = ai::TakeOff::Turn::answered;
        turn.answer = std::move(*answer);
      }
    }
    co_return turn;
  }

  awaitable<Result<void>> land(std::string key, std::string answer, milliseconds stays) {
    const std::string token = leave(key);
    if (token.empty()) co_return Result<void>();
    if (answer.size() > link_->options.max_answer_bytes) answer.clear();
    if (!answer.empty()) answer = pack(answer, link_->options.compress_from_bytes);
    co_return co_await land_as(std::move(key), token, std::move(answer), stays);
  }

  void give_up(const std::string& key) {
    const std::string token = leave(key);
    if (!token.empty()) begin_landing(key, token);
  }

  awaitable<Result<std::optional<std::string>>> wait_landed(std::string key, SteadyTime deadline) {
    const Listener listener(*this, key);
    milliseconds pause = kFirstLook;
    while (true) {
      std::vector<std::string> arguments = {lease()};
      auto reply =
          co_await link_->client->run(look_, keys_of(key), std::move(arguments), link_->call(true));
      if (!reply) co_return reply.error();
      if (reply->is_nil()) co_return std::optional<std::string>();
      if (!reply->text.starts_with('F')) {
        co_return unpack(std::string_view(reply->text).substr(1), link_->options.max_answer_bytes);
      }
      const SteadyTime next = std::chrono::steady_clock::now() + pause;
      const Wake woken = co_await listener.signal().wait_until(std::min(next, deadline));
      if (woken == Wake::cancelled) co_return Error(Errc::cancelled, "cancelled while waiting");
      if (std::chrono::steady_clock::now() >= deadline) co_return std::optional<std::string>();
      pause = std::min(2 * pause, kLongestLook);
    }
  }

  void on_landed(const std::string& key) {
    const auto found = listeners_.find(key);
    if (found != listeners_.end()) found->second.signal.notify_all();
  }
  void on_subscribed() {
    for (auto& [key, listened] : listeners_) listened.signal.notify_all();
  }
  const std::string& channel() const noexcept { return channel_; }
  const boost::asio::any_io_executor& executor() const noexcept { return link_->executor; }

 private:
  struct Listened {
    Signal signal{};
    std::size_t listeners = 0;
  };
  class Listener {
   public:
    Listener(Flights& flights, std::string key)
        : flights_(flights), key_(std::move(key)), listened_(&flights_.listeners_[key_]) {
      ++listened_->listeners;
    }
    ~Listener() {
      if (--listened_->listeners == 0) flights_.listeners_.erase(key_);
    }
    Listener(const Listener&) = delete;
    Listener& operator=(const Listener&) = delete;
    Signal& signal() const noexcept { return listened_->signal; }

   private:
    Flights& flights_;
    const std::string key_;
    Listened* const listened_;
  };

  std::string lease() const { return std::to_string(link_->options.flight_lease.count()); }
  std::vector<std::string> keys_of(const std::string& key) const {
    std::string place = link_->key("flights", key);
    std::string waits = place + ":waits";
    return {std::move(place), std::move(waits)};
  }

  /// The token of a flight that this process leads, and no more.
  std::string leave(const std::string& key) {
    const auto found = leads_.find(key);
    if (found == leads_.end()) return {};
    std::string token = std::move(found->second);
    leads_.erase(found);
    return token;
  }

  awaitable<Result<void>> land_as(std::string key, std::string token, std::string answer,
                                  milliseconds stays) {
    std::vector<std::string> arguments = {std::move(token),
                                          std::move(answer),
                                          std::to_string(stays.count()),
                                          std::to_string(kForWaiters.count()),
                                          channel_,
                                          key};
    auto reply =
        co_await link_->client->run(land_, keys_of(key), std::move(arguments), link_->call(true));
    co_return reply ? Result<void>() : Result<void>(reply.error());
  }
  static awaitable<void> end_landing(std::shared_ptr<Flights> self, std::string key,
                                     std::string token) {
    // In vain when Redis is away: then its lease ends it.
    (void)co_await self->land_as(std::move(key), std::move(token), std::string(), milliseconds(0));
  }
  void begin_landing(const std::string& key, const std::string& token) {
    start(end_landing(shared_from_this(), key, token));
  }

  static awaitable<void> renew(std::shared_ptr<Flights> self) {
    while (co_await sleep_for(self->link_->options.flight_lease / 3) && !self->leads_.empty()) {
      std::vector<std::string> keys;
      std::vector<std::string> arguments = {self->lease()};
      const auto leads = self->leads_;
      for (const auto& [key, token] : leads) {
        // Landed meanwhile: it must not come back.
        if (self->leads_.contains(key)) {
          keys.push_back(self->link_->key("flights", key));
          arguments.push_back(token);
        }
        if (keys.size() < kMostRenewed) continue;
        (void)co_await self->link_->client->run(self->renew_, std::exchange(keys, {}),
                                                std::move(arguments), self->link_->call(true));
        arguments.assign(1, self->lease());
      }
      if (keys.empty()) continue;
      (void)co_await self->link_->client->run(self->renew_, std::move(keys), std::move(arguments),
                                              self->link_->call(true));
    }
    self->renewing_ = false;
  }

  void start(awaitable<void> work) {
    spawn(link_->executor, std::move(work), [](const std::exception_ptr&) {});
  }

  const std::shared_ptr<const Link> link_;
  const std::string channel_;
  const std::shared_ptr<const Script> take_off_ = script(kTakeOff);
  const std::shared_ptr<const Script> land_ = script(kLand);
  const std::shared_ptr<const Script> look_ = script(kLook);
  const std::shared_ptr<const Script> renew_ = script(kRenew);
  /// Keys of the flights that this process leads, with their tokens.
  std::unordered_map<std::string, std::string> leads_;
  std::map<std::string, Listened> listeners_;
  bool renewing_ = false;
};

class RedisFlights final : public ai::FlightBoard {
 public:
  RedisFlights(std::shared_ptr<Flights> flights, std::shared_ptr<net_redis::Subscriber> subscriber)
      : flights_(std::move(flights)), subscriber_(std::move(subscriber)) {}

  awaitable<Result<ai::TakeOff>> take_off(std::string key) override {
    return flights_->take_off(std::move(key));
  }
  awaitable<Result<void>> land(std::string key, std::string answer, milliseconds stays) override {
    return flights_->land(std::move(key), std::move(answer), stays);
  }
  void give_up(std::string key) override { flights_->give_up(key); }
  awaitable<Result<std::optional<std::string>>> wait_landed(std::string key,
                                                            SteadyTime deadline) override {
    return flights_->wait_landed(std::move(key), deadline);
  }

 private:
  const std::shared_ptr<Flights> flights_;
  const std::shared_ptr<net_redis::Subscriber> subscriber_;
};

class ScopedFlights final : public ai::FlightBoard {
 public:
  ScopedFlights(std::shared_ptr<ai::FlightBoard> board, std::string prefix)
      : board_(std::move(board)), prefix_(std::move(prefix)) {}

  awaitable<Result<ai::TakeOff>> take_off(std::string key) override {
    return board_->take_off(prefix_ + key);
  }
  awaitable<Result<void>> land(std::string key, std::string answer, milliseconds stays) override {
    return board_->land(prefix_ + key, std::move(answer), stays);
  }
  void give_up(std::string key) override { board_->give_up(prefix_ + key); }
  awaitable<Result<std::optional<std::string>>> wait_landed(std::string key,
                                                            SteadyTime deadline) override {
    return board_->wait_landed(prefix_ + key, deadline);
  }

 private:
  const std::shared_ptr<ai::FlightBoard> board_;
  const std::string prefix_;
};

}  // namespace

Result<std::shared_ptr<ai::FlightBoard>> make_redis_flights(Runtime& runtime,
                                                            net_redis::ClientOptions connection,
                                                            std::shared_ptr<const Link> link) {
  auto flights = std::make_shared<Flights>(std::move(link));
  const std::weak_ptr<Flights> held = flights;
  net_redis::SubscriptionHandlers handlers;
  handlers.on_message = [held](const std::string&, const std::string& key) {
    if (const auto board = held.lock()) board->on_landed(key);
  };
  handlers.on_subscribed = [held] {
    if (const auto board = held.lock()) board->on_subscribed();
  };
  auto subscriber = net_redis::Subscriber::make(runtime, std::move(connection),
                                                {flights->channel()}, std::move(handlers));
  if (!subscriber) return subscriber.error();
  return std::shared_ptr<ai::FlightBoard>(
      std::make_shared<RedisFlights>(std::move(flights), std::move(*subscriber)));
}

std::shared_ptr<ai::FlightBoard> flights_of(std::shared_ptr<ai::FlightBoard> board,
                                            const std::string& upstream) {
  // A digest, since what names an upstream may be long, and may hold a secret.
  return std::make_shared<ScopedFlights>(std::move(board),
                                         to_hex(sha256(upstream)).substr(0, 16) + "/");
}

}  // namespace rwp::ai_redis
