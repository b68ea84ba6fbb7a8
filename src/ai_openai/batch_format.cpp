#include "ai_openai/impl.hpp"
#include "ai_openai/reply_json.hpp"
#include "ai_openai/request_json.hpp"
#include "ai_openai/server_error.hpp"
#include "ai_openai/upstream.hpp"
#include <rwp/ai_openai/batch_api.hpp>

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
    return std::get<ai::ChatReply>(std::move(read));
  }

 private:
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
