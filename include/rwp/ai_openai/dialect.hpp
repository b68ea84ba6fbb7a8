#pragma once

#include <rwp/core/error.hpp>

#include <span>
#include <string_view>

namespace rwp::ai_openai {

/// How a server that speaks OpenAI's protocol differs from OpenAI. What a server refuses is learnt
/// besides, model by model; this spares it the first refusal, and says what none would tell.
struct Dialect {
  /// As OpenAiOptions::dialect and the URL option `dialect` name it.
  std::string_view name{};
  /// The key goes as `api-key: KEY` instead of `Authorization: Bearer KEY`.
  bool api_key_header = false;
  /// `max_tokens` instead of `max_completion_tokens`.
  bool legacy_max_tokens = false;
  /// Takes `stream_options`, and so tells the usage of a stream.
  bool stream_usage = true;
  /// Takes `strict` with schemas.
  bool strict_schema = true;
  /// Takes `encoding_format: base64`; lists of numbers are read from any server.
  bool base64_embeddings = true;
  /// Has files and batches.
  bool batches = true;
  /// Has been tried against the real server; otherwise the line is from its documents alone.
  bool tried = false;
};

/// OpenAI first.
std::span<const Dialect> dialects() noexcept;

/// `Errc::invalid_argument` names those that there are.
Result<Dialect> find_dialect(std::string_view name);

}  // namespace rwp::ai_openai
