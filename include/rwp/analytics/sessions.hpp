#pragma once

#include <rwp/analytics/event.hpp>

#include <chrono>
#include <cstddef>
#include <list>
#include <string>
#include <unordered_map>
#include <utility>

namespace rwp::analytics {

struct SessionOptions {
  /// A visit ends when nothing has happened for so long.
  std::chrono::minutes idle{30};
  /// Clients whose visits are kept in mind; those that were seen longest ago go first. 1 or more.
  std::size_t clients = 100'000;
};

/// Tells visits apart, for events of clients that do not do it themselves: gives each event
/// `session_id` and `engagement_time_msec`, without which Google's reports show no activity.
///
/// A session's number is the second of 1970 at which it began. The time of engagement is that since
/// the session's last event, and 1 ms for its first; an event that has either already keeps it. An
/// event that tells of a time before its session's last one belongs to that session all the same.
/// Stamp an event once, when it is made: one that is delivered again must not change.
/// Threads: one at a time.
class Sessions {
 public:
  explicit Sessions(SessionOptions options = SessionOptions()) : options_(options) {}

  void stamp(Event& event);

 private:
  struct Visit {
    std::string client{};
    std::string id{};
    std::chrono::system_clock::time_point last{};
  };

  const SessionOptions options_;
  /// Seen last: in front.
  std::list<Visit> visits_;
  std::unordered_map<std::string, std::list<Visit>::iterator> by_client_;
};

}  // namespace rwp::analytics
