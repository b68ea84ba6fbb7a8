#pragma once

#include <rwp/core/uuid.hpp>

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string_view>
#include <unordered_map>

namespace rwp::analytics {

/// Remembers the last events by tenant and id, and what they were. Threads: one at a time.
class RecentEvents {
 public:
  /// Remembers at least `most` and at most twice as many.
  explicit RecentEvents(std::size_t most) : most_(most) {}

  /// The digest of what was taken under this id; none: not remembered.
  std::optional<std::uint64_t> find(const Uuid& key) const;
  void add(const Uuid& key, std::uint64_t digest);

  /// The id within its tenant.
  static Uuid key_of(std::string_view tenant, const Uuid& id);
  static std::uint64_t digest_of(std::string_view body);

 private:
  const std::size_t most_;
  std::unordered_map<Uuid, std::uint64_t> newer_;
  std::unordered_map<Uuid, std::uint64_t> older_;
};

}  // namespace rwp::analytics
