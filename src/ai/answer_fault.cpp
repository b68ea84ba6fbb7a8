#include <rwp/ai/answer_fault.hpp>

#include <array>
#include <string_view>
#include <utility>

namespace rwp::ai {
namespace {

struct Mark {
  AnswerFault fault;
  std::string_view text;
};

constexpr std::array<Mark, 7> kMarks{{
    {AnswerFault::refused, "the model refused"},
    {AnswerFault::filtered, "a content filter withheld the answer"},
    {AnswerFault::broken_off, "the answer had begun"},
    {AnswerFault::cut_off, "the answer was cut off at the token limit"},
    {AnswerFault::misfit, "the answer does not fit its schema"},
    {AnswerFault::context_too_long, "the request is longer than the model's context"},
    {AnswerFault::too_fast, "the traffic grew too fast"},
}};

}  // namespace

Error with_fault(Error error, AnswerFault fault) {
  for (const auto& mark : kMarks) {
    if (mark.fault != fault) continue;
    Error cause(error.code(), std::string(mark.text));
    if (error.cause() != nullptr) cause = cause.with_cause(*error.cause());
    return error.with_cause(std::move(cause));
  }
  return error;
}

AnswerFault fault_of(const Error& error) {
  for (const Error* cause = error.cause(); cause != nullptr; cause = cause->cause()) {
    for (const auto& mark : kMarks) {
      if (cause->message() == mark.text) return mark.fault;
    }
  }
  return AnswerFault::none;
}

Result<void> check_finish(const ChatReply& reply) {
  switch (reply.finish_reason) {
    case FinishReason::refusal:
      return with_fault(Error(Errc::permission_denied, reply.model + " refused to answer"),
                        AnswerFault::refused);
    case FinishReason::content_filter:
      return with_fault(
          Error(Errc::permission_denied, reply.model + " gave no answer for its content filter"),
          AnswerFault::filtered);
    case FinishReason::length:
      return with_fault(Error(Errc::invalid_argument, "the answer of " + reply.model +
                                                          " is not whole; allow more "
                                                          "max_output_tokens"),
                        AnswerFault::cut_off);
    case FinishReason::stop:
    case FinishReason::tool_calls:
      break;
  }
  return {};
}

}  // namespace rwp::ai
