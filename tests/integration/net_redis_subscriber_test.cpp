#include "net/redis/subscriber.hpp"
#include "support/redis_fixture.hpp"

#include <atomic>
#include <mutex>

namespace rwp::tests {
namespace {

using net_redis::Subscriber;
using net_redis::SubscriptionHandlers;

class RedisSubscriberTest : public RedisFixture {
 protected:
  /// What was heard; read by the test while the I/O thread writes.
  struct Heard {
    std::mutex mutex{};
    std::vector<std::string> messages{};
    std::atomic<int> subscribed = 0;

    std::size_t count(const std::string& message) {
      const std::lock_guard lock(mutex);
      return static_cast<std::size_t>(std::count(messages.begin(), messages.end(), message));
    }
  };

  std::shared_ptr<Subscriber> subscribe(net_redis::ClientOptions options,
                                        std::vector<std::string> channels) {
    SubscriptionHandlers handlers;
    handlers.on_message = [heard = heard_](const std::string& channel, const std::string& message) {
      const std::lock_guard lock(heard->mutex);
      heard->messages.push_back(channel + "=" + message);
    };
    handlers.on_subscribed = [heard = heard_] { ++heard->subscribed; };
    return Subscriber::make(runtime_, std::move(options), std::move(channels), handlers).value();
  }
  bool subscribed(int times) {
    return eventually([&] { return heard_->subscribed >= times; });
  }

  RedisServer server_;
  std::shared_ptr<Heard> heard_ = std::make_shared<Heard>();
};

TEST_F(RedisSubscriberTest, MessagesOfItsChannelsAreHeard) {
  const auto subscriber = subscribe(options_for(server_.url()), {"one", "two"});
  ASSERT_TRUE(subscribed(1));

  EXPECT_EQ(server_.cli("PUBLISH one a"), "1");
  EXPECT_EQ(server_.cli("PUBLISH three b"), "0");
  EXPECT_EQ(server_.cli("PUBLISH two c"), "1");

  EXPECT_TRUE(eventually([&] { return heard_->count("two=c") == 1; }));
  EXPECT_EQ(heard_->count("one=a"), 1U);
  EXPECT_EQ(heard_->messages.size(), 2U);
}

TEST_F(RedisSubscriberTest, AfterALostConnectionItIsSubscribedAgain) {
  const auto subscriber = subscribe(options_for(server_.url()), {"one", "two"});
  ASSERT_TRUE(subscribed(1));
  ASSERT_EQ(server_.cli("CLIENT KILL TYPE pubsub"), "1");

  ASSERT_TRUE(subscribed(2));
  EXPECT_EQ(server_.cli("PUBLISH one a"), "1");
  server_.kill();
  server_.start();
  ASSERT_TRUE(subscribed(3));
  EXPECT_EQ(server_.cli("PUBLISH two b"), "1");
  EXPECT_TRUE(eventually([&] { return heard_->count("two=b") == 1; }));
}

TEST_F(RedisSubscriberTest, ChannelsComeAndGo) {
  const auto subscriber = subscribe(options_for(server_.url()), {"one"});
  ASSERT_TRUE(subscribed(1));
  subscriber->subscribe("two");
  ASSERT_TRUE(subscribed(2));
  EXPECT_EQ(server_.cli("PUBLISH two a"), "1");
  subscriber->unsubscribe("one");

  EXPECT_TRUE(eventually([&] { return server_.cli("PUBLISH one b") == "0"; }));
}

TEST_F(RedisSubscriberTest, ASilentServerIsGivenUp) {
  auto options = options_for(server_.url());
  options.ping_interval = std::chrono::milliseconds(30);
  options.longest_silence = std::chrono::milliseconds(60);
  const auto subscriber = subscribe(options, {"one"});
  ASSERT_TRUE(subscribed(1));
  // Silent for longer each time: how soon a busy machine notices is not ours to say.
  for (std::chrono::milliseconds silence(200); heard_->subscribed < 2 && silence < kGuard;
       silence *= 2) {
    server_.pause();
    std::this_thread::sleep_for(silence);
    server_.resume();
    // It is subscribed again, or has heard the server in time.
    (void)eventually([&] { return heard_->subscribed >= 2; }, std::chrono::seconds(1));
  }

  EXPECT_TRUE(subscribed(2));
}

TEST_F(RedisSubscriberTest, AnIdleSubscriptionIsKept) {
  auto options = options_for(server_.url());
  options.ping_interval = std::chrono::milliseconds(10);
  const auto subscriber = subscribe(options, {"one"});
  ASSERT_TRUE(subscribed(1));

  ASSERT_TRUE(eventually([&] {
    return server_.cli("INFO commandstats | grep -E -c 'cmdstat_ping:calls=([2-9][0-9])'") == "1";
  }));
  EXPECT_EQ(heard_->subscribed, 1);
}

TEST_F(RedisSubscriberTest, ADestroyedSubscriberHearsNoMore) {
  auto subscriber = subscribe(options_for(server_.url()), {"one"});
  ASSERT_TRUE(subscribed(1));
  subscriber.reset();

  EXPECT_TRUE(eventually([&] { return server_.cli("PUBLISH one a") == "0"; }));
}

}  // namespace
}  // namespace rwp::tests
