#include <rwp/analytics/sessions.hpp>

#include <algorithm>
#include <cstdint>

namespace rwp::analytics {

void Sessions::stamp(Event& event) {
  // Tenants' clients are told apart, also where their ids are the same.
  const std::string client = event.tenant + '\0' + event.client_id;
  const auto known = by_client_.find(client);
  std::chrono::milliseconds engaged{1};
  if (known == by_client_.end()) {
    if (visits_.size() >= std::max<std::size_t>(options_.clients, 1)) {
      by_client_.erase(visits_.back().client);
      visits_.pop_back();
    }
    visits_.push_front({.client = client});
    by_client_.emplace(client, visits_.begin());
  } else {
    visits_.splice(visits_.begin(), visits_, known->second);
  }
  Visit& visit = visits_.front();
  const bool goes_on = !visit.id.empty() && event.time - visit.last <= options_.idle &&
                       (event.session_id.empty() || event.session_id == visit.id);
  if (goes_on) {
    const auto since = std::chrono::floor<std::chrono::milliseconds>(event.time - visit.last);
    engaged = std::max(engaged, since);
  } else {
    const auto began = std::chrono::floor<std::chrono::seconds>(event.time.time_since_epoch());
    visit.id = event.session_id.empty() ? std::to_string(began.count()) : event.session_id;
  }
  visit.last = goes_on ? std::max(visit.last, event.time) : event.time;
  event.session_id = visit.id;
  if (event.parameters.size() < kMaxParameters) {
    event.parameters.emplace(kEngagementParameter, std::int64_t{engaged.count()});
  }
}

}  // namespace rwp::analytics
