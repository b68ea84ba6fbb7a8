#pragma once

#include <rwp/analytics/sink.hpp>

#include <memory>
#include <string>

namespace rwp {
class Runtime;
class SchemeRegistry;
}  // namespace rwp

namespace rwp::analytics {

struct JsonlSinkOptions {
  /// The file; it and the directories above it are made where missing: the file for its owner alone
  /// (0600), as people's events stand in it; one that is there keeps its mode. Relative: from the
  /// working directory at the time of opening.
  std::string path = "events.jsonl";
};

/// Appends events to a file, one JSON object a line (see to_json()).
///
/// A delivery succeeds when its lines have been fdatasynced; deliveries that overlap share one
/// write and one fdatasync. Several sinks and processes may share the file: an advisory lock keeps
/// their lines whole. What a crash left of a line was never acknowledged, and is cut off before the
/// next one is written; a last line by somebody else that only lacks its end is ended. A delivery
/// that fails, on a full disk (`Errc::unavailable`) for one, leaves nothing behind. Grows without
/// bound: move the file away to rotate it, and the next delivery starts a new one.
/// find_delivered() looks through the last 64 MiB of the file as it is. Errors of
/// opening: `Errc::invalid_argument` (not a regular file), `Errc::permission_denied`,
/// `Errc::unavailable`. Blocks for some milliseconds; afterwards blocking calls run on the
/// runtime's pool. The runtime outlives the sink.
Result<std::shared_ptr<Sink>> open_jsonl_sink(Runtime& runtime,
                                              JsonlSinkOptions options = JsonlSinkOptions());

/// `jsonl:events.jsonl`, `jsonl:/var/log/events.jsonl`.
void register_jsonl(SchemeRegistry& registry);

}  // namespace rwp::analytics
