#pragma once

#include <rwp/ai/model.hpp>
#include <rwp/observability/metrics.hpp>

#include <memory>

namespace rwp::ai {

struct ValidatedOptions {
  /// Times that an answer which breaks its schema is sent back with the validator's message. 0
  /// to 3.
  int repairs = 1;
  /// `rwp_ai_repairs_total`. May be null.
  std::shared_ptr<observability::Metrics> metrics{};
};

/// Holds answers to the schemas that were asked for.
///
/// An answer that breaks its schema is sent back with the validator's message; its usage is added
/// to that of the next. What still breaks it is `Errc::corrupt` (AnswerFault::misfit). A refusal,
/// an answer withheld by a filter, and one cut off are errors of their own (see AnswerFault), at
/// once. A stream cannot be taken back: one that breaks its schema ends in the error. Requests
/// without a schema pass. Stands outside of the cache, so that a repair is a request like others.
std::shared_ptr<Model> make_validated(std::shared_ptr<Model> model,
                                      ValidatedOptions options = ValidatedOptions());

}  // namespace rwp::ai
