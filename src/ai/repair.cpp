#include "ai/repair.hpp"

#include <rwp/ai/answer_fault.hpp>

#include <utility>

namespace rwp::ai {

void add_usage(TokenUsage& sum, const TokenUsage& more) {
  sum.input_tokens += more.input_tokens;
  sum.output_tokens += more.output_tokens;
  sum.cached_input_tokens += more.cached_input_tokens;
  sum.reasoning_tokens += more.reasoning_tokens;
  sum.cache_write_tokens += more.cache_write_tokens;
}

void ask_for_repair(ChatRequest& request, std::string answer, const Error& why) {
  if (answer.empty()) answer = "(no text)";
  request.messages.push_back({Role::assistant, std::move(answer)});
  request.messages.push_back(
      {Role::user, "This answer cannot be used: " + why.message() +
                       ". Answer again with the corrected JSON alone, as the schema has it."});
}

Error misfit(const std::string& model, const Error& why) {
  return with_fault(
      Error(Errc::corrupt, model + " gave no answer that fits the schema").with_cause(why),
      AnswerFault::misfit);
}

}  // namespace rwp::ai
