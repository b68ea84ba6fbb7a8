#include "ai/decorator.hpp"
#include "ai/repair.hpp"
#include "ai/schema_judge.hpp"
#include <rwp/ai/answer_fault.hpp>
#include <rwp/ai/validated.hpp>

#include <algorithm>

namespace rwp::ai {
namespace {

using boost::asio::awaitable;

class ValidatedModel final : public Decorator {
 public:
  ValidatedModel(std::shared_ptr<Model> inner, ValidatedOptions options)
      : Decorator(std::move(inner)), options_(std::move(options)) {}

 private:
  awaitable<Result<ChatReply>> do_chat(ChatRequest request) override {
    if (!request.output_schema) return pass_chat(inner(), std::move(request));
    return held_to_schema(std::move(request));
  }

  awaitable<Result<ChatReply>> held_to_schema(ChatRequest request) {
    TokenUsage before;
    for (int repairs = 0;; ++repairs) {
      ChatRequest copy = request;
      auto reply = co_await pass_chat(inner(), std::move(copy));
      if (!reply) co_return reply;
      if (auto finished = check_finish(*reply); !finished) co_return finished.error();
      if (!reply->tool_calls.empty()) co_return reply;  // The answer comes after the calls.
      auto judged = judge_.judge(&*request.output_schema, reply->content);
      if (judged) {
        add_usage(reply->usage, before);
        co_return reply;
      }
      const Error why = judged.error();
      // A schema that cannot be judged is not the model's fault.
      if (why.code() == Errc::unsupported) co_return why;
      if (repairs >= std::clamp(options_.repairs, 0, 3)) co_return misfit(reply->model, why);
      count();
      if (reply->source == AnswerSource::model) add_usage(before, reply->usage);
      ask_for_repair(request, std::move(reply->content), why);
    }
  }

  awaitable<Result<ChatReply>> do_stream(ChatRequest request, OnDelta on_delta) override {
    if (!request.output_schema) {
      co_return co_await pass_stream(inner(), std::move(request), std::move(on_delta));
    }
    const OutputSchema wanted = *request.output_schema;
    auto reply = co_await pass_stream(inner(), std::move(request), std::move(on_delta));
    if (!reply) co_return reply;
    if (auto finished = check_finish(*reply); !finished) co_return finished.error();
    if (!reply->tool_calls.empty()) co_return reply;
    auto judged = judge_.judge(&wanted, reply->content);
    if (!judged) co_return misfit(reply->model, judged.error());
    co_return reply;
  }

  void count() {
    if (!options_.metrics) return;
    options_.metrics
        ->counter("rwp_ai_repairs_total", "AI answers that were sent back for their schema")
        .add();
  }

  const ValidatedOptions options_;
  SchemaJudge judge_;
};

}  // namespace

std::shared_ptr<Model> make_validated(std::shared_ptr<Model> model, ValidatedOptions options) {
  return std::make_shared<ValidatedModel>(std::move(model), std::move(options));
}

}  // namespace rwp::ai
