#pragma once

#include "support/run.hpp"
#include "support/scripted_server.hpp"
#include <rwp/core/async.hpp>
#include <rwp/core/runtime.hpp>
#include <rwp/net/curl_transport.hpp>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <functional>
#include <future>
#include <memory>
#include <optional>
#include <string>
#include <utility>

namespace rwp::tests {

/// A send that runs on its own, to be cancelled.
class SendUnderWay {
 public:
  SendUnderWay(Runtime& runtime, std::shared_ptr<net::HttpTransport> transport,
               net::HttpRequest request) {
    auto ended = std::make_shared<std::promise<Result<net::HttpResponse>>>();
    outcome_ = ended->get_future();
    auto operation = send(std::move(transport), std::move(request), ended);
    task_ = Task(runtime.executor(), std::move(operation), [ended](std::exception_ptr thrown) {
      if (thrown) ended->set_value(detail::from_exception(thrown));
    });
  }

  void cancel() { task_.cancel(); }
  Result<net::HttpResponse> outcome() {
    if (outcome_.wait_for(kGuard) != std::future_status::ready) {
      return Error(Errc::internal, "the send did not end");
    }
    return outcome_.get();
  }

 private:
  static boost::asio::awaitable<void> send(
      std::shared_ptr<net::HttpTransport> transport, net::HttpRequest request,
      std::shared_ptr<std::promise<Result<net::HttpResponse>>> ended) {
    auto response = co_await transport->send(std::move(request));
    ended->set_value(std::move(response));
  }

  std::future<Result<net::HttpResponse>> outcome_;
  Task task_;
};

class TransportFixture : public ::testing::Test {
 protected:
  Result<net::HttpResponse> send(net::HttpRequest request) {
    return run(runtime_, transport().send(std::move(request)));
  }
  Result<net::HttpResponse> get(std::string url) {
    net::HttpRequest request;
    request.url = std::move(url);
    return send(std::move(request));
  }
  static net::HttpRequest post(std::string url, std::string body) {
    net::HttpRequest request;
    request.method = "POST";
    request.url = std::move(url);
    request.body = std::move(body);
    return request;
  }

  net::HttpTransport& transport() { return *shared_transport(); }
  std::shared_ptr<net::HttpTransport> shared_transport() {
    if (!transport_) transport_ = net::make_curl_transport(runtime_, options_);
    return transport_;
  }

  /// Looks at the condition until it holds or the guard ends.
  bool eventually(const std::function<bool()>& holds) {
    const auto deadline = std::chrono::steady_clock::now() + kGuard;
    while (!holds()) {
      if (std::chrono::steady_clock::now() > deadline) return false;
      (void)run(runtime_, sleep_for(std::chrono::milliseconds(2)));
    }
    return true;
  }

  Runtime runtime_;
  net::CurlTransportOptions options_;

 private:
  std::shared_ptr<net::HttpTransport> transport_;
};

}  // namespace rwp::tests
