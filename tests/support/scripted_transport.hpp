#pragma once

#include <rwp/net/http_transport.hpp>

#include <deque>
#include <memory>
#include <string>
#include <utility>
#include <vector>

namespace rwp::tests {

/// Answers requests with what was put into it, in order; then `Errc::internal`.
class ScriptedTransport final : public net::HttpTransport {
 public:
  void answer(int status, net::HttpHeaders headers = net::HttpHeaders(), std::string body = "") {
    net::HttpResponse response;
    response.status = status;
    response.headers = std::move(headers);
    response.body = std::move(body);
    answers_.emplace_back(std::move(response));
  }
  void fail(Error error) { answers_.emplace_back(std::move(error)); }

  const std::vector<net::HttpRequest>& requests() const noexcept { return requests_; }

 private:
  class Exchange final : public net::HttpExchange {
   public:
    explicit Exchange(net::HttpResponse response) : response_(std::move(response)) {}
    const net::HttpResponseHead& head() const noexcept override { return response_; }
    boost::asio::awaitable<Result<std::string>> read() override {
      co_return std::exchange(response_.body, std::string());
    }

   private:
    net::HttpResponse response_;
  };

  boost::asio::awaitable<Result<std::unique_ptr<net::HttpExchange>>> do_open(
      net::HttpRequest request) override {
    requests_.push_back(std::move(request));
    if (answers_.empty()) co_return Error(Errc::internal, "nothing more to answer");
    auto next = std::move(answers_.front());
    answers_.pop_front();
    if (!next) co_return next.error();
    co_return std::make_unique<Exchange>(std::move(*next));
  }

  std::deque<Result<net::HttpResponse>> answers_;
  std::vector<net::HttpRequest> requests_;
};

}  // namespace rwp::tests
