#pragma once

#include <rwp/core/scheme_registry.hpp>
#include <rwp/core/secret.hpp>
#include <rwp/observability/log.hpp>
#include <rwp/observability/metrics.hpp>

#include <memory>
#include <string>

namespace rwp::ai_openai {

/// What models opened by URL are given besides.
struct OpenAiSchemeOptions {
  /// `openai:` needs it; it is sent to http: and https: URLs too when it is there.
  Secret api_key{};
  /// The model of requests that name none, where the URL does not name it either.
  std::string model{};
  /// Attempts of one request where the URL does not name them, 1 to 10; 1 where decorators retry.
  int max_attempts = 3;
  observability::Logger log{};
  /// May be null.
  std::shared_ptr<observability::Metrics> metrics{};
};

/// Adds, for ai::Model:
///
///     openai:             api.openai.com, kDefaultModel
///     openai:gpt-4o-mini  the same with another model
///     http://host:3000/v1 any service that speaks OpenAI's protocol, such as an ai pod;
///     https://…           without a model: the one that it lists
///
/// Query: `model`, `embedding_model`, `organization`, `project`, `reasoning_effort`,
/// `max_tokens=legacy`, `dialect` (dialect.hpp), `api_version` (Azure's), `attempts` (1 to 10),
/// `timeout` (of one attempt), `idle_timeout`, `ca_file`. `Errc::invalid_argument` names what is
/// wrong with the URL, `Errc::unauthenticated`: `openai:` without a key.
void register_openai(SchemeRegistry& registry, OpenAiSchemeOptions options = OpenAiSchemeOptions());

}  // namespace rwp::ai_openai
