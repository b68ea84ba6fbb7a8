#pragma once

#include "pods/event_forwarder.hpp"
#include <rwp/jobs/worker.hpp>

#include <memory>

namespace rwp::pods {

/// Lets the worker forward collected events (see collect_spool.hpp). A failure that may pass is
/// tried again, with a backoff of at most five minutes, for days.
void handle_collected_events(jobs::Worker& worker, std::shared_ptr<EventForwarder> forwarder);

}  // namespace rwp::pods
