#include "ai_openai/reply_json.hpp"

#include "ai_openai/base64.hpp"
#include "ai_openai/member_sum.hpp"
#include <rwp/core/json_text.hpp>

#include <algorithm>
#include <array>
#include <bit>
#include <cmath>
#include <utility>

namespace rwp::ai_openai {
namespace {

constexpr std::size_t kMostModels = 10'000;
constexpr std::size_t kMostToolCalls = 128;
constexpr std::size_t kBytesPerToken = 4;
constexpr double kLengthTolerance = 1e-3;

/// The parsed body, or why there is none.
struct Body {
  std::optional<JsonDocument> document{};
  std::optional<Wrong> wrong{};
};

Body parse(std::string body) {
  Body parsed;
  auto text = JsonText::parse(std::move(body));
  if (!text) {
    parsed.wrong = Wrong(text.error().message());
    return parsed;
  }
  parsed.document.emplace(*text);
  if (auto said = find_server_error(parsed.document->root())) {
    parsed.wrong = Wrong(std::move(*said));
  } else if (parsed.document->root().kind() != JsonKind::object) {
    parsed.wrong = Wrong(std::string("the body is not an object"));
  }
  return parsed;
}

Wrong wrong(std::string why) { return {std::move(why)}; }

std::string text_of(JsonView object, std::string_view name) {
  const auto member = object.find(name);
  const auto text = member ? member->as_string() : std::nullopt;
  return text ? std::string(*text) : std::string();
}

std::int64_t count_of(std::optional<JsonView> object, std::string_view name) {
  const auto member = object ? object->find(name) : std::nullopt;
  const auto number = member ? member->as_int64() : std::nullopt;
  return std::max<std::int64_t>(number.value_or(0), 0);
}

/// The array under `name`; none for other kinds.
std::optional<JsonView> array_of(JsonView object, std::string_view name) {
  auto member = object.find(name);
  return member && member->kind() == JsonKind::array ? member : std::nullopt;
}

std::optional<std::vector<float>> read_numbers(JsonView list) {
  std::vector<float> numbers;
  numbers.reserve(list.size());
  for (std::size_t i = 0; i < list.size(); ++i) {
    const auto number = list.at(i).as_double();
    if (!number) return std::nullopt;
    numbers.push_back(static_cast<float>(*number));
  }
  return numbers;
}

/// Makes the length 1; false for what has none.
bool normalise(std::vector<float>& vector) {
  double squares = 0;
  for (const float value : vector) squares += static_cast<double>(value) * value;
  if (!std::isfinite(squares) || squares <= 0) return false;
  if (std::abs(squares - 1.0) <= kLengthTolerance) return true;
  const double length = std::sqrt(squares);
  for (float& value : vector) value = static_cast<float>(value / length);
  return true;
}

/// Puts one item of `data` where it belongs; says what is wrong with it.
std::optional<std::string> place_vector(JsonView item, std::size_t position,
                                        ai::EmbedReply& reply) {
  const auto told = item.find("index");
  const auto index = told ? told->as_uint64() : std::optional<std::uint64_t>(position);
  if (!index || *index >= reply.vectors.size()) return "data has an index beyond the inputs";
  auto& vector = reply.vectors[static_cast<std::size_t>(*index)];
  if (!vector.empty()) return "data has an index twice";
  const auto embedding = item.find("embedding");
  if (!embedding) return "data has an item without an embedding";
  std::optional<std::vector<float>> numbers;
  if (const auto text = embedding->as_string()) {
    numbers = decode_floats(*text);
  } else if (embedding->kind() == JsonKind::array) {
    numbers = read_numbers(*embedding);
  }
  if (!numbers || numbers->empty() || !normalise(*numbers)) {
    return "data has an embedding that is no vector";
  }
  vector = std::move(*numbers);
  return std::nullopt;
}

}  // namespace

std::optional<ai::TokenUsage> read_usage(JsonView document) {
  const auto usage = document.find("usage");
  if (!usage || usage->kind() != JsonKind::object) return std::nullopt;
  ai::TokenUsage read;
  read.input_tokens = count_of(usage, "prompt_tokens");
  read.output_tokens = count_of(usage, "completion_tokens");
  read.cached_input_tokens = count_of(usage->find("prompt_tokens_details"), "cached_tokens");
  read.cache_write_tokens = count_of(usage->find("prompt_tokens_details"), "cache_write_tokens");
  read.reasoning_tokens = count_of(usage->find("completion_tokens_details"), "reasoning_tokens");
  return read;
}

std::optional<ai::FinishReason> read_finish_reason(JsonView choice) {
  const std::string word = text_of(choice, "finish_reason");
  if (word.empty()) return std::nullopt;
  if (word == "length" || word == "max_tokens") return ai::FinishReason::length;
  if (word == "content_filter") return ai::FinishReason::content_filter;
  if (word == "tool_calls" || word == "function_call") return ai::FinishReason::tool_calls;
  return ai::FinishReason::stop;
}

ai::TokenUsage estimate_usage(std::size_t input_bytes, std::size_t output_bytes) noexcept {
  const auto tokens = [](std::size_t bytes) {
    return static_cast<std::int64_t>((bytes + kBytesPerToken - 1) / kBytesPerToken);
  };
  ai::TokenUsage usage;
  usage.input_tokens = tokens(input_bytes);
  usage.output_tokens = tokens(output_bytes);
  return usage;
}

std::optional<std::vector<float>> decode_floats(std::string_view base64) {
  const auto bytes = decode_base64(base64);
  if (!bytes || bytes->size() % 4 != 0) return std::nullopt;
  std::vector<float> floats;
  floats.reserve(bytes->size() / 4);
  for (std::size_t at = 0; at < bytes->size(); at += 4) {
    const auto byte = [&](std::size_t i) { return static_cast<std::uint32_t>((*bytes)[at + i]); };
    const std::uint32_t bits = byte(0) | byte(1) << 8U | byte(2) << 16U | byte(3) << 24U;
    floats.push_back(std::bit_cast<float>(bits));
  }
  return floats;
}

std::optional<std::vector<ai::ToolCall>> read_tool_calls(JsonView message) {
  std::vector<ai::ToolCall> calls;
  const auto list = array_of(message, "tool_calls");
  if (!list) return calls;
  if (list->size() > kMostToolCalls) return std::nullopt;
  for (std::size_t i = 0; i < list->size(); ++i) {
    const JsonView item = list->at(i);
    // Of a function, or of a custom tool, whose input is any text.
    const auto function = item.find("function");
    const auto named = function ? function : item.find("custom");
    if (!named || text_of(*named, "name").empty()) return std::nullopt;
    ai::ToolCall call;
    call.id = text_of(item, "id");
    call.name = text_of(*named, "name");
    call.arguments = text_of(*named, function ? "arguments" : "input");
    calls.push_back(std::move(call));
  }
  return calls;
}

Read<ai::ChatReply> read_chat(std::string body) {
  auto parsed = parse(std::move(body));
  if (parsed.wrong) return std::move(*parsed.wrong);
  const JsonView root = parsed.document->root();
  const auto choices = array_of(root, "choices");
  if (!choices || choices->size() == 0) return wrong("choices is missing or empty");
  const JsonView choice = choices->at(0);
  const auto message = choice.find("message");
  if (!message || message->kind() != JsonKind::object) {
    return wrong("choices[0].message is not an object");
  }
  ai::ChatReply reply;
  reply.id = text_of(root, "id");
  reply.model = text_of(root, "model");
  // A whole body that names no reason has ended; some servers leave it out.
  reply.finish_reason = read_finish_reason(choice).value_or(ai::FinishReason::stop);
  if (text_of(choice, "finish_reason") == "error") return wrong("the server ended with an error");
  auto calls = read_tool_calls(*message);
  if (!calls) return wrong("choices[0].message has a tool call without a name, or too many");
  reply.tool_calls = std::move(*calls);
  if (!reply.tool_calls.empty() && reply.finish_reason == ai::FinishReason::stop) {
    reply.finish_reason = ai::FinishReason::tool_calls;  // So said when the tool had been chosen.
  }
  const auto content = message->find("content");
  const std::string refusal = text_of(*message, "refusal");
  if (!refusal.empty()) {
    reply.finish_reason = ai::FinishReason::refusal;
    reply.content = refusal;
  } else if (content && content->as_string()) {
    reply.content = std::string(*content->as_string());
  } else if (content && !content->is_null()) {
    return wrong("choices[0].message.content is not a string");
  } else if (reply.finish_reason == ai::FinishReason::stop) {
    return wrong("choices[0].message has neither content nor a refusal");
  }
  reply.usage = read_usage(root).value_or(ai::TokenUsage());
  reply.service_tier = text_of(root, "service_tier");
  AnswerExtras extras;
  extras.take_root(root);
  extras.take_choice(choice);
  extras.take_message(*message);
  reply.logprobs = extras.logprobs();
  reply.extra_fields = extras.finish();
  return reply;
}

Read<ai::EmbedReply> read_embeddings(std::string body, std::size_t inputs,
                                     std::int64_t dimensions) {
  auto parsed = parse(std::move(body));
  if (parsed.wrong) return std::move(*parsed.wrong);
  const JsonView root = parsed.document->root();
  const auto data = array_of(root, "data");
  if (!data || data->size() != inputs) return wrong("data has not one item for each input");
  ai::EmbedReply reply;
  reply.vectors.resize(inputs);
  for (std::size_t i = 0; i < data->size(); ++i) {
    if (auto bad = place_vector(data->at(i), i, reply)) return wrong(std::move(*bad));
  }
  const std::size_t size =
      dimensions > 0 ? static_cast<std::size_t>(dimensions) : reply.vectors.front().size();
  const bool alike = std::all_of(reply.vectors.begin(), reply.vectors.end(),
                                 [size](const auto& vector) { return vector.size() == size; });
  if (!alike) return wrong("the vectors are not all of " + std::to_string(size) + " dimensions");
  reply.model = text_of(root, "model");
  reply.usage = read_usage(root).value_or(ai::TokenUsage());
  return reply;
}

Read<std::vector<ModelInfo>> read_models(std::string body) {
  auto parsed = parse(std::move(body));
  if (parsed.wrong) return std::move(*parsed.wrong);
  const auto data = array_of(parsed.document->root(), "data");
  if (!data) return wrong("data is not an array");
  if (data->size() > kMostModels) return wrong("data has more than 10000 models");
  std::vector<ModelInfo> models;
  for (std::size_t i = 0; i < data->size(); ++i) {
    ModelInfo info;
    info.id = text_of(data->at(i), "id");
    info.owned_by = text_of(data->at(i), "owned_by");
    if (info.id.empty()) return wrong("data has a model without an id");
    models.push_back(std::move(info));
  }
  return models;
}

}  // namespace rwp::ai_openai
