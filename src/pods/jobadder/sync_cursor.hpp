#pragma once

#include <rwp/core/error.hpp>

#include <chrono>
#include <cstdint>
#include <map>
#include <optional>
#include <string>

namespace rwp::pods {

using WallTime = std::chrono::system_clock::time_point;

/// How far the mirroring of one list has come. A pass lists what was updated since `since`, in the
/// order of creation, which no update changes; so a pass that was broken off goes on at `after`.
struct EntityCursor {
  std::optional<WallTime> since{};
  /// JobAdder's time when the pass under way began; unset: none is.
  std::optional<WallTime> pass_began{};
  /// When what the pass took last was created.
  std::optional<WallTime> after{};
  std::uint64_t passes = 0;
  /// Records that were seen, in all passes.
  std::uint64_t seen = 0;

  /// The end of a page in whose records `created` was the latest.
  void took(std::optional<WallTime> began_at, std::optional<WallTime> created, std::size_t records);
  /// All has been listed: the next pass begins where this one began, and somewhat before.
  void finished(WallTime now);

  friend bool operator==(const EntityCursor&, const EntityCursor&) = default;
};

/// What is updated while a pass runs, or committed late, is listed by the next one: it looks back
/// by so much.
constexpr std::chrono::minutes kSyncOverlap{2};

/// What the cell "sync" holds.
struct SyncCursor {
  EntityCursor candidates{};
  EntityCursor applications{};
  EntityCursor job_ads{};
  EntityCursor placements{};
  std::optional<WallTime> last_finished{};
  /// The token of the run that came to its end then.
  std::uint64_t last_run = 0;
  std::optional<WallTime> deletions_since{};

  friend bool operator==(const SyncCursor&, const SyncCursor&) = default;
};

std::string write_cursor(const SyncCursor& cursor);
/// `Errc::corrupt`.
Result<SyncCursor> read_cursor(const std::string& text);

/// The digests of adverts, by id, as they were last taken in: the cell "job_ads". Adverts cannot be
/// listed by time of update.
using AdDigests = std::map<std::int64_t, std::string>;
std::string write_digests(const AdDigests& digests);
Result<AdDigests> read_digests(const std::string& text);

}  // namespace rwp::pods
