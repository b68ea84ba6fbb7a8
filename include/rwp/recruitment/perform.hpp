#pragma once

// Opt-in: a template over rwp/ai/extract.hpp.

#include <rwp/ai/extract.hpp>
#include <rwp/ai/model.hpp>
#include <rwp/recruitment/task.hpp>

#include <boost/asio/awaitable.hpp>

#include <memory>
#include <string>
#include <utility>

namespace rwp::recruitment {

/// Asks `model` and answers the settled output.
/// Errors: as ai::extract(). Lifetime: `task` outlives the call; it is a constant of the program.
template <class Input, class Output>
boost::asio::awaitable<Result<Output>> perform(const Task<Input, Output>& task,
                                               std::shared_ptr<ai::Model> model, Input input,
                                               CallOptions options) {
  ai::ChatRequest request;
  request.model = std::move(options.model);
  request.tenant = std::move(options.tenant);
  request.kind = std::string(task.kind);
  request.subject = std::move(options.subject);
  request.deadline = options.deadline;
  request.trace = options.trace;
  request.temperature = 0.0;
  request.max_output_tokens = task.max_output_tokens;
  request.messages.resize(2);
  request.messages[0].role = ai::Role::system;
  request.messages[0].content = std::string(task.prompt.text);
  request.messages[1].content = task.data(input).release();
  auto answer = co_await ai::extract_with_usage<typename Output::Answer>(std::move(model),
                                                                         std::move(request));
  if (!answer) co_return answer.error();
  Provenance provenance;
  provenance.model = std::move(answer->model);
  provenance.prompt = task.prompt.label();
  provenance.prompt_digest = task.prompt_digest();
  co_return task.settle(input, std::move(answer->value), std::move(provenance));
}

}  // namespace rwp::recruitment
