#include "net/curl_transfer.hpp"
#include <rwp/core/async.hpp>
#include <rwp/net/curl_transport.hpp>

#include <algorithm>
#include <array>
#include <chrono>
#include <utility>

namespace rwp::net {
namespace {

using observability::LogLevel;
using std::chrono::steady_clock;

/// The series of a transport, looked up once an outcome. Without Metrics it counts nothing.
class Series {
 public:
  explicit Series(std::shared_ptr<observability::Metrics> metrics) : metrics_(std::move(metrics)) {
    if (!metrics_) return;
    in_flight_ = &metrics_->gauge("rwp_http_client_in_flight", "HTTP exchanges under way.");
    seconds_ = &metrics_->histogram("rwp_http_client_seconds",
                                    "Duration of HTTP exchanges, bodies included.",
                                    observability::seconds_buckets());
  }

  void begun() {
    if (in_flight_ != nullptr) in_flight_->add(1);
  }
  void ended(const std::string& outcome, double seconds) {
    if (!metrics_) return;
    in_flight_->add(-1);
    seconds_->observe(seconds);
    metrics_
        ->counter("rwp_http_client_requests_total", "HTTP exchanges by status class or error.",
                  {{"outcome", outcome}})
        .add();
  }

 private:
  std::shared_ptr<observability::Metrics> metrics_;
  observability::Gauge* in_flight_ = nullptr;
  observability::Histogram* seconds_ = nullptr;
};

class CurlExchange final : public HttpExchange {
 public:
  CurlExchange(std::shared_ptr<CurlLoop> loop, std::shared_ptr<CurlTransfer> transfer)
      : loop_(std::move(loop)), transfer_(std::move(transfer)) {}
  ~CurlExchange() override {
    loop_->release_on_io_thread([transfer = std::move(transfer_)] { transfer->close(); });
  }

  const HttpResponseHead& head() const noexcept override { return transfer_->head(); }
  boost::asio::awaitable<Result<std::string>> read() override { return transfer_->read(); }

 private:
  const std::shared_ptr<CurlLoop> loop_;
  std::shared_ptr<CurlTransfer> transfer_;
};

class CurlTransport final : public HttpTransport {
 public:
  CurlTransport(Runtime& runtime, CurlTransportOptions options)
      : executor_(runtime.executor()),
        log_(std::move(options.log)),
        series_(std::make_shared<Series>(std::move(options.metrics))) {
    const auto in_bounds = [](std::size_t count) {
      return std::clamp<std::size_t>(count, 1, 10'000);
    };
    CurlLoopLimits limits;
    limits.connections_per_host = in_bounds(options.max_connections_per_host);
    limits.connections = in_bounds(options.max_connections);
    loop_ = CurlLoop::make(executor_, limits);
    settings_.http2 = options.http2;
    settings_.ca_file = std::move(options.ca_file);
    settings_.user_agent = options.user_agent.empty() ? "rwp/0.1.0" : std::move(options.user_agent);
  }

 private:
  boost::asio::awaitable<Result<std::unique_ptr<HttpExchange>>> do_open(
      HttpRequest request) override {
    auto transfer = std::make_shared<CurlTransfer>(loop_, handles_, executor_, std::move(request),
                                                   told_of_end());
    // Closes the transfer also when this coroutine is dropped.
    auto exchange = std::make_unique<CurlExchange>(loop_, transfer);
    series_->begun();
    if (auto begun = transfer->start(settings_); !begun) co_return begun.error();
    if (auto head = co_await transfer->wait_for_head(); !head) co_return head.error();
    co_return std::unique_ptr<HttpExchange>(std::move(exchange));
  }

  CurlTransfer::OnEnd told_of_end() const {
    return [series = series_, log = log_, begun = steady_clock::now()](const CurlTransfer& transfer,
                                                                       const Error* failure) {
      const std::chrono::duration<double> took = steady_clock::now() - begun;
      const int status = transfer.head().status;
      const std::string outcome = failure != nullptr ? std::string(to_string(failure->code()))
                                                     : std::to_string(status / 100) + "xx";
      series->ended(outcome, took.count());
      if (!log.enabled(LogLevel::debug)) return;
      log.debug("http exchange", {{"request", transfer.shown()},
                                  {"outcome", outcome},
                                  {"status", status},
                                  {"seconds", took.count()}});
    };
  }

  const boost::asio::any_io_executor executor_;
  const observability::Logger log_;
  const std::shared_ptr<Series> series_;
  std::shared_ptr<CurlLoop> loop_;
  const std::shared_ptr<CurlHandles> handles_ = std::make_shared<CurlHandles>();
  CurlSettings settings_;
};

}  // namespace

std::shared_ptr<HttpTransport> make_curl_transport(Runtime& runtime, CurlTransportOptions options) {
  return std::make_shared<CurlTransport>(runtime, std::move(options));
}

}  // namespace rwp::net
