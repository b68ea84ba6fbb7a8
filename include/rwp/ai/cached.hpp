#pragma once

#include <rwp/ai/cache.hpp>
#include <rwp/ai/model.hpp>
#include <rwp/observability/log.hpp>
#include <rwp/observability/metrics.hpp>

#include <chrono>
#include <cstdint>
#include <memory>
#include <string>

namespace rwp::ai {

/// Who may be answered with whose answers.
enum class CacheScope : std::uint8_t {
  tenant,  ///< Each tenant with its own.
  all,     ///< Everybody with everybody's.
};

struct CachedOptions {
  /// Not null.
  std::shared_ptr<Cache> cache{};
  /// 1 s to ten years; what lies outside counts as the nearer end.
  std::chrono::seconds time_to_live{86'400};
  CacheScope scope = CacheScope::tenant;
  /// What else tells answers apart: the upstream's URL, a version of the prompts.
  std::string dialect{};
  /// Whether answers to requests with a temperature above 0 are kept: asked again they would be
  /// other ones.
  bool random_answers = false;
  observability::Logger log{};
  /// `rwp_ai_cache_total` (outcome: hit, miss, error). May be null.
  std::shared_ptr<observability::Metrics> metrics{};
};

/// Answers what was asked before, exactly so (see call_key()), from a cache; a stream is played
/// back in pieces.
///
/// Kept are only whole answers: finished by themselves, and fitting their schema where one was
/// asked for; never what was cut, refused, filtered, or failed. The answer of a fallback is kept
/// for the model that gave it. A cache that fails is a miss, logged and counted. Embeddings are
/// cached as a whole request. Stands before all that costs; behind redaction and validation.
std::shared_ptr<Model> make_cached(std::shared_ptr<Model> model, CachedOptions options);

}  // namespace rwp::ai
