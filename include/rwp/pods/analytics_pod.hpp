#pragma once

#include <rwp/pods/pod.hpp>

namespace rwp::pods {

/// Serves `/mp/collect` and `/debug/mp/collect` as Google Analytics 4 does, keeps what it accepts
/// in the job store, and forwards it to the sink that the configuration names.
int run_analytics_pod(PodProcess& pod);

}  // namespace rwp::pods
