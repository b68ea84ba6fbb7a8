#include "pods/ai_standing.hpp"

#include <cstddef>

namespace rwp::pods {
namespace {

/// Beyond, all are forgotten; the next call of each tells again.
constexpr std::size_t kMostTenants = 10'000;

/// "1.5s", as OpenAI writes it.
std::string duration_text(std::chrono::milliseconds time) {
  if (time.count() < 1'000) return std::to_string(time.count()) + "ms";
  return std::to_string((time.count() + 999) / 1'000) + "s";
}

void tell_window(const ai::RateReport::Window& window, const std::string& what,
                 server::HttpHeaders& headers) {
  if (window.limit) headers.set("x-ratelimit-limit-" + what, std::to_string(*window.limit));
  if (window.remaining) {
    headers.set("x-ratelimit-remaining-" + what, std::to_string(*window.remaining));
  }
  if (window.reset) headers.set("x-ratelimit-reset-" + what, duration_text(*window.reset));
}

}  // namespace

void AiStanding::set(const std::string& tenant, const ai::RateReport& standing) {
  const std::lock_guard lock(mutex_);
  if (tenants_.size() >= kMostTenants && !tenants_.contains(tenant)) tenants_.clear();
  tenants_[tenant] = standing;
}

void AiStanding::tell(const std::string& tenant, server::HttpHeaders& headers) const {
  ai::RateReport standing;
  {
    const std::lock_guard lock(mutex_);
    const auto found = tenants_.find(tenant);
    if (found == tenants_.end()) return;
    standing = found->second;
  }
  tell_window(standing.requests, "requests", headers);
  tell_window(standing.tokens, "tokens", headers);
}

}  // namespace rwp::pods
