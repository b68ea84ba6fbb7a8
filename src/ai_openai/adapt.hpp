#pragma once

#include "ai_openai/request_json.hpp"
#include "ai_openai/server_error.hpp"

namespace rwp::ai_openai {

/// Learns from a refusal (status 400 or 422) what the model wants to be spared. Whether something
/// was learnt, and so the call is worth repeating in another form.
bool learn(Avoid& avoid, int status, const ServerError& said);

}  // namespace rwp::ai_openai
