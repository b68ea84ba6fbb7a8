#pragma once

#include "ai_redis/link.hpp"
#include <rwp/ai/cache.hpp>

#include <memory>

namespace rwp::ai_redis {

/// Answers as strings that expire.
std::shared_ptr<ai::Cache> make_redis_cache(std::shared_ptr<const Link> link);

}  // namespace rwp::ai_redis
