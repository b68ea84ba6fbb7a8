#include "ai_openai/wire_stream.hpp"

#include <rwp/ai/token_estimate.hpp>
#include <rwp/core/json_text.hpp>
#include <rwp/core/json_view.hpp>

#include <algorithm>
#include <utility>

namespace rwp::ai_openai {
namespace {

Wrong wrong(std::string why) { return Wrong(std::move(why)); }

std::string text_of(JsonView object, std::string_view name) {
  const auto member = object.find(name);
  return std::string(member ? member->as_string().value_or(std::string_view()) : "");
}

std::int64_t count_of(JsonView object, std::string_view name) {
  const auto member = object.find(name);
  return std::max<std::int64_t>(member ? member->as_int64().value_or(0) : 0, 0);
}

/// The event that brings nothing but the usage: an empty list of choices beside it.
bool is_usage_alone(std::string_view data) {
  const auto at = data.find("\"choices\"");
  if (at == std::string_view::npos || data.find("\"usage\"") == std::string_view::npos)
    return false;
  constexpr std::string_view kSpace = " \t";
  auto next = data.find_first_not_of(kSpace, at + 9);
  if (next == std::string_view::npos || data[next] != ':') return false;
  next = data.find_first_not_of(kSpace, next + 1);
  if (next == std::string_view::npos || data[next] != '[') return false;
  next = data.find_first_not_of(kSpace, next + 1);
  return next != std::string_view::npos && data[next] == ']';
}

ai::FinishReason reason_of(JsonView response) {
  if (text_of(response, "status") != "incomplete") return ai::FinishReason::stop;
  const auto details = response.find("incomplete_details");
  const bool filtered = details && text_of(*details, "reason") == "content_filter";
  return filtered ? ai::FinishReason::content_filter : ai::FinishReason::length;
}

/// What a response object tells; of its output the texts.
Read<ai::ChatReply> reply_of(JsonView response) {
  const std::string status = text_of(response, "status");
  if (status == "failed") {
    const auto said = find_server_error(response);
    return said ? Wrong(*said) : wrong("the response failed");
  }
  const auto output = response.find("output");
  if (!output || output->kind() != JsonKind::array) return wrong("output is not an array");
  ai::ChatReply reply;
  reply.id = text_of(response, "id");
  reply.model = text_of(response, "model");
  reply.service_tier = text_of(response, "service_tier");
  reply.finish_reason = reason_of(response);
  for (std::size_t i = 0; i < output->size(); ++i) {
    const JsonView item = output->at(i);
    if (text_of(item, "type") == "function_call" && reply.finish_reason == ai::FinishReason::stop) {
      reply.finish_reason = ai::FinishReason::tool_calls;
    }
    const auto content = item.find("content");
    for (std::size_t j = 0; content && j < content->size(); ++j) {
      if (content->kind() == JsonKind::array) reply.content += text_of(content->at(j), "text");
    }
  }
  const auto usage = response.find("usage");
  if (usage && usage->kind() == JsonKind::object) {
    reply.usage.input_tokens = count_of(*usage, "input_tokens");
    reply.usage.output_tokens = count_of(*usage, "output_tokens");
    if (const auto details = usage->find("input_tokens_details")) {
      reply.usage.cached_input_tokens = count_of(*details, "cached_tokens");
    }
    if (const auto details = usage->find("output_tokens_details")) {
      reply.usage.reasoning_tokens = count_of(*details, "reasoning_tokens");
    }
  }
  return reply;
}

}  // namespace

bool EventBlocks::feed(std::string_view bytes, std::vector<std::string>& blocks) {
  pending_ += bytes;
  std::size_t begin = 0;
  // An end of the line that the last bytes left open may complete a blank line now.
  std::size_t at = looked_ > 3 ? looked_ - 3 : 0;
  while (true) {
    const auto end = pending_.find('\n', at);
    if (end == std::string::npos) break;
    at = end + 1;
    const bool blank = pending_.compare(at, 1, "\n") == 0;
    const bool blank_crlf = pending_.compare(at, 2, "\r\n") == 0;
    if (!blank && !blank_crlf) continue;
    at += blank ? 1 : 2;
    blocks.push_back(pending_.substr(begin, at - begin));
    begin = at;
  }
  pending_.erase(0, begin);
  looked_ = pending_.size();
  return pending_.size() <= max_bytes_;
}

std::string EventBlocks::take_rest() {
  looked_ = 0;
  return std::exchange(pending_, std::string());
}

WireStream::Taken WireStream::take(std::string_view bytes) {
  Taken taken;
  if (bytes.size() > left_bytes_) {
    taken.wrong = wrong("the stream is too large");
    return taken;
  }
  left_bytes_ -= bytes.size();
  std::vector<std::string> blocks;
  const bool fits = blocks_.feed(bytes, blocks);
  for (auto& block : blocks) {
    if (done_ || taken.wrong) break;
    take_block(std::move(block), taken);
  }
  if (!fits && !taken.wrong) taken.wrong = wrong("an event is too large");
  return taken;
}

WireStream::Taken WireStream::take_end() {
  Taken taken;
  std::string rest = blocks_.take_rest();
  if (!done_ && !rest.empty()) take_block(std::move(rest) + "\n\n", taken);
  return taken;
}

void WireStream::take_block(std::string block, Taken& taken) {
  auto events = parser_.feed(block);
  if (!events) {
    taken.wrong = wrong(events.error().message());
    return;
  }
  if (events->empty()) return;  // A comment, by which the upstream only keeps the line open.
  if (events->size() > 1) {
    // Only a reader that ends lines at a lone carriage return sees the others.
    taken.wrong = wrong("an event holds another");
    return;
  }
  auto& event = events->front();
  const bool for_us =
      api_ == ai::WireApi::chat_completions && !wants_usage_ && is_usage_alone(event.data);
  const bool is_end = event.data == "[DONE]";
  auto read = api_ == ai::WireApi::responses && !is_end
                  ? take_response_event(event)
                  : chat_.take(event.type, std::move(event.data));
  if (auto* found = std::get_if<Wrong>(&read)) {
    taken.wrong = std::move(*found);
    return;
  }
  done_ = done_ || chat_.done();
  if (for_us) return;
  const auto& text = std::get<std::string>(read);
  // An event brings a token or more, also where it is none of the text (a tool's arguments).
  if (!is_end) {
    taken.tokens +=
        std::max<std::int64_t>(1, text.empty() ? 1 : ai::estimate_tokens(text).expected);
  }
  taken.bytes += block;
}

Read<std::string> WireStream::take_response_event(const net::SseEvent& event) {
  auto json = JsonText::parse(event.data);
  if (!json) return wrong("an event is not JSON");
  const JsonDocument document(*json);
  const JsonView root = document.root();
  const std::string type = text_of(root, "type");
  if (type.empty()) return wrong("an event has no type");
  if (type == "error") {
    ServerError said;
    said.message = text_of(root, "message");
    said.code = text_of(root, "code");
    return Wrong(std::move(said));
  }
  const bool last =
      type == "response.completed" || type == "response.incomplete" || type == "response.failed";
  if (last) {
    const auto response = root.find("response");
    if (!response) return wrong("the last event has no response");
    auto reply = reply_of(*response);
    if (auto* found = std::get_if<Wrong>(&reply)) return std::move(*found);
    response_ = std::get<ai::ChatReply>(std::move(reply));
    done_ = true;
    return std::string();
  }
  return type == "response.output_text.delta" ? text_of(root, "delta") : std::string();
}

Read<ai::ChatReply> WireStream::finish() {
  if (api_ == ai::WireApi::chat_completions) return chat_.finish();
  if (!response_) return wrong("the stream ended without a last event");
  return std::move(*response_);
}

Read<ai::ChatReply> read_response(std::string body) {
  auto json = JsonText::parse(std::move(body));
  if (!json) return wrong("it is not JSON");
  const JsonDocument document(*json);
  if (document.root().kind() != JsonKind::object) return wrong("it is not an object");
  return reply_of(document.root());
}

}  // namespace rwp::ai_openai
