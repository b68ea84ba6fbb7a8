#pragma once

#include <rwp/ai/model.hpp>
#include <rwp/core/error.hpp>

#include <string>

namespace rwp::ai {

void add_usage(TokenUsage& sum, const TokenUsage& more);

/// Puts an answer that cannot be used, and why, behind the request's messages.
void ask_for_repair(ChatRequest& request, std::string answer, const Error& why);

/// `Errc::corrupt` (AnswerFault::misfit): not even the repaired answer fits.
Error misfit(const std::string& model, const Error& why);

}  // namespace rwp::ai
