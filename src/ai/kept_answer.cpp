#include "ai/kept_answer.hpp"

#include <bit>
#include <cstdint>
#include <memory>

namespace rwp::ai {
namespace {

// Little-endian numbers and counted strings behind a letter for the kind: a content is as it came,
// and vectors take four bytes a number.
constexpr char kChat = 'C';
constexpr char kWire = 'W';
constexpr char kEmbed = 'e';

void write(std::string& out, std::uint64_t number) {
  for (int i = 0; i < 8; ++i) out += static_cast<char>((number >> (8 * i)) & 0xFFU);
}

void write(std::string& out, std::string_view text) {
  write(out, static_cast<std::uint64_t>(text.size()));
  out += text;
}

void write(std::string& out, const TokenUsage& usage) {
  for (const std::int64_t count :
       {usage.input_tokens, usage.output_tokens, usage.cached_input_tokens, usage.reasoning_tokens,
        usage.cache_write_tokens}) {
    write(out, static_cast<std::uint64_t>(count));
  }
}

class Reader {
 public:
  explicit Reader(std::string_view kept) : rest_(kept) {}

  bool ended() const { return good_ && rest_.empty(); }
  bool good() const { return good_; }

  std::uint64_t number() {
    if (rest_.size() < 8) good_ = false;
    if (!good_) return 0;
    std::uint64_t value = 0;
    for (unsigned i = 0; i < 8; ++i) {
      value |= static_cast<std::uint64_t>(static_cast<unsigned char>(rest_[i])) << (8 * i);
    }
    rest_.remove_prefix(8);
    return value;
  }

  std::string_view text() {
    const std::uint64_t size = number();
    if (size > rest_.size()) good_ = false;
    if (!good_) return {};
    const auto taken = rest_.substr(0, static_cast<std::size_t>(size));
    rest_.remove_prefix(taken.size());
    return taken;
  }

  TokenUsage usage() {
    TokenUsage read;
    for (std::int64_t* count : {&read.input_tokens, &read.output_tokens, &read.cached_input_tokens,
                                &read.reasoning_tokens, &read.cache_write_tokens}) {
      *count = static_cast<std::int64_t>(number());
    }
    return read;
  }

 private:
  std::string_view rest_;
  bool good_ = true;
};

}  // namespace

std::string write_answer(const ChatReply& reply) {
  std::string out(1, reply.wire ? kWire : kChat);
  if (reply.wire) write(out, *reply.wire);
  write(out, reply.content);
  write(out, reply.model);
  write(out, static_cast<std::uint64_t>(reply.finish_reason));
  write(out, reply.usage);
  write(out, reply.id);
  write(out, reply.service_tier);
  write(out, reply.logprobs.view());
  write(out, reply.extra_fields.view());
  write(out, static_cast<std::uint64_t>(reply.tool_calls.size()));
  for (const auto& call : reply.tool_calls) {
    write(out, call.id);
    write(out, call.name);
    write(out, call.arguments);
  }
  return out;
}

std::optional<ChatReply> read_chat_answer(std::string_view kept) {
  const char kind = kept.empty() ? '\0' : kept.front();
  if (kind != kChat && kind != kWire) return std::nullopt;
  Reader in(kept.substr(1));
  ChatReply reply;
  if (kind == kWire) reply.wire = std::make_shared<const std::string>(in.text());
  reply.content = in.text();
  reply.model = in.text();
  const std::uint64_t reason = in.number();
  reply.usage = in.usage();
  reply.id = in.text();
  reply.service_tier = in.text();
  auto logprobs = JsonText::parse(std::string(in.text()));
  auto extra_fields = JsonText::parse(std::string(in.text()));
  if (!logprobs || !extra_fields) return std::nullopt;
  reply.logprobs = std::move(*logprobs);
  reply.extra_fields = std::move(*extra_fields);
  const std::uint64_t calls = in.number();
  for (std::uint64_t i = 0; i < calls && in.good(); ++i) {
    ToolCall call;
    call.id = in.text();
    call.name = in.text();
    call.arguments = in.text();
    reply.tool_calls.push_back(std::move(call));
  }
  if (!in.ended() || reason > static_cast<std::uint64_t>(FinishReason::tool_calls)) {
    return std::nullopt;
  }
  reply.finish_reason = static_cast<FinishReason>(reason);
  reply.source = AnswerSource::cache;
  return reply;
}

std::string write_answer(const EmbedReply& reply) {
  std::string out(1, kEmbed);
  write(out, reply.model);
  write(out, reply.usage);
  write(out, static_cast<std::uint64_t>(reply.vectors.size()));
  for (const auto& vector : reply.vectors) {
    std::string bytes;
    bytes.reserve(4 * vector.size());
    for (const float value : vector) {
      const auto bits = std::bit_cast<std::uint32_t>(value);
      for (unsigned i = 0; i < 4; ++i) bytes += static_cast<char>((bits >> (8 * i)) & 0xFFU);
    }
    write(out, bytes);
  }
  return out;
}

std::optional<EmbedReply> read_embed_answer(std::string_view kept) {
  if (kept.empty() || kept.front() != kEmbed) return std::nullopt;
  Reader in(kept.substr(1));
  EmbedReply reply;
  reply.model = in.text();
  reply.usage = in.usage();
  const std::uint64_t count = in.number();
  for (std::uint64_t i = 0; i < count && in.good(); ++i) {
    const std::string_view bytes = in.text();
    if (bytes.size() % 4 != 0) return std::nullopt;
    std::vector<float> vector;
    vector.reserve(bytes.size() / 4);
    for (std::size_t at = 0; at < bytes.size(); at += 4) {
      std::uint32_t bits = 0;
      for (unsigned j = 0; j < 4; ++j) {
        bits |= static_cast<std::uint32_t>(static_cast<unsigned char>(bytes[at + j])) << (8 * j);
      }
      vector.push_back(std::bit_cast<float>(bits));
    }
    reply.vectors.push_back(std::move(vector));
  }
  if (!in.ended()) return std::nullopt;
  reply.source = AnswerSource::cache;
  return reply;
}

}  // namespace rwp::ai
