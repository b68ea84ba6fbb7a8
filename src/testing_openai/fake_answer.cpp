#include "testing_openai/fake_answer.hpp"

#include <rwp/core/json_writer.hpp>

#include <array>
#include <bit>
#include <cstdint>
#include <utility>

namespace rwp::testing {
namespace {

constexpr std::size_t kPieceBytes = 24;
constexpr std::int64_t kCreated = 1'760'000'000;
constexpr const char* kAnswerId = "chatcmpl-fake";

std::string_view reason_name(ai::FinishReason reason) {
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

void write_usage(JsonWriter& out, const ai::TokenUsage& usage) {
  out.begin_object();
  out.member("prompt_tokens", usage.input_tokens);
  out.member("completion_tokens", usage.output_tokens);
  out.member("total_tokens", usage.input_tokens + usage.output_tokens);
  out.key("prompt_tokens_details").begin_object();
  out.member("cached_tokens", usage.cached_input_tokens).end_object();
  out.key("completion_tokens_details").begin_object();
  out.member("reasoning_tokens", usage.reasoning_tokens).end_object();
  out.end_object();
}

void write_text(JsonWriter& out, const char* name, bool there, std::string_view text) {
  out.key(name);
  if (there) {
    out.value(text);
  } else {
    out.null();
  }
}

void write_head(JsonWriter& out, const ChatAnswer& answer, const char* object) {
  out.begin_object();
  out.member("id", kAnswerId);
  out.member("object", object);
  out.member("created", kCreated);
  out.member("model", std::string_view(answer.model));
}

std::string base64_floats(const std::vector<float>& vector) {
  constexpr std::string_view kDigits =
      "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
  std::string bytes;
  for (const float value : vector) {
    const auto bits = std::bit_cast<std::uint32_t>(value);
    for (unsigned shift = 0; shift < 32; shift += 8) {
      bytes += static_cast<char>((bits >> shift) & 0xFFU);
    }
  }
  std::string text;
  for (std::size_t at = 0; at < bytes.size(); at += 3) {
    std::uint32_t word = 0;
    for (std::size_t i = 0; i < 3; ++i) {
      const auto byte =
          at + i < bytes.size() ? static_cast<unsigned char>(bytes[at + i]) : std::uint8_t{0};
      word = (word << 8U) | byte;
    }
    for (std::size_t i = 0; i < 4; ++i) {
      const bool padding = at + i > bytes.size();
      text += padding ? '=' : kDigits[(word >> (18 - 6 * i)) & 0x3FU];
    }
  }
  return text;
}

/// A piece that ends where a character does.
std::string_view take_piece(std::string_view& rest) {
  std::size_t size = std::min(kPieceBytes, rest.size());
  while (size < rest.size() && (static_cast<unsigned char>(rest[size]) & 0xC0U) == 0x80U) ++size;
  const auto piece = rest.substr(0, size);
  rest.remove_prefix(size);
  return piece;
}

void write_calls(JsonWriter& out, const std::vector<ai::ToolCall>& calls) {
  out.key("tool_calls").begin_array();
  for (const auto& call : calls) {
    out.begin_object().member("id", std::string_view(call.id)).member("type", "function");
    out.key("function").begin_object().member("name", std::string_view(call.name));
    out.member("arguments", std::string_view(call.arguments)).end_object().end_object();
  }
  out.end_array();
}

void write_logprobs(JsonWriter& out, bool wanted, std::string_view token) {
  out.key("logprobs");
  if (!wanted) {
    out.null();
    return;
  }
  out.begin_object().key("content").begin_array();
  if (!token.empty()) {
    out.begin_object().member("token", token).member("logprob", 0);
    out.key("top_logprobs").begin_array().end_array().end_object();
  }
  out.end_array().key("refusal").null().end_object();
}

std::string event(JsonWriter& out) { return "data: " + out.finish().release() + "\n\n"; }

/// The beginning of a call, and then its arguments in pieces.
void add_call(std::vector<std::string>& events, const ChatAnswer& answer, std::size_t index) {
  const auto& call = answer.reply.tool_calls[index];
  std::string_view rest = call.arguments;
  for (bool first = true; first || !rest.empty(); first = false) {
    JsonWriter out;
    write_head(out, answer, "chat.completion.chunk");
    out.key("choices").begin_array().begin_object().member("index", 0);
    out.key("delta").begin_object().key("tool_calls").begin_array().begin_object();
    out.member("index", static_cast<std::uint64_t>(index));
    if (first) out.member("id", std::string_view(call.id)).member("type", "function");
    out.key("function").begin_object();
    if (first) out.member("name", std::string_view(call.name));
    out.member("arguments", first ? std::string_view() : take_piece(rest)).end_object();
    out.end_object().end_array().end_object().key("finish_reason").null();
    out.end_object().end_array().key("usage").null().end_object();
    events.push_back(event(out));
  }
}

}  // namespace

void spoil_reply(ai::ChatReply& reply, Fault fault) {
  if (fault == Fault::refusal) {
    reply.finish_reason = ai::FinishReason::refusal;
    reply.content = "I cannot help with that.";
  } else if (fault == Fault::length || fault == Fault::content_filter) {
    reply.finish_reason =
        fault == Fault::length ? ai::FinishReason::length : ai::FinishReason::content_filter;
    reply.content.resize(std::min<std::size_t>(reply.content.size(), 10));
  } else if (fault == Fault::misfit) {
    reply.content = R"({"surprise":true})";
  }
}

std::string completion_json(const ChatAnswer& answer) {
  const bool refused = answer.reply.finish_reason == ai::FinishReason::refusal;
  JsonWriter out;
  write_head(out, answer, "chat.completion");
  out.key("choices").begin_array().begin_object();
  out.member("index", 0);
  out.member("finish_reason", reason_name(answer.reply.finish_reason));
  write_logprobs(out, answer.logprobs, answer.reply.content);
  out.key("message").begin_object();
  out.member("role", "assistant");
  const bool calls = !answer.reply.tool_calls.empty();
  write_text(out, "content", !refused && !calls, answer.reply.content);
  if (calls) write_calls(out, answer.reply.tool_calls);
  write_text(out, "refusal", refused, answer.reply.content);
  out.end_object().end_object().end_array();
  out.key("usage");
  write_usage(out, answer.reply.usage);
  out.end_object();
  return out.finish().release();
}

std::vector<std::string> completion_events(const ChatAnswer& answer) {
  const bool refused = answer.reply.finish_reason == ai::FinishReason::refusal;
  std::vector<std::string> events;
  const auto add = [&](const char* name, std::string_view text, const char* role, bool last) {
    JsonWriter out;
    write_head(out, answer, "chat.completion.chunk");
    out.key("choices").begin_array().begin_object();
    out.member("index", 0);
    out.key("delta").begin_object();
    if (role != nullptr) out.member("role", role);
    if (name != nullptr) out.member(name, text);
    out.end_object();
    write_logprobs(out, answer.logprobs, name != nullptr ? text : std::string_view());
    write_text(out, "finish_reason", last, reason_name(answer.reply.finish_reason));
    out.end_object().end_array();
    out.key("usage").null();
    out.end_object();
    events.push_back(event(out));
  };
  add("content", "", "assistant", false);
  std::string_view rest = answer.reply.content;
  while (!rest.empty()) add(refused ? "refusal" : "content", take_piece(rest), nullptr, false);
  for (std::size_t i = 0; i < answer.reply.tool_calls.size(); ++i) {
    add_call(events, answer, i);
  }
  add(nullptr, "", nullptr, true);
  if (answer.include_usage) {
    JsonWriter out;
    write_head(out, answer, "chat.completion.chunk");
    out.key("choices").begin_array().end_array();
    out.key("usage");
    write_usage(out, answer.reply.usage);
    out.end_object();
    events.push_back(event(out));
  }
  events.emplace_back("data: [DONE]\n\n");
  return events;
}

std::string embeddings_json(const ai::EmbedReply& reply, const std::string& model, bool base64) {
  JsonWriter out;
  out.begin_object().member("object", "list").member("model", std::string_view(model));
  out.key("data").begin_array();
  // Backwards: the index decides.
  for (std::size_t i = reply.vectors.size(); i-- > 0;) {
    out.begin_object().member("object", "embedding");
    out.member("index", static_cast<std::uint64_t>(i)).key("embedding");
    if (base64) {
      out.value(std::string_view(base64_floats(reply.vectors[i])));
    } else {
      out.begin_array();
      for (const float value : reply.vectors[i]) out.value(static_cast<double>(value));
      out.end_array();
    }
    out.end_object();
  }
  out.end_array().key("usage").begin_object();
  out.member("prompt_tokens", reply.usage.input_tokens);
  out.member("total_tokens", reply.usage.input_tokens);
  out.end_object().end_object();
  return out.finish().release();
}

std::string models_json(const std::vector<std::string>& models) {
  JsonWriter out;
  out.begin_object().member("object", "list").key("data").begin_array();
  for (const auto& model : models) {
    out.begin_object().member("id", std::string_view(model)).member("object", "model");
    out.member("created", kCreated).member("owned_by", "fake").end_object();
  }
  out.end_array().end_object();
  return out.finish().release();
}

}  // namespace rwp::testing
