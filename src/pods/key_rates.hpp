#pragma once

#include "pods/api_keys.hpp"
#include <rwp/core/async.hpp>
#include <rwp/core/error.hpp>
#include <rwp/net/token_bucket.hpp>
#include <rwp/server/message.hpp>
#include <rwp/server/router.hpp>

#include <cstddef>
#include <memory>
#include <mutex>
#include <string>
#include <unordered_map>

namespace rwp::pods {

/// How many requests a second each API key may make of this process: what its line in the keys'
/// file says, else what holds for all. As many may come at once. Threads: safe to share.
class KeyRates {
 public:
  /// `per_second` 0: no limit but of keys that have one of their own.
  KeyRates(std::shared_ptr<ApiKeys> keys, std::size_t per_second);

  /// `Errc::rate_limited`, with when to come again.
  Result<void> take(const server::Identity& identity);

 private:
  struct Rate {
    std::size_t per_second = 0;
    net::TokenBucket bucket;
  };

  const std::shared_ptr<ApiKeys> keys_;
  const std::size_t per_second_;
  std::mutex mutex_;
  /// By the key's id.
  std::unordered_map<std::string, Rate> rates_;
};

/// `check`, and then the key's rate.
server::Authorise with_rate(server::Authorise check, std::shared_ptr<KeyRates> rates);

}  // namespace rwp::pods
