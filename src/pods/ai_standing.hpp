#pragma once

#include <rwp/ai/rate_allowance.hpp>
#include <rwp/server/message.hpp>

#include <map>
#include <mutex>
#include <optional>
#include <string>

namespace rwp::pods {

/// What tenants' rates held when they were last asked, for the answers' headers.
/// Threads: safe to share.
class AiStanding {
 public:
  void set(const std::string& tenant, const ai::RateReport& standing);
  /// Adds x-ratelimit-{limit,remaining,reset}-{requests,tokens}, as far as they are known.
  void tell(const std::string& tenant, server::HttpHeaders& headers) const;

 private:
  mutable std::mutex mutex_;
  std::map<std::string, ai::RateReport> tenants_;
};

}  // namespace rwp::pods
