#pragma once

#include <rwp/analytics/event_table.hpp>

#include <chrono>
#include <memory>
#include <string>

namespace rwp {
class Runtime;
class SchemeRegistry;
}  // namespace rwp

namespace rwp::analytics {

struct SqliteEventTableOptions {
  /// The file, of its own: not that of the jobs. Empty: in memory.
  std::string path = "events.db";
  /// How long events and journeys are kept, from their time.
  std::chrono::hours keep{24 * 400};
};

/// Events in a table `event` of an SQLite file; `hour` and `journey` are the roll-ups. Several
/// processes may share the file. A delivery succeeds when it is synced to the disk.
///
/// Errors of opening: `Errc::unsupported` (another program's file, or a newer version's),
/// `Errc::unavailable`, `Errc::permission_denied`, `Errc::corrupt`. Blocks for some milliseconds;
/// afterwards blocking calls run on the runtime's pool. The runtime outlives the table.
Result<std::shared_ptr<EventTable>> open_sqlite_event_table(
    Runtime& runtime, SqliteEventTableOptions options = SqliteEventTableOptions());

/// `sqlite:events.db`, `sqlite:///var/lib/events.db?keep=90d`, as a Sink and as an EventTable.
void register_sqlite_event_table(SchemeRegistry& registry);

}  // namespace rwp::analytics
