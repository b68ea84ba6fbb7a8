#include "ai_openai/adapt.hpp"

#include <string_view>

namespace rwp::ai_openai {
namespace {

/// Whether the server's words are about the parameter: by `param`, else by its name in the message.
bool is_about(const ServerError& said, std::string_view parameter) {
  if (!said.param.empty()) {
    const std::string_view param = said.param;
    return param == parameter || (param.starts_with(parameter) && param.size() > parameter.size() &&
                                  param[parameter.size()] == '.');
  }
  return said.message.find(parameter) != std::string::npos;
}

bool flip(bool& flag) {
  if (flag) return false;
  flag = true;
  return true;
}

}  // namespace

bool learn(Avoid& avoid, int status, const ServerError& said) {
  if (status != 400 && status != 422) return false;
  if (said.code == "invalid_json_schema") return flip(avoid.strict_schema);
  const bool unsupported = said.code == "unsupported_parameter" ||
                           said.code == "unsupported_value" || said.code == "unknown_parameter";
  // Compatible servers often have no such code; then only a parameter that is named counts.
  if (!unsupported && said.param.empty()) return false;
  if (is_about(said, "temperature")) return flip(avoid.temperature);
  if (is_about(said, "max_completion_tokens")) return flip(avoid.max_completion_tokens);
  if (is_about(said, "reasoning_effort")) return flip(avoid.reasoning_effort);
  if (is_about(said, "stream_options")) return flip(avoid.stream_options);
  if (is_about(said, "response_format")) return flip(avoid.strict_schema);
  return false;
}

}  // namespace rwp::ai_openai
