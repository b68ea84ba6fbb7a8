#include "net/redis/subscriber.hpp"

#include <utility>

namespace rwp::net_redis {

Result<std::shared_ptr<Subscriber>> Subscriber::make(Runtime& runtime, ClientOptions options,
                                                     std::vector<std::string> channels,
                                                     SubscriptionHandlers handlers) {
  auto made = Dialer::make(runtime, std::move(options));
  if (!made) return made.error();
  const std::shared_ptr<Dialer> dialer = std::move(*made);
  auto dial = [dialer] { return dialer->dial(); };
  auto subscription = std::make_shared<Subscription>(runtime.executor(), std::move(dial),
                                                     dialer->options(), std::move(handlers));
  for (std::string& channel : channels) {
    if (auto added = subscription->add(std::move(channel)); !added) return added.error();
  }
  post(runtime.executor(), [subscription] { subscription->start(); });
  return std::make_shared<Subscriber>(runtime, dialer, std::move(subscription));
}

Subscriber::Subscriber(Runtime& runtime, std::shared_ptr<Dialer> dialer,
                       std::shared_ptr<Subscription> subscription)
    : runtime_(runtime), dialer_(std::move(dialer)), subscription_(std::move(subscription)) {}

Subscriber::~Subscriber() {
  post(runtime_.executor(), [subscription = subscription_] { subscription->close(); });
}

void Subscriber::subscribe(std::string channel) {
  post(runtime_.executor(), [subscription = subscription_, channel = std::move(channel)]() mutable {
    (void)subscription->add(std::move(channel));
  });
}

void Subscriber::unsubscribe(std::string channel) {
  post(runtime_.executor(), [subscription = subscription_, channel = std::move(channel)] {
    subscription->remove(channel);
  });
}

}  // namespace rwp::net_redis
