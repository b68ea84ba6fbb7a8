#pragma once

#include "pods/openai_error.hpp"
#include <rwp/ai/model.hpp>
#include <rwp/core/json_text.hpp>

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

/// Answers in OpenAI's words.
namespace rwp::pods {

/// What every part of one chat answer repeats.
struct CompletionHead {
  /// "chatcmpl-…".
  std::string id{};
  /// Seconds since 1970.
  std::int64_t created = 0;
  std::string model{};
};

/// A head with an id of its own, made now.
CompletionHead make_completion_head(std::string model);

/// The answer to a chat that is not streamed.
JsonText chat_completion_json(const CompletionHead& head, const ai::ChatReply& reply);

/// Parts of a streamed answer, each an event ("data: {…}\n\n"). `with_usage`: each but the usage's
/// own says `"usage":null`, as when usage was asked for.
class ChunkWriter {
 public:
  ChunkWriter(CompletionHead head, bool with_usage);

  std::string role() const;
  std::string content(std::string_view piece) const;
  std::string refusal(std::string_view text) const;
  std::string finish(std::string_view reason) const;
  /// With an empty list of choices.
  std::string usage(const ai::TokenUsage& usage) const;
  /// "data: [DONE]".
  static std::string done();
  /// The event that ends a stream that failed.
  static std::string error(const OpenAiError& error);
  /// The same as that API has it.
  static std::string error(const OpenAiError& error, ai::WireApi api);
  /// A comment that keeps the connection from looking idle.
  static std::string ping();

 private:
  std::string delta(std::string_view name, std::string_view text) const;

  const CompletionHead head_;
  const bool with_usage_;
};

/// `finish_reason` of an answer; a refusal is one that stopped.
std::string_view finish_reason_text(ai::FinishReason reason) noexcept;

/// The vectors as arrays, or as base64 of little-endian float32.
JsonText embeddings_json(const ai::EmbedReply& reply, bool base64);

/// Standard alphabet, padded.
std::string base64_of(const std::vector<float>& vector);

JsonText model_json(std::string_view name, std::int64_t created);
JsonText model_list_json(const std::vector<std::string>& names, std::int64_t created);

}  // namespace rwp::pods
