#pragma once

#include <rwp/analytics/event.hpp>
#include <rwp/core/error.hpp>

#include <chrono>
#include <cstddef>
#include <string>
#include <vector>

namespace rwp::analytics {

/// The body of one request, and how many events are in it.
struct Ga4Request {
  std::string body{};
  std::size_t events = 0;
};

struct Ga4Plan {
  /// Of one client each, to be sent in their order; a request is of one user.
  std::vector<std::vector<Ga4Request>> groups{};
  std::size_t too_old = 0;
};

struct Ga4PlanOptions {
  std::chrono::system_clock::time_point now{};
  /// Under Google's names; see ga4_mapping.hpp.
  bool google_names = false;
  /// Ask for Google's strictest judgement, as validation does.
  bool enforce = false;
};

/// What to send for these events, which check_event() has let pass. A request has the events of one
/// client and user that share consent and user properties. `Errc::invalid_argument`: an event is
/// too large for a request.
Result<Ga4Plan> plan_ga4_requests(const std::vector<Event>& events, Ga4PlanOptions options);

}  // namespace rwp::analytics
