#include "ai_openai/impl.hpp"
#include "ai_openai/reply_json.hpp"
#include "ai_openai/request_json.hpp"
#include "ai_openai/server_error.hpp"
#include "ai_openai/upstream.hpp"
#include <rwp/ai_openai/batch_api.hpp>
#include <rwp/core/json_view.hpp>
#include <rwp/core/json_writer.hpp>

#include <memory>
#include <string>
#include <utility>

namespace rwp::ai_openai {
namespace {

class ChatBatchFormat final : public ai::BatchFormat {
 public:
  explicit ChatBatchFormat(OpenAiOptions options) : options_(std::move(options)) {
    speaker_.host = "a batch";
    speaker_.key = options_.api_key;
  }

  std::string endpoint() const override { return "/v1/chat/completions"; }
  std::string default_model() const override { return options_.model; }

  JsonText request_body(const ai::ChatRequest& request) const override {
    if (request.wire) return wire_body(request);
    ChatForm form;
    form.model = request.model.empty() ? options_.model : request.model;
    form.reasoning_effort = options_.reasoning_effort;
    form.avoid = avoid_by_name(form.model);
    return chat_json(request, form);
  }

  Result<ai::ChatReply> read_answer(int status, const JsonText& body) const override {
    if (status != 200) {
      return to_error(speaker_, status, net::HttpHeaders(), read_server_error(body.view()));
    }
    auto read = read_chat(body.str());
    if (const auto* wrong = std::get_if<Wrong>(&read)) {
      if (const auto* said = std::get_if<ServerError>(wrong)) {
        return to_error(speaker_, net::HttpHeaders(), *said);
      }
      return broken_answer(speaker_, net::HttpHeaders(), std::get<std::string>(*wrong));
    }
    auto reply = std::get<ai::ChatReply>(std::move(read));
    // For a call that came so; others have no use for it.
    reply.wire = std::make_shared<const std::string>(body.str());
    return reply;
  }

 private:
  /// A limit that is none, beside which another is put to the call.
  static bool is_null_bound(std::string_view name, JsonView value) {
    return value.is_null() && (name == "max_completion_tokens" || name == "max_tokens");
  }

  /// As the caller wrote it, but for what a line may not say, and a limit that was put to it.
  static JsonText wire_body(const ai::ChatRequest& request) {
    const JsonDocument document(request.wire->body);
    JsonWriter out;
    out.begin_object().member("model", std::string_view(request.model));
    document.root().each_member([&](std::string_view name, JsonView value) {
      const bool is_ours = name == "model" || name == "stream" || name == "stream_options";
      if (!is_ours && !is_null_bound(name, value)) {
        out.member(name, value.text());
      }
      return true;
    });
    if (request.max_output_tokens > 0 && !request.wire->bounds_output) {
      out.member("max_completion_tokens", request.max_output_tokens);
    }
    out.end_object();
    return out.finish();
  }

  const OpenAiOptions options_;
  Speaker speaker_;
};

}  // namespace

Result<std::shared_ptr<const ai::BatchFormat>> make_openai_batch_format(OpenAiOptions options) {
  if (auto checked = check_options(options); !checked) return checked.error();
  if (options.model.empty()) {
    return Error(Errc::invalid_argument, "model: a batch needs one by name");
  }
  return std::shared_ptr<const ai::BatchFormat>(
      std::make_shared<ChatBatchFormat>(std::move(options)));
}

Result<std::shared_ptr<const ai::BatchFormat>> OpenAiModel::batch_format() const {
  return make_openai_batch_format(impl_->options());
}

}  // namespace rwp::ai_openai
