#include "ai_openai/chat_stream.hpp"

#include <rwp/core/json_text.hpp>

#include <utility>

namespace rwp::ai_openai {
namespace {

std::string_view text_of(JsonView object, std::string_view name) {
  const auto member = object.find(name);
  return member ? member->as_string().value_or(std::string_view()) : std::string_view();
}

Wrong wrong(std::string why) { return {std::move(why)}; }

}  // namespace

Read<std::string> ChatStream::take(std::string_view event_name, std::string data) {
  if (done_) return std::string();
  if (data.starts_with("[DONE]")) {
    done_ = true;
    return std::string();
  }
  auto text = JsonText::parse(std::move(data));
  if (!text) return wrong("an event is not JSON: " + text.error().message());
  const JsonDocument document(*text);
  const JsonView root = document.root();
  if (root.kind() != JsonKind::object) return wrong("an event is not an object");
  if (auto said = find_server_error(root)) return Wrong(std::move(*said));
  if (event_name == "error") {
    ServerError said;
    said.message = text_of(root, "message");
    return Wrong(std::move(said));
  }
  if (reply_.id.empty()) reply_.id = text_of(root, "id");
  if (reply_.model.empty()) reply_.model = text_of(root, "model");
  if (const auto tier = text_of(root, "service_tier"); !tier.empty()) reply_.service_tier = tier;
  // Before the choices: the last event has the usage and no choice.
  if (auto usage = read_usage(root)) usage_ = *usage;
  const auto choices = root.find("choices");
  if (!choices || choices->is_null()) {
    if (root.find("usage")) return std::string();
    return wrong("an event has neither choices nor usage");
  }
  if (choices->kind() != JsonKind::array) return wrong("choices of an event is not an array");
  std::string piece;
  for (std::size_t i = 0; i < choices->size(); ++i) {
    const JsonView choice = choices->at(i);
    const auto index = choice.find("index");
    if (index && index->as_int64() != 0) continue;
    auto taken = take_choice(choice);
    if (std::holds_alternative<Wrong>(taken)) return taken;
    piece += std::get<std::string>(taken);
  }
  return piece;
}

Read<std::string> ChatStream::take_choice(JsonView choice) {
  if (text_of(choice, "finish_reason") == "error") return wrong("the server ended with an error");
  if (auto reason = read_finish_reason(choice)) finish_reason_ = reason;
  const auto delta = choice.find("delta");
  if (!delta || delta->is_null()) return std::string();
  if (delta->kind() != JsonKind::object) return wrong("delta of an event is not an object");
  const auto content = delta->find("content");
  if (content && !content->is_null() && !content->as_string()) {
    return wrong("delta.content of an event is not a string");
  }
  std::string piece(text_of(*delta, "content"));
  if (const auto refusal = text_of(*delta, "refusal"); !refusal.empty()) {
    refused_ = true;
    piece += refusal;
  }
  if (reply_.content.size() + piece.size() > max_content_bytes_) {
    return wrong("the content is larger than " + std::to_string(max_content_bytes_) + " bytes");
  }
  reply_.content += piece;
  return piece;
}

Read<ai::ChatReply> ChatStream::finish() {
  if (!finish_reason_ && !done_) return wrong("the stream ended without a finish_reason");
  reply_.finish_reason = finish_reason_.value_or(ai::FinishReason::stop);
  if (refused_) reply_.finish_reason = ai::FinishReason::refusal;
  reply_.usage = usage_.value_or(ai::TokenUsage());
  return std::move(reply_);
}

}  // namespace rwp::ai_openai
