#pragma once

#include "net/redis/dialer.hpp"
#include "net/redis/options.hpp"
#include <rwp/core/async.hpp>

#include <boost/asio/awaitable.hpp>

#include <cstddef>
#include <functional>
#include <memory>
#include <optional>
#include <set>
#include <string>

namespace rwp::net_redis {

/// What a subscription tells; called on the I/O thread. They start no wait and do not throw.
struct SubscriptionHandlers {
  std::function<void(const std::string& channel, const std::string& message)> on_message{};
  /// All channels are subscribed to, on a new connection or since one was added. What was published
  /// before is lost, so look at what it would have told.
  std::function<void()> on_subscribed{};
};

/// A connection of its own that listens to channels, made anew when it is lost.
///
/// Threads: confined to the runtime's I/O thread. Lifetime: kept by its coroutines until close().
class Subscription : public std::enable_shared_from_this<Subscription> {
 public:
  using Dial = std::function<boost::asio::awaitable<Result<Session>>()>;

  Subscription(boost::asio::any_io_executor executor, Dial dial, const ClientOptions& options,
               SubscriptionHandlers handlers);

  void start();
  void close();
  /// `Errc::invalid_argument`: a name not of 1 to 256 bytes, or more than 10,000 channels.
  Result<void> add(std::string channel);
  void remove(const std::string& channel);
  /// Whether all channels are subscribed to now.
  bool is_subscribed() const noexcept { return wire_ != nullptr && unacknowledged_ == 0; }

 private:
  boost::asio::awaitable<void> keep_subscribed();
  boost::asio::awaitable<Error> listen();
  boost::asio::awaitable<void> write_commands(std::shared_ptr<Wire> wire);
  boost::asio::awaitable<void> watch_health(std::shared_ptr<Wire> wire);
  Result<void> take_messages();
  Result<void> take(const Reply& reply);
  void say(std::string_view name, const std::string& channel);
  void lose(Error why);

  const boost::asio::any_io_executor executor_;
  const Dial dial_;
  const std::chrono::milliseconds first_wait_;
  const std::chrono::milliseconds longest_wait_;
  const std::chrono::milliseconds ping_interval_;
  const std::chrono::milliseconds longest_silence_;
  const observability::Logger log_;
  const SubscriptionHandlers handlers_;
  std::set<std::string> channels_;
  std::shared_ptr<Wire> wire_;
  std::string outbox_;
  std::size_t unacknowledged_ = 0;
  bool announced_ = false;
  std::optional<Error> lost_;
  SteadyTime last_heard_;
  bool pinged_ = false;
  Signal work_;
  Signal looked_;
  Task task_;
  bool closed_ = false;
};

}  // namespace rwp::net_redis
