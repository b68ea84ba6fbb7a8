#include "pods/openai_reply.hpp"

#include <rwp/core/json_writer.hpp>
#include <rwp/core/uuid.hpp>

#include <algorithm>
#include <array>
#include <bit>
#include <chrono>
#include <utility>

namespace rwp::pods {
namespace {

constexpr std::string_view kOwner = "rwp";

void write_usage(JsonWriter& out, const ai::TokenUsage& usage) {
  out.begin_object();
  out.member("prompt_tokens", usage.input_tokens);
  out.member("completion_tokens", usage.output_tokens);
  out.member("total_tokens", usage.input_tokens + usage.output_tokens);
  out.key("prompt_tokens_details").begin_object();
  out.member("cached_tokens", usage.cached_input_tokens).member("audio_tokens", 0);
  out.end_object();
  out.key("completion_tokens_details").begin_object();
  out.member("reasoning_tokens", usage.reasoning_tokens).member("audio_tokens", 0);
  out.member("accepted_prediction_tokens", 0).member("rejected_prediction_tokens", 0);
  out.end_object();
  out.end_object();
}

void write_head(JsonWriter& out, const CompletionHead& head, std::string_view object) {
  out.member("id", head.id);
  out.member("object", object);
  out.member("created", head.created);
  out.member("model", head.model);
}

std::string event(JsonWriter& out) { return "data: " + out.finish().release() + "\n\n"; }

void write_model(JsonWriter& out, std::string_view name, std::int64_t created) {
  out.begin_object();
  out.member("id", name).member("object", "model").member("created", created);
  out.member("owned_by", kOwner);
  out.end_object();
}

}  // namespace

CompletionHead make_completion_head(std::string model) {
  CompletionHead head;
  std::string digits = Uuid::make_v7().to_string();
  digits.erase(std::remove(digits.begin(), digits.end(), '-'), digits.end());
  head.id = "chatcmpl-" + digits;
  head.created = std::chrono::duration_cast<std::chrono::seconds>(
                     std::chrono::system_clock::now().time_since_epoch())
                     .count();
  head.model = std::move(model);
  return head;
}

std::string_view finish_reason_text(ai::FinishReason reason) noexcept {
  switch (reason) {
    case ai::FinishReason::length:
      return "length";
    case ai::FinishReason::content_filter:
      return "content_filter";
    case ai::FinishReason::tool_calls:
      return "tool_calls";
    case ai::FinishReason::stop:
    case ai::FinishReason::refusal:
      break;
  }
  return "stop";
}

JsonText chat_completion_json(const CompletionHead& head, const ai::ChatReply& reply) {
  const bool refused = reply.finish_reason == ai::FinishReason::refusal;
  JsonWriter out;
  out.begin_object();
  write_head(out, head, "chat.completion");
  out.key("choices").begin_array().begin_object();
  out.member("index", 0);
  out.key("message").begin_object();
  out.member("role", "assistant");
  out.key("content");
  if (refused) {
    out.null();
  } else {
    out.value(reply.content);
  }
  out.key("refusal");
  if (refused) {
    out.value(reply.content);
  } else {
    out.null();
  }
  out.key("annotations").begin_array().end_array();
  out.end_object();
  out.key("logprobs").null();
  out.member("finish_reason", finish_reason_text(reply.finish_reason));
  out.end_object().end_array();
  out.key("usage");
  write_usage(out, reply.usage);
  out.end_object();
  return out.finish();
}

ChunkWriter::ChunkWriter(CompletionHead head, bool with_usage)
    : head_(std::move(head)), with_usage_(with_usage) {}

std::string ChunkWriter::role() const {
  JsonWriter out;
  out.begin_object();
  write_head(out, head_, "chat.completion.chunk");
  out.key("choices").begin_array().begin_object().member("index", 0);
  out.key("delta").begin_object();
  out.member("role", "assistant").member("content", "").key("refusal").null();
  out.end_object();
  out.key("logprobs").null().key("finish_reason").null();
  out.end_object().end_array();
  if (with_usage_) out.key("usage").null();
  out.end_object();
  return event(out);
}

std::string ChunkWriter::delta(std::string_view name, std::string_view text) const {
  JsonWriter out;
  out.begin_object();
  write_head(out, head_, "chat.completion.chunk");
  out.key("choices").begin_array().begin_object().member("index", 0);
  out.key("delta").begin_object().member(name, text).end_object();
  out.key("logprobs").null().key("finish_reason").null();
  out.end_object().end_array();
  if (with_usage_) out.key("usage").null();
  out.end_object();
  return event(out);
}

std::string ChunkWriter::content(std::string_view piece) const { return delta("content", piece); }
std::string ChunkWriter::refusal(std::string_view text) const { return delta("refusal", text); }

std::string ChunkWriter::finish(std::string_view reason) const {
  JsonWriter out;
  out.begin_object();
  write_head(out, head_, "chat.completion.chunk");
  out.key("choices").begin_array().begin_object().member("index", 0);
  out.key("delta").begin_object().end_object();
  out.key("logprobs").null().member("finish_reason", reason);
  out.end_object().end_array();
  if (with_usage_) out.key("usage").null();
  out.end_object();
  return event(out);
}

std::string ChunkWriter::usage(const ai::TokenUsage& usage) const {
  JsonWriter out;
  out.begin_object();
  write_head(out, head_, "chat.completion.chunk");
  out.key("choices").begin_array().end_array();
  out.key("usage");
  write_usage(out, usage);
  out.end_object();
  return event(out);
}

std::string ChunkWriter::done() { return "data: [DONE]\n\n"; }

std::string ChunkWriter::error(const OpenAiError& error) {
  return "data: " + openai_error_json(error).release() + "\n\n";
}

std::string ChunkWriter::error(const OpenAiError& error, ai::WireApi api) {
  if (api == ai::WireApi::chat_completions) return ChunkWriter::error(error);
  JsonWriter out;
  out.begin_object();
  out.member("type", "error").member("code", error.code).member("message", error.message);
  out.key("param").null();
  out.end_object();
  return "event: error\n" + event(out);
}

std::string ChunkWriter::ping() { return ": ping\n\n"; }

std::string base64_of(const std::vector<float>& vector) {
  constexpr std::string_view kDigits =
      "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
  std::string bytes;
  bytes.reserve(vector.size() * 4);
  for (const float number : vector) {
    const auto bits = std::bit_cast<std::uint32_t>(number);
    for (unsigned shift = 0; shift < 32; shift += 8) {
      bytes.push_back(static_cast<char>((bits >> shift) & 0xFFU));
    }
  }
  std::string text;
  text.reserve((bytes.size() + 2) / 3 * 4);
  for (std::size_t at = 0; at < bytes.size(); at += 3) {
    const std::size_t count = std::min<std::size_t>(3, bytes.size() - at);
    std::uint32_t group = 0;
    for (std::size_t i = 0; i < 3; ++i) {
      group = (group << 8U) | (i < count ? static_cast<unsigned char>(bytes[at + i]) : 0U);
    }
    for (std::size_t i = 0; i < 4; ++i) {
      text.push_back(i <= count ? kDigits[(group >> (18U - 6U * i)) & 0x3FU] : '=');
    }
  }
  return text;
}

JsonText embeddings_json(const ai::EmbedReply& reply, bool base64) {
  JsonWriter out;
  out.begin_object();
  out.member("object", "list");
  out.key("data").begin_array();
  for (std::size_t i = 0; i < reply.vectors.size(); ++i) {
    out.begin_object().member("object", "embedding").member("index", static_cast<std::uint64_t>(i));
    out.key("embedding");
    if (base64) {
      out.value(base64_of(reply.vectors[i]));
    } else {
      out.begin_array();
      for (const float number : reply.vectors[i]) out.value(static_cast<double>(number));
      out.end_array();
    }
    out.end_object();
  }
  out.end_array();
  out.member("model", reply.model);
  out.key("usage").begin_object();
  out.member("prompt_tokens", reply.usage.input_tokens);
  out.member("total_tokens", reply.usage.input_tokens);
  out.end_object();
  out.end_object();
  return out.finish();
}

JsonText model_json(std::string_view name, std::int64_t created) {
  JsonWriter out;
  write_model(out, name, created);
  return out.finish();
}

JsonText model_list_json(const std::vector<std::string>& names, std::int64_t created) {
  JsonWriter out;
  out.begin_object().member("object", "list");
  out.key("data").begin_array();
  for (const auto& name : names) write_model(out, name, created);
  out.end_array().end_object();
  return out.finish();
}

}  // namespace rwp::pods
