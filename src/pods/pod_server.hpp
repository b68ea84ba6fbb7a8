#pragma once

#include <rwp/core/async.hpp>
#include <rwp/core/error.hpp>
#include <rwp/core/runtime.hpp>
#include <rwp/observability/log.hpp>
#include <rwp/observability/metrics.hpp>
#include <rwp/pods/configuration.hpp>
#include <rwp/server/health.hpp>
#include <rwp/server/router.hpp>
#include <rwp/server/server.hpp>

#include <atomic>
#include <memory>
#include <string>
#include <vector>

namespace rwp::pods {

/// A pod's two servers: the role's routes, and health and metrics, on a port of their own when the
/// configuration names one. Threads: the main thread. Lifetime: the runtimes outlive it.
class PodServer {
 public:
  /// What the servers are made with.
  struct Parts {
    std::vector<Runtime*> io{};
    server::Router router{};
    std::vector<server::Dependency> dependencies{};
    observability::Logger log{};
    std::shared_ptr<observability::Metrics> metrics{};
    /// May be null.
    std::shared_ptr<observability::SpanExporter> spans{};
  };

  static Result<std::unique_ptr<PodServer>> start(const Configuration& configuration, Parts parts);

  /// "127.0.0.1:3000", with the port that was taken; and, after ", metrics on ", the other.
  const std::string& address() const noexcept { return address_; }
  /// Begins the drain and returns; again: at once.
  void drain();
  /// Whether what was in flight has ended; waits for that until `deadline`. The health port answers
  /// until this object goes.
  bool wait_drained(SteadyTime deadline);

 private:
  PodServer() = default;

  // The health routes ask whether it drains, and outlive no server.
  std::shared_ptr<std::atomic<bool>> draining_ = std::make_shared<std::atomic<bool>>(false);
  std::unique_ptr<server::Server> main_;
  std::unique_ptr<server::Server> health_;
  std::string address_;
};

}  // namespace rwp::pods
