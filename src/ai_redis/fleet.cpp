#include "ai_redis/link.hpp"
#include "ai_redis/member_look.hpp"
#include "ai_redis/rate_core.hpp"
#include "ai_redis/redis_cache.hpp"
#include "ai_redis/redis_flights.hpp"
#include "net/redis/options.hpp"
#include <rwp/ai_redis/fleet.hpp>
#include <rwp/core/async.hpp>

#include <algorithm>
#include <exception>
#include <map>
#include <mutex>
#include <string_view>
#include <utility>

namespace rwp::ai_redis {
namespace {

using boost::asio::awaitable;
using std::chrono::milliseconds;

class SharedAllowance final : public ai::RateAllowance {
 public:
  SharedAllowance(boost::asio::any_io_executor executor, std::shared_ptr<RateCore> core)
      : executor_(std::move(executor)), core_(std::move(core)) {}
  ~SharedAllowance() override {
    post(executor_, [core = core_] { core->close(); });
  }
  SharedAllowance(const SharedAllowance&) = delete;
  SharedAllowance& operator=(const SharedAllowance&) = delete;

  awaitable<Result<void>> acquire(std::int64_t tokens, SteadyTime deadline) override {
    return core_->acquire(tokens, deadline);
  }
  void settle(std::int64_t reserved, std::int64_t used, bool sent) override {
    core_->settle(reserved, used, sent);
  }
  void report(const ai::RateReport& report) override { core_->report(report); }
  void pause(milliseconds wait) override { core_->pause(wait); }
  ai::RateReport standing() const override { return core_->standing(); }

 private:
  const boost::asio::any_io_executor executor_;
  const std::shared_ptr<RateCore> core_;
};

class RedisFleet final : public Fleet, public std::enable_shared_from_this<RedisFleet> {
 public:
  RedisFleet(std::shared_ptr<Link> link, std::shared_ptr<ai::FlightBoard> flights)
      : link_(std::move(link)), cache_(make_redis_cache(link_)), flights_(std::move(flights)) {
    look_ = Task(link_->executor, look_at_members(link_), [](const std::exception_ptr&) {});
  }
  ~RedisFleet() override { look_.cancel(); }
  RedisFleet(const RedisFleet&) = delete;
  RedisFleet& operator=(const RedisFleet&) = delete;

  std::shared_ptr<ai::RateAllowance> rates(std::string name,
                                           ai::RateAllowanceOptions options) override {
    if (rates_.size() >= kMostNames) {
      std::erase_if(rates_, [](const auto& rate) { return rate.second.expired(); });
    }
    auto& known = rates_[name];
    if (auto standing = known.lock()) return standing;
    auto core = std::make_shared<RateCore>(link_, std::move(name), options);
    auto made = std::make_shared<SharedAllowance>(link_->executor, std::move(core));
    known = made;
    return made;
  }
  ai::MakeRateAllowance rate_maker() override {
    return [self = shared_from_this()](const std::string& name,
                                       const ai::RateAllowanceOptions& options) {
      return self->rates(name, options);
    };
  }
  std::shared_ptr<ai::Cache> cache() override { return cache_; }
  std::shared_ptr<ai::FlightBoard> flights(const std::string& upstream) override {
    return flights_of(flights_, upstream);
  }
  awaitable<Result<void>> connected(SteadyTime deadline) override {
    const auto link = link_;
    auto server = co_await link->client->connected(deadline);
    co_return server ? Result<void>() : Result<void>(server.error());
  }
  std::size_t members() const override { return link_->members; }
  bool is_there() const override { return link_->is_there; }

 private:
  /// From which on names that are used no more are forgotten.
  static constexpr std::size_t kMostNames = 1'000;

  const std::shared_ptr<Link> link_;
  const std::shared_ptr<ai::Cache> cache_;
  const std::shared_ptr<ai::FlightBoard> flights_;
  std::map<std::string, std::weak_ptr<ai::RateAllowance>> rates_;
  Task look_;
};

Result<void> check(const FleetOptions& options) {
  const auto wrong = [](const char* what) {
    return Error(Errc::invalid_argument, std::string("fleet: ") + what);
  };
  if (options.prefix.empty() || options.prefix.find_first_of("{}") != std::string::npos) {
    return wrong("prefix is empty or has braces");
  }
  if (options.unseen_members == 0) return wrong("unseen_members is 0");
  if (options.patience <= milliseconds(0)) return wrong("patience is not above 0");
  if (options.slice < milliseconds(10) || options.slice > milliseconds(10'000)) {
    return wrong("slice is not 10 ms to 10 s");
  }
  if (options.flight_lease < milliseconds(1'000) || options.flight_lease > milliseconds(600'000)) {
    return wrong("flight_lease is not 1 s to 10 min");
  }
  return {};
}

}  // namespace

Result<std::shared_ptr<Fleet>> open_fleet(Runtime& runtime, const std::string& url,
                                          FleetOptions options) {
  if (auto checked = check(options); !checked) return checked.error();
  auto connection = net_redis::parse_client_url(std::string_view(url));
  if (!connection) return connection.error();
  connection->use = "ai";
  connection->metrics = options.metrics;
  connection->log = options.log;
  // What asks Redis goes on without it soon, and comes back to it soon.
  connection->longest_wait = std::min(connection->longest_wait, milliseconds(500));
  auto client = net_redis::Client::make(runtime, *connection);
  if (!client) return client.error();
  auto link = std::make_shared<Link>();
  link->executor = runtime.executor();
  link->client = std::move(*client);
  link->members = options.unseen_members;
  link->options = std::move(options);
  auto flights = make_redis_flights(runtime, std::move(*connection), link);
  if (!flights) return flights.error();
  return std::shared_ptr<Fleet>(std::make_shared<RedisFleet>(std::move(link), std::move(*flights)));
}

}  // namespace rwp::ai_redis
