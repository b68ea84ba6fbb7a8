#pragma once

#include <rwp/pods/pod.hpp>

namespace rwp::pods {

/// Serves OpenAI's chat completions (also streamed), embeddings and models in front of the model
/// that the configuration names.
int run_ai_pod(PodProcess& pod);

}  // namespace rwp::pods
