#pragma once

#include "support/raw_client.hpp"
#include <rwp/core/async.hpp>
#include <rwp/server/server.hpp>

#include <gtest/gtest.h>

#include <atomic>
#include <chrono>
#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <thread>
#include <utility>
#include <vector>

namespace rwp::tests {

/// "GET /path HTTP/1.1" with a Host.
inline std::string get(std::string_view target, std::string_view more_headers = "") {
  return "GET " + std::string(target) + " HTTP/1.1\r\nHost: test\r\n" + std::string(more_headers) +
         "\r\n";
}

inline std::string post(std::string_view target, std::string_view body,
                        std::string_view more_headers = "") {
  return "POST " + std::string(target) +
         " HTTP/1.1\r\nHost: test\r\nContent-Length: " + std::to_string(body.size()) + "\r\n" +
         std::string(more_headers) + "\r\n" + std::string(body);
}

/// A server on a free port of 127.0.0.1 with the routes that a test adds before start().
class ServerFixture : public ::testing::Test {
 protected:
  ServerFixture() {
    options_.listen = "127.0.0.1:0";
    add("GET", "/hello", [](server::Request) -> boost::asio::awaitable<server::Response> {
      co_return server::text_response(200, "hello");
    });
    server::RouteOptions echo;
    echo.max_body_bytes = std::size_t{1} << 20U;
    add("POST", "/echo", &ServerFixture::echo, echo);
  }

  void add(std::string method, std::string pattern, server::Handler handler,
           server::RouteOptions options = server::RouteOptions()) {
    router_.add(std::move(method), std::move(pattern), std::move(handler), std::move(options));
  }

  void start(std::size_t threads = 1) {
    std::vector<Runtime*> runtimes;
    for (std::size_t i = 0; i < threads; ++i) {
      runtimes.push_back(runtimes_.emplace_back(std::make_unique<Runtime>()).get());
    }
    auto started = server::Server::start(runtimes, router_, options_);
    ASSERT_TRUE(started.has_value()) << started.error().to_string();
    server_ = std::move(*started);
  }

  RawClient connect() const { return RawClient(server_->port()); }

  static boost::asio::awaitable<server::Response> echo(server::Request request) {
    co_return server::text_response(200, std::move(request.body));
  }

  /// Waits until `condition` holds, at most for the clients' patience.
  static bool eventually(const std::function<bool()>& condition) {
    const auto deadline = std::chrono::steady_clock::now() + RawClient::kPatience;
    while (!condition()) {
      if (std::chrono::steady_clock::now() > deadline) return false;
      std::this_thread::sleep_for(std::chrono::milliseconds(2));
    }
    return true;
  }

  std::vector<std::unique_ptr<Runtime>> runtimes_;
  server::Router router_;
  server::ServerOptions options_;
  std::unique_ptr<server::Server> server_;
};

}  // namespace rwp::tests
