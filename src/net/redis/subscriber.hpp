#pragma once

#include "net/redis/options.hpp"
#include "net/redis/subscription.hpp"
#include <rwp/core/runtime.hpp>

#include <memory>
#include <string>
#include <vector>

namespace rwp::net_redis {

/// Listens to channels on a connection of its own, to the master (with Sentinels, to the one that
/// they name). Messages of Redis are wake-ups: those of a time without a connection are lost, and
/// on_subscribed() says that such a time has ended.
///
/// Threads: calls from any thread; the handlers run on the runtime's I/O thread.
/// Lifetime: no handler is called once the destructor has been posted to the I/O thread and run;
/// what they use is to outlive the runtime, or be held weakly.
class Subscriber {
 public:
  /// Begins to connect. `Errc::invalid_argument`: options of no use.
  static Result<std::shared_ptr<Subscriber>> make(Runtime& runtime, ClientOptions options,
                                                  std::vector<std::string> channels,
                                                  SubscriptionHandlers handlers);
  ~Subscriber();
  Subscriber(const Subscriber&) = delete;
  Subscriber& operator=(const Subscriber&) = delete;

  /// Whether all channels are subscribed to now. On the I/O thread only.
  bool is_subscribed() const noexcept { return subscription_->is_subscribed(); }

  void subscribe(std::string channel);
  void unsubscribe(std::string channel);

  /// Only for make().
  Subscriber(Runtime& runtime, std::shared_ptr<Dialer> dialer,
             std::shared_ptr<Subscription> subscription);

 private:
  Runtime& runtime_;
  const std::shared_ptr<Dialer> dialer_;
  const std::shared_ptr<Subscription> subscription_;
};

}  // namespace rwp::net_redis
