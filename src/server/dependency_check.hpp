#pragma once

#include <rwp/core/async.hpp>
#include <rwp/server/health.hpp>

#include <boost/asio/awaitable.hpp>

#include <chrono>
#include <memory>
#include <mutex>
#include <optional>
#include <string>

namespace rwp::server {

/// What a probe found.
struct DependencyState {
  std::string name{};
  bool required = true;
  bool up = false;
  double seconds = 0;
  /// Why it is down.
  std::string error{};
};

/// Probes one dependency, at most once a while for however many who ask.
///
/// Threads: safe to share; a probe runs on the thread of the first who asks.
class DependencyCheck : public std::enable_shared_from_this<DependencyCheck> {
 public:
  DependencyCheck(Dependency dependency, std::chrono::milliseconds timeout,
                  std::chrono::milliseconds cache_for);

  /// The state that is known, or what a probe finds.
  boost::asio::awaitable<DependencyState> state();

 private:
  struct Probe;
  boost::asio::awaitable<void> run(std::shared_ptr<Probe> probe);
  boost::asio::awaitable<DependencyState> wait_for(std::shared_ptr<Probe> probe);
  std::string no_answer() const;

  const Dependency dependency_;
  const std::chrono::milliseconds timeout_;
  const std::chrono::milliseconds cache_for_;
  std::mutex mutex_;  // Guards what follows; never held across a wait.
  std::optional<DependencyState> known_;
  SteadyTime known_until_{};
  std::shared_ptr<Probe> in_flight_;
};

}  // namespace rwp::server
