#pragma once

#include <rwp/ai/model.hpp>
#include <rwp/core/error.hpp>

namespace rwp::ai {

/// Judges what is asked of a chat; `Errc::invalid_argument` names the field and the rule.
Result<void> check_chat(const ChatRequest& request);

}  // namespace rwp::ai
