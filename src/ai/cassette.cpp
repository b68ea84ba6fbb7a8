#include "ai/cassette.hpp"

#include <rwp/core/describe.hpp>

#include <chrono>
#include <cstdint>
#include <optional>
#include <tuple>
#include <utility>
#include <vector>

namespace rwp::ai {
namespace {

struct KeptMessage {
  int role = 0;
  std::string content{};
  static constexpr auto describe() {
    return std::tuple{field("role", &KeptMessage::role), field("content", &KeptMessage::content)};
  }
};

struct KeptCall {
  std::string id{};
  std::string name{};
  std::string arguments{};
  static constexpr auto describe() {
    return std::tuple{field("id", &KeptCall::id), field("name", &KeptCall::name),
                      field("arguments", &KeptCall::arguments)};
  }
};

struct KeptReply {
  std::string content{};
  std::string model{};
  int finish_reason = 0;
  std::int64_t input_tokens = 0;
  std::int64_t output_tokens = 0;
  std::int64_t cached_input_tokens = 0;
  std::int64_t reasoning_tokens = 0;
  std::int64_t cache_write_tokens = 0;
  std::string id{};
  std::string service_tier{};
  std::vector<KeptCall> tool_calls{};
  JsonText logprobs{};
  JsonText extra_fields{};
  std::vector<std::vector<double>> vectors{};
  static constexpr auto describe() {
    return std::tuple{field("content", &KeptReply::content),
                      field("model", &KeptReply::model),
                      field("finish_reason", &KeptReply::finish_reason),
                      field("input_tokens", &KeptReply::input_tokens),
                      field("output_tokens", &KeptReply::output_tokens),
                      field("cached_input_tokens", &KeptReply::cached_input_tokens),
                      field("reasoning_tokens", &KeptReply::reasoning_tokens),
                      field("cache_write_tokens", &KeptReply::cache_write_tokens),
                      field("id", &KeptReply::id),
                      field("service_tier", &KeptReply::service_tier),
                      field("tool_calls", &KeptReply::tool_calls),
                      field("logprobs", &KeptReply::logprobs),
                      field("extra_fields", &KeptReply::extra_fields),
                      field("vectors", &KeptReply::vectors)};
  }
};

struct KeptError {
  int code = 0;
  std::string message{};
  bool retryable = false;
  std::optional<std::int64_t> retry_after_ms{};
  int fault = 0;
  static constexpr auto describe() {
    return std::tuple{field("code", &KeptError::code), field("message", &KeptError::message),
                      field("retryable", &KeptError::retryable),
                      field("retry_after_ms", &KeptError::retry_after_ms),
                      field("fault", &KeptError::fault)};
  }
};

struct KeptLine {
  int version = 1;
  std::string operation{};
  std::string key{};
  std::string model{};
  std::vector<KeptMessage> messages{};
  std::optional<KeptReply> reply{};
  std::optional<KeptError> error{};
  static constexpr auto describe() {
    return std::tuple{
        field("version", &KeptLine::version),   field("operation", &KeptLine::operation),
        field("key", &KeptLine::key),           field("model", &KeptLine::model),
        field("messages", &KeptLine::messages), field("reply", &KeptLine::reply),
        field("error", &KeptLine::error)};
  }
};

void keep_usage(KeptReply& kept, const TokenUsage& usage) {
  kept.input_tokens = usage.input_tokens;
  kept.output_tokens = usage.output_tokens;
  kept.cached_input_tokens = usage.cached_input_tokens;
  kept.reasoning_tokens = usage.reasoning_tokens;
  kept.cache_write_tokens = usage.cache_write_tokens;
}

TokenUsage usage_of(const KeptReply& kept) {
  TokenUsage usage;
  usage.input_tokens = kept.input_tokens;
  usage.output_tokens = kept.output_tokens;
  usage.cached_input_tokens = kept.cached_input_tokens;
  usage.reasoning_tokens = kept.reasoning_tokens;
  usage.cache_write_tokens = kept.cache_write_tokens;
  return usage;
}

KeptError keep(const Error& error) {
  KeptError kept;
  kept.code = static_cast<int>(error.code());
  kept.message = error.message();
  kept.retryable = error.retryable();
  if (error.retry_after()) kept.retry_after_ms = error.retry_after()->count();
  kept.fault = static_cast<int>(fault_of(error));
  return kept;
}

Error error_of(const KeptError& kept) {
  Error error(static_cast<Errc>(kept.code), kept.message);
  error = error.with_retryable(kept.retryable);
  if (kept.retry_after_ms) {
    error = error.with_retry_after(std::chrono::milliseconds(*kept.retry_after_ms));
  }
  return with_fault(error, static_cast<AnswerFault>(kept.fault));
}

KeptReply keep(const ChatReply& reply) {
  KeptReply kept;
  kept.content = reply.content;
  kept.model = reply.model;
  kept.finish_reason = static_cast<int>(reply.finish_reason);
  keep_usage(kept, reply.usage);
  kept.id = reply.id;
  kept.service_tier = reply.service_tier;
  kept.logprobs = reply.logprobs;
  kept.extra_fields = reply.extra_fields;
  for (const auto& call : reply.tool_calls) {
    kept.tool_calls.push_back({call.id, call.name, call.arguments});
  }
  return kept;
}

ChatReply chat_of(KeptReply kept) {
  ChatReply reply;
  reply.usage = usage_of(kept);
  reply.content = std::move(kept.content);
  reply.model = std::move(kept.model);
  reply.finish_reason = static_cast<FinishReason>(kept.finish_reason);
  reply.id = std::move(kept.id);
  reply.service_tier = std::move(kept.service_tier);
  reply.logprobs = std::move(kept.logprobs);
  reply.extra_fields = std::move(kept.extra_fields);
  for (auto& call : kept.tool_calls) {
    reply.tool_calls.push_back(
        {std::move(call.id), std::move(call.name), std::move(call.arguments)});
  }
  return reply;
}

EmbedReply embed_of(KeptReply kept) {
  EmbedReply reply;
  reply.usage = usage_of(kept);
  reply.model = std::move(kept.model);
  for (const auto& vector : kept.vectors) {
    reply.vectors.emplace_back(vector.begin(), vector.end());
  }
  return reply;
}

bool in_range(const KeptLine& line) {
  const bool reason =
      !line.reply || (line.reply->finish_reason >= 0 &&
                      line.reply->finish_reason <= static_cast<int>(FinishReason::tool_calls));
  const bool code = !line.error || (line.error->code > static_cast<int>(Errc::none) &&
                                    line.error->code <= static_cast<int>(Errc::internal));
  return reason && code && line.version == 1 && line.reply.has_value() != line.error.has_value();
}

}  // namespace

JsonText cassette_line(const std::string& key, const std::string& model, const ChatRequest& request,
                       const Result<ChatReply>& outcome) {
  KeptLine line;
  line.operation = "chat";
  line.key = key;
  line.model = model;
  for (const auto& message : request.messages) {
    line.messages.push_back({static_cast<int>(message.role), message.content});
  }
  if (outcome) {
    line.reply = keep(*outcome);
  } else {
    line.error = keep(outcome.error());
  }
  return encode(line);
}

JsonText cassette_line(const std::string& key, const std::string& model,
                       const EmbedRequest& request, const Result<EmbedReply>& outcome) {
  KeptLine line;
  line.operation = "embed";
  line.key = key;
  line.model = model;
  for (const auto& input : request.inputs) {
    line.messages.push_back({static_cast<int>(Role::user), input});
  }
  if (outcome) {
    KeptReply kept;
    kept.model = outcome->model;
    keep_usage(kept, outcome->usage);
    for (const auto& vector : outcome->vectors) {
      kept.vectors.emplace_back(vector.begin(), vector.end());
    }
    line.reply = std::move(kept);
  } else {
    line.error = keep(outcome.error());
  }
  return encode(line);
}

Result<CassetteEntry> read_cassette_line(const JsonText& text) {
  auto line = decode<KeptLine>(text);
  if (!line) return Error(Errc::corrupt, line.error().message());
  if (!in_range(*line)) return Error(Errc::corrupt, "it has neither a reply nor an error");
  CassetteEntry entry;
  entry.key = std::move(line->key);
  entry.embedding = line->operation == "embed";
  if (line->error) {
    const Error error = error_of(*line->error);
    entry.chat = error;
    entry.embed = error;
  } else if (entry.embedding) {
    entry.embed = embed_of(std::move(*line->reply));
  } else {
    entry.chat = chat_of(std::move(*line->reply));
  }
  return entry;
}

}  // namespace rwp::ai
