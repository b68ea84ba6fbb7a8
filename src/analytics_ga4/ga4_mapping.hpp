#pragma once

#include <rwp/analytics/event.hpp>

namespace rwp::analytics {

/// The event as Google's reports know it: the platform's own types under the recommended names,
/// with the parameters that these have (docs/analytics.md, "Names at Google"). What is no event of
/// the platform is answered as it is. The id and all other fields stay.
Event to_google_names(Event event);

}  // namespace rwp::analytics
