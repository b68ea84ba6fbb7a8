#pragma once

#include "net/redis/client.hpp"
#include "support/redis_server.hpp"
#include "support/run.hpp"
#include <rwp/core/runtime.hpp>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <chrono>
#include <functional>
#include <future>
#include <memory>
#include <string>
#include <thread>
#include <utility>
#include <vector>

namespace rwp::tests {

/// An operation that runs while the test goes on.
template <class T>
class UnderWay {
 public:
  UnderWay(Runtime& runtime, boost::asio::awaitable<Result<T>> operation)
      : shared_(std::make_shared<Shared>()), outcome_(shared_->promise.get_future()) {
    task_ =
        Task(runtime.executor(), keep(shared_, std::move(operation)), [](std::exception_ptr) {});
  }

  void cancel() { task_.cancel(); }
  bool is_over() const {
    return outcome_.wait_for(std::chrono::seconds(0)) == std::future_status::ready;
  }
  /// Waits for it; `Errc::deadline_exceeded` after the guard.
  Result<T> outcome() {
    if (outcome_.wait_for(kGuard) != std::future_status::ready) {
      return Error(Errc::deadline_exceeded, "the test's guard");
    }
    return outcome_.get();
  }

 private:
  struct Shared {
    std::promise<Result<T>> promise;
  };
  static boost::asio::awaitable<void> keep(std::shared_ptr<Shared> shared,
                                           boost::asio::awaitable<Result<T>> operation) {
    shared->promise.set_value(co_await std::move(operation));
  }

  std::shared_ptr<Shared> shared_;
  std::future<Result<T>> outcome_;
  Task task_;
};

/// A runtime, and clients of real servers.
class RedisFixture : public ::testing::Test {
 protected:
  void SetUp() override {
    if (!RedisServer::is_there()) GTEST_SKIP() << "redis-tools is not installed";
  }

  /// Short waits, so that tests are; time-outs that hold on slow machines.
  static net_redis::ClientOptions options_for(const std::string& url) {
    auto options = net_redis::parse_client_url(std::string_view(url)).value();
    options.first_wait = std::chrono::milliseconds(5);
    options.longest_wait = std::chrono::milliseconds(50);
    options.command_timeout = kGuard;
    return options;
  }

  std::shared_ptr<net_redis::Client> connect(net_redis::ClientOptions options) {
    return net_redis::Client::make(runtime_, std::move(options)).value();
  }
  std::shared_ptr<net_redis::Client> connect(const std::string& url) {
    return connect(options_for(url));
  }

  template <class... Words>
  Result<net_redis::Reply> call(const std::shared_ptr<net_redis::Client>& client,
                                const Words&... words) {
    return run(runtime_, client->call(net_redis::command(words...)));
  }
  Result<net_redis::Server> connected(const std::shared_ptr<net_redis::Client>& client) {
    return run(runtime_, client->connected(std::chrono::steady_clock::now() + kGuard));
  }
  std::unique_ptr<UnderWay<net_redis::Reply>> start(
      const std::shared_ptr<net_redis::Client>& client, net_redis::Command command,
      net_redis::CallOptions options = net_redis::CallOptions()) {
    return std::make_unique<UnderWay<net_redis::Reply>>(runtime_,
                                                        client->call(std::move(command), options));
  }
  /// Whether `condition` comes true within the guard; looked at every few milliseconds.
  static bool eventually(const std::function<bool()>& condition,
                         std::chrono::seconds guard = kGuard) {
    const auto deadline = std::chrono::steady_clock::now() + guard;
    while (!condition()) {
      if (std::chrono::steady_clock::now() > deadline) return false;
      std::this_thread::sleep_for(std::chrono::milliseconds(5));
    }
    return true;
  }

  Runtime runtime_;
};

}  // namespace rwp::tests
