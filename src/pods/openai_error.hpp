#pragma once

#include <rwp/core/error.hpp>
#include <rwp/core/json_text.hpp>
#include <rwp/server/message.hpp>
#include <rwp/server/problem.hpp>

#include <string>

namespace rwp::pods {

/// A refusal as OpenAI words it, so that the official SDKs raise their typed errors.
struct OpenAiError {
  int status = 400;
  std::string message{};
  std::string type = "invalid_request_error";
  /// The argument's path ("messages[0].content"); empty: null.
  std::string param{};
  /// Empty: null.
  std::string code{};
  /// Seconds for `Retry-After`; 0: none.
  int retry_after_seconds = 0;
  /// Tells the SDKs, which would repeat a 5xx, that it is of no use.
  bool final = false;
};

/// What a model's failure means to the one who asked through the pod. What is the pod's own affair
/// (its key was refused, a defect) is told without its message.
OpenAiError to_openai_error(const Error& error);

/// {"error":{"message":…,"type":…,"param":…,"code":…}}.
JsonText openai_error_json(const OpenAiError& error);

server::Response openai_error_response(const OpenAiError& error);

/// The server's own refusals (401, 404, 405, 413, …) in the same words.
server::Response openai_problem(const server::Problem& problem);

}  // namespace rwp::pods
