#pragma once

#include <rwp/ai/model.hpp>
#include <rwp/core/error.hpp>

#include <cstdint>
#include <string>

namespace rwp::ai {

/// Why there is no usable answer, where the code of an Error alone does not tell.
enum class AnswerFault : std::uint8_t {
  none,
  refused,           ///< The model declined (permission_denied).
  filtered,          ///< A content filter withheld the answer (permission_denied).
  broken_off,        ///< It broke off within; what had come may be charged (unavailable, …).
  cut_off,           ///< The token limit came before the end (invalid_argument).
  misfit,            ///< It does not fit its schema, also after a repair (corrupt).
  context_too_long,  ///< The request does not fit the model (invalid_argument).
  too_fast,          ///< Traffic grew faster than the upstream bears (rate_limited, unavailable).
};

/// Marks an error; the mark is kept in its causes.
Error with_fault(Error error, AnswerFault fault);

/// What with_fault() said, also of an error's causes.
AnswerFault fault_of(const Error& error);

/// The error of an answer that ended otherwise than well; success for FinishReason::stop and
/// tool_calls.
Result<void> check_finish(const ChatReply& reply);

}  // namespace rwp::ai
