#include "ai_openai/chat_stream.hpp"

#include <rwp/core/json_text.hpp>

#include <utility>

namespace rwp::ai_openai {
namespace {

constexpr std::size_t kMostToolCalls = 128;

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
  extras_.take_root(root);
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
  extras_.take_choice(choice);
  const auto delta = choice.find("delta");
  if (!delta || delta->is_null()) return std::string();
  if (delta->kind() != JsonKind::object) return wrong("delta of an event is not an object");
  const auto content = delta->find("content");
  if (content && !content->is_null() && !content->as_string()) {
    return wrong("delta.content of an event is not a string");
  }
  extras_.take_message(*delta);
  if (auto taken = take_calls(*delta); std::holds_alternative<Wrong>(taken)) return taken;
  std::string piece(text_of(*delta, "content"));
  if (const auto refusal = text_of(*delta, "refusal"); !refusal.empty()) {
    refused_ = true;
    piece += refusal;
  }
  if (reply_.content.size() + piece.size() + call_bytes_ + extras_.bytes() > max_content_bytes_) {
    return wrong("the content is larger than " + std::to_string(max_content_bytes_) + " bytes");
  }
  reply_.content += piece;
  return piece;
}

/// The pieces of several calls may come in turn. Where a server tells no index, one with an id
/// begins a call.
Read<std::string> ChatStream::take_calls(JsonView delta) {
  const auto list = delta.find("tool_calls");
  if (!list || list->kind() != JsonKind::array) return std::string();
  auto& calls = reply_.tool_calls;
  for (std::size_t i = 0; i < list->size(); ++i) {
    const JsonView item = list->at(i);
    const auto id = text_of(item, "id");
    const auto told = item.find("index");
    const auto index = told ? told->as_uint64() : std::nullopt;
    const std::size_t next =
        id.empty() && !calls.empty() && !index ? calls.size() - 1 : calls.size();
    const std::size_t at = index ? static_cast<std::size_t>(*index) : next;
    if (at > calls.size() || at >= kMostToolCalls) {
      return wrong("an event has a tool call out of its order, or too many");
    }
    if (at == calls.size()) calls.emplace_back();
    auto& call = calls[at];
    if (!id.empty()) call.id = id;
    const auto function = item.find("function");
    const auto named = function ? function : item.find("custom");
    if (!named) continue;
    if (const auto name = text_of(*named, "name"); !name.empty()) call.name = name;
    const auto arguments = text_of(*named, function ? "arguments" : "input");
    call.arguments += arguments;
    call_bytes_ += arguments.size();
  }
  return std::string();
}

Read<ai::ChatReply> ChatStream::finish() {
  if (!finish_reason_ && !done_) return wrong("the stream ended without a finish_reason");
  reply_.finish_reason = finish_reason_.value_or(ai::FinishReason::stop);
  for (const auto& call : reply_.tool_calls) {
    if (call.name.empty()) return wrong("the stream has a tool call without a name");
  }
  if (!reply_.tool_calls.empty() && reply_.finish_reason == ai::FinishReason::stop) {
    reply_.finish_reason = ai::FinishReason::tool_calls;
  }
  reply_.logprobs = extras_.logprobs();
  reply_.extra_fields = extras_.finish();
  if (refused_) reply_.finish_reason = ai::FinishReason::refusal;
  reply_.usage = usage_.value_or(ai::TokenUsage());
  return std::move(reply_);
}

}  // namespace rwp::ai_openai
