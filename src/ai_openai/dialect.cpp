#include <rwp/ai_openai/dialect.hpp>

#include <array>
#include <string>

namespace rwp::ai_openai {
namespace {

constexpr std::array<Dialect, 6> kDialects{{
    {.name = "openai"},
    // Deployments in place of models, and limits that may be -1: see OpenAiOptions::api_version.
    {.name = "azure", .api_key_header = true},
    {.name = "vllm", .legacy_max_tokens = true, .batches = false},
    {.name = "llama.cpp",
     .legacy_max_tokens = true,
     .strict_schema = false,
     .base64_embeddings = false,
     .batches = false},
    {.name = "ollama",
     .legacy_max_tokens = true,
     .strict_schema = false,
     .base64_embeddings = false,
     .batches = false},
    // Hands on to others what they know, and tells the usage on an event with choices.
    {.name = "litellm"},
}};

}  // namespace

std::span<const Dialect> dialects() noexcept { return kDialects; }

Result<Dialect> find_dialect(std::string_view name) {
  std::string names;
  for (const auto& dialect : kDialects) {
    if (dialect.name == name) return dialect;
    names += (names.empty() ? "" : ", ") + std::string(dialect.name);
  }
  return Error(Errc::invalid_argument, "dialect: must be one of " + names);
}

}  // namespace rwp::ai_openai
