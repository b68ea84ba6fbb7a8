#pragma once

#include "support/scripted_server.hpp"
#include <rwp/analytics/event.hpp>
#include <rwp/analytics_ga4/ga4_sink.hpp>

#include <functional>
#include <mutex>
#include <string>
#include <vector>

namespace rwp::tests {

/// Google's collector on loopback: takes requests, and gives back the events that were in them.
/// Threads: safe to share.
class FakeGa4 {
 public:
  /// What to answer to the n-th request (from 0), with whose events it is settled by the status;
  /// unset: 204.
  using Answer = std::function<std::string(int number)>;

  explicit FakeGa4(Answer answer = Answer());

  /// A sink that reaches it, a minute after sample_event().
  analytics::Ga4SinkOptions options() const;

  /// The bodies of the requests that were answered with 2xx, in order of arrival.
  std::vector<std::string> bodies() const;
  /// Line and header of the last request.
  std::string last_head() const;
  int requests() const;
  std::vector<analytics::Event> events() const;

 private:
  std::string answer(const std::string& request);

  mutable std::mutex mutex_;
  const Answer answer_;
  int requests_ = 0;
  std::string last_head_;
  std::vector<std::string> bodies_;
  ScriptedServer server_;
};

}  // namespace rwp::tests
