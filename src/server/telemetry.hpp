#pragma once

#include "server/router_impl.hpp"
#include <rwp/server/server.hpp>

#include <boost/asio/any_io_executor.hpp>

#include <chrono>
#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace rwp::server {

/// One request, as it is logged, counted and traced.
struct RequestReport {
  /// Null: none that fits.
  const Route* route = nullptr;
  std::string method{};
  std::string path{};
  int status = 0;
  std::uint64_t bytes = 0;
  SteadyTime began{};
  std::chrono::steady_clock::duration waited{};
  std::string request_id{};
  std::string key_id{};
  std::string client_address{};
  observability::TraceContext trace{};
  observability::TraceContext parent{};
};

/// What one I/O thread tells about its connections and requests. Threads: confined to it.
class Telemetry {
 public:
  Telemetry(const ServerOptions& options, const Router::Impl& router,
            boost::asio::any_io_executor executor);

  void connection_opened() noexcept;
  void connection_closed() noexcept;
  void request_began() noexcept;
  void request_ended() noexcept;
  void finished(const RequestReport& report);
  void rejected(std::string_view reason);
  const observability::Logger& log() const noexcept { return options_.log; }

 private:
  struct Series {
    observability::Histogram* seconds = nullptr;
    /// By method and status.
    std::vector<std::pair<std::pair<std::string, int>, observability::Counter*>> counters{};
  };

  void count(const RequestReport& report, double seconds);
  void write_line(const RequestReport& report, double seconds);
  void export_span(const RequestReport& report, std::chrono::nanoseconds taken) const;

  const ServerOptions& options_;
  const boost::asio::any_io_executor executor_;
  /// Only within write_line(); a member for its memory.
  std::vector<observability::LogField> fields_;
  /// Whether lines that were gathered have their flush() on its way, which may outlive this.
  std::shared_ptr<bool> flush_comes_ = std::make_shared<bool>(false);
  observability::Gauge* connections_ = nullptr;
  observability::Gauge* in_flight_ = nullptr;
  /// By Route::index; the last for requests without a route.
  std::vector<Series> series_;
};

}  // namespace rwp::server
