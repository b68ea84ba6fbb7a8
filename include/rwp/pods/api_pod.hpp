#pragma once

#include <rwp/pods/pod.hpp>

namespace rwp::pods {

/// Serves `/v1/jobs…` and `/v1/queues…` on the job store; with `new_key`, makes a key and ends.
int run_api_pod(PodProcess& pod);

}  // namespace rwp::pods
