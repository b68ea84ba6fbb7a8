#pragma once

#include <rwp/pods/pod.hpp>

namespace rwp::pods {

/// Runs the store's jobs: enriches adverts, parses CVs and scores matches with the model, stores
/// what was found, delivers the events. Serves health alone. A stop lets runs end within the grace,
/// then gives their jobs back; no attempt is burned.
int run_worker_pod(PodProcess& pod);

}  // namespace rwp::pods
