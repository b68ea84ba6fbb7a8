#include <rwp/ai_openai/openai_model.hpp>
#include <rwp/ai_openai/register.hpp>
#include <rwp/core/url.hpp>
#include <rwp/net/curl_transport.hpp>

#include <utility>

namespace rwp::ai_openai {
namespace {

std::string query_text(const Url& url, const std::string& name, std::string fallback) {
  const auto found = url.query().find(name);
  if (found == url.query().end()) return fallback;
  return found->second;
}

/// What the two kinds of URL share.
Result<void> read_query(const Url& url, OpenAiOptions& options) {
  auto known = url.allow_query({"model", "embedding_model", "organization", "project",
                                "reasoning_effort", "max_tokens", "attempts", "timeout",
                                "idle_timeout", "ca_file", "dialect", "api_version"});
  if (!known) return known;
  options.model = query_text(url, "model", std::move(options.model));
  options.embedding_model = query_text(url, "embedding_model", std::move(options.embedding_model));
  options.organization = query_text(url, "organization", std::string());
  options.project = query_text(url, "project", std::string());
  options.reasoning_effort = query_text(url, "reasoning_effort", std::string());
  options.dialect = query_text(url, "dialect", std::move(options.dialect));
  options.api_version = query_text(url, "api_version", std::string());
  const std::string limit = query_text(url, "max_tokens", std::string());
  if (!limit.empty() && limit != "legacy") {
    return Error(Errc::invalid_argument, "URL option \"max_tokens\" must be legacy");
  }
  options.legacy_max_tokens = limit == "legacy";
  const auto attempts = url.integer("attempts", options.max_attempts, 1, 10);
  if (!attempts) return attempts.error();
  options.max_attempts = static_cast<int>(*attempts);
  const auto timeout = url.duration("timeout", options.attempt_timeout);
  if (!timeout) return timeout.error();
  if (url.query().contains("timeout")) options.head_timeout = *timeout;
  options.attempt_timeout = *timeout;
  const auto idle = url.duration("idle_timeout", options.idle_timeout);
  if (!idle) return idle.error();
  options.idle_timeout = *idle;
  return {};
}

Result<std::shared_ptr<ai::Model>> open(const Url& url, Runtime& runtime,
                                        const OpenAiSchemeOptions& given, OpenAiOptions options) {
  options.max_attempts = given.max_attempts;
  if (auto read = read_query(url, options); !read) return read.error();
  options.log = given.log;
  net::CurlTransportOptions transport;
  transport.metrics = given.metrics;
  transport.log = given.log;
  transport.ca_file = query_text(url, "ca_file", std::string());
  auto model = OpenAiModel::make(net::make_curl_transport(runtime, std::move(transport)),
                                 std::move(options));
  if (!model) return model.error();
  return std::shared_ptr<ai::Model>(std::move(*model));
}

Result<std::shared_ptr<ai::Model>> open_openai(const Url& url, Runtime& runtime,
                                               const OpenAiSchemeOptions& given) {
  if (given.api_key.empty()) {
    return Error(Errc::unauthenticated, "openai: needs a key (OPENAI_API_KEY)");
  }
  if (!url.rest().empty() && url.query().contains("model")) {
    return Error(Errc::invalid_argument, "openai: names a model twice");
  }
  OpenAiOptions options;
  options.api_key = given.api_key;
  if (!given.model.empty()) options.model = given.model;
  if (!url.rest().empty()) options.model = url.path();
  return open(url, runtime, given, std::move(options));
}

Result<std::shared_ptr<ai::Model>> open_http(const Url& url, Runtime& runtime,
                                             const OpenAiSchemeOptions& given) {
  OpenAiOptions options;
  options.base_url = url.scheme() + ":" + url.rest();
  options.api_key = given.api_key;
  options.model = given.model;
  options.embedding_model.clear();
  // An AI pod keeps its answers under it; OpenAI is not told.
  options.sends_subject = true;
  return open(url, runtime, given, std::move(options));
}

}  // namespace

void register_openai(SchemeRegistry& registry, OpenAiSchemeOptions options) {
  const auto shared = std::make_shared<const OpenAiSchemeOptions>(std::move(options));
  registry.add<ai::Model>("openai", [shared](const Url& url, Runtime& runtime) {
    return open_openai(url, runtime, *shared);
  });
  for (const char* scheme : {"http", "https"}) {
    registry.add<ai::Model>(scheme, [shared](const Url& url, Runtime& runtime) {
      return open_http(url, runtime, *shared);
    });
  }
}

}  // namespace rwp::ai_openai
