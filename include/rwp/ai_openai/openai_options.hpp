#pragma once

#include <rwp/core/secret.hpp>
#include <rwp/observability/log.hpp>

#include <chrono>
#include <cstddef>
#include <string>

namespace rwp::ai_openai {

inline constexpr const char* kOpenAiBaseUrl = "https://api.openai.com/v1";
/// The model of `openai:` when neither the request nor the options name one.
inline constexpr const char* kDefaultModel = "gpt-4.1-mini";
inline constexpr const char* kDefaultEmbeddingModel = "text-embedding-3-small";

struct OpenAiOptions {
  /// http: or https:, with the path that the API's routes stand below; a final slash is all the
  /// same.
  std::string base_url = kOpenAiBaseUrl;
  /// Sent as `Authorization: Bearer`; empty: no such header. It stands in no error and no log.
  Secret api_key{};
  /// The model of requests that name none. Empty: the one model that the server lists (GET
  /// /models); a call then fails when it lists several.
  std::string model = kDefaultModel;
  /// The same for embed(); empty: as `model`.
  std::string embedding_model = kDefaultEmbeddingModel;
  /// Sent as OpenAI-Organization and OpenAI-Project; empty: not sent.
  std::string organization{};
  std::string project{};
  /// "minimal", "low", "medium", "high", … for models that reason; empty: the model's default. Its
  /// tokens count against ChatRequest::max_output_tokens.
  std::string reasoning_effort{};
  /// Which server this is: "openai", "azure", "vllm", "llama.cpp", "ollama", "litellm"; see
  /// dialect.hpp. One that is not listed is OpenAI, as far as it goes.
  std::string dialect = "openai";
  /// Azure's, when its older routes are wanted: `?api-version=` goes with every request, and chat
  /// and embeddings go to /deployments/MODEL below the base URL. Empty: neither.
  std::string api_version{};
  /// Says `max_tokens` instead of `max_completion_tokens`, which older compatible servers want.
  bool legacy_max_tokens = false;
  /// Sends ai::ChatRequest::subject as the header `Rwp-Subject`, for an AI pod.
  bool sends_subject = false;

  /// Name look-up, TCP and TLS of one attempt.
  std::chrono::milliseconds connect_timeout{10'000};
  /// From the request to the head of the answer; without stream() the model thinks meanwhile.
  std::chrono::milliseconds head_timeout{300'000};
  /// Longest silence within an answer. Models that reason may be silent for two minutes.
  std::chrono::milliseconds idle_timeout{150'000};
  /// One attempt in all; ChatRequest::deadline stands above it.
  std::chrono::milliseconds attempt_timeout{600'000};
  /// Largest answer that is read; more is `Errc::corrupt`.
  std::size_t max_response_bytes = std::size_t{16} << 20U;
  /// Attempts in all, 1 to 10.
  int max_attempts = 3;
  observability::Logger log{};
};

}  // namespace rwp::ai_openai
