#include "analytics_spool/recent_events.hpp"

#include <functional>
#include <utility>

namespace rwp::analytics {

std::optional<std::uint64_t> RecentEvents::find(const Uuid& key) const {
  if (const auto found = newer_.find(key); found != newer_.end()) return found->second;
  if (const auto found = older_.find(key); found != older_.end()) return found->second;
  return std::nullopt;
}

void RecentEvents::add(const Uuid& key, std::uint64_t digest) {
  if (most_ == 0) return;
  if (newer_.size() >= most_) {
    older_ = std::exchange(newer_, {});
    newer_.reserve(most_);
  }
  newer_.insert_or_assign(key, digest);
}

Uuid RecentEvents::key_of(std::string_view tenant, const Uuid& id) {
  if (tenant.empty()) return id;
  Uuid key = id;
  std::uint64_t mark = digest_of(tenant);
  for (std::size_t i = 0; i < sizeof(mark); ++i, mark >>= 8U) {
    key.bytes[i] ^= static_cast<std::uint8_t>(mark & 0xFFU);
    key.bytes[i + sizeof(mark)] ^= static_cast<std::uint8_t>((mark >> 3U) & 0xFFU);
  }
  return key;
}

std::uint64_t RecentEvents::digest_of(std::string_view body) {
  return std::hash<std::string_view>()(body);
}

}  // namespace rwp::analytics
