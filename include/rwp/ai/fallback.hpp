#pragma once

#include <rwp/ai/model.hpp>

#include <memory>
#include <vector>

namespace rwp::ai {

/// Asks the members in order until one answers; the reply's `model` says which.
///
/// The next member is asked after an error that a retry may cure, and after unsupported,
/// budget_exceeded and corrupt (an answer that is none). Other errors (invalid_argument,
/// unauthenticated, cancelled, deadline_exceeded, …) end the call: another model would not help, or
/// there is no time left. A stream goes to the next member only while no piece has been handed out.
/// A member after the first gets the request without `ChatRequest::model`: it uses its own default.
/// Vectors of different models do not compare; members that embed must use one model.
/// When all fail, the error names each member and what it answered, has the code of the first error
/// that a retry may cure (else of the last), and the shortest `retry_after`.
/// Each member keeps its own retries, limits and prices beneath this.
/// `members` is not empty and holds no null (asserted).
std::shared_ptr<Model> make_fallback(std::vector<std::shared_ptr<Model>> members);

}  // namespace rwp::ai
