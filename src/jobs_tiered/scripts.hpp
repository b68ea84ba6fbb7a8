#pragma once

#include "net/redis/script.hpp"

#include <memory>

/// What runs on the Redis server; each is one atomic step of docs/models/tiered.pml.
///
/// Every script has the base of all keys, "rwp:{NAME}:", as its key, and as first arguments the
/// run_id that the connection sees, "EPOCH RECORD", the wall time and the leases' time in
/// milliseconds (both empty: the server's). It answers {status, server, …}: 1 when the dispatch is
/// open, 0 when it is closed, another number as the script says; "server" names the process and its
/// history.
///
/// Keys, each after the base:
///
///     open, opened      "SERVER:EPOCH" that it is open for, and since when
///     opening           "SERVER:EPOCH since when": a closed dispatch waits to be opened
///     db                the record whose jobs these are
///     water, term       the watermark, and the highest term that has written
///     t:LANE:PRIORITY   sorted set by seq: id, token, stamp, flags and body of each ticket
///     q                 hash of tickets, by id: token, lane, priority, seq
///     b                 hash by LANE:PRIORITY: the bytes of bodies there; only of those with any
///     k                 set of LANE:PRIORITY with a backlog in the record
///     l                 hash of leases, by id: flags, token, lane, when claimed, length, holder
///     e                 sorted set of leases by their end
///     p                 set of paused queues
///     wake              channel
///
/// Numbers in packed values are big-endian (codec.hpp).
namespace rwp::jobs_tiered::scripts {

using ScriptRef = std::shared_ptr<const net_redis::Script>;

/// All of them; made once, safe to share.
struct Scripts {
  Scripts();

  ScriptRef peek;
  ScriptRef read_windows;
  ScriptRef filled;
  ScriptRef push;
  ScriptRef claim;
  ScriptRef extend;
  ScriptRef mark_started;
  ScriptRef hand_back;
  ScriptRef release;
  ScriptRef withdraw;
  ScriptRef look;
  ScriptRef audit;
  ScriptRef lanes;
  ScriptRef expired;
  ScriptRef give_up;
  ScriptRef raise_watermark;
  ScriptRef opening;
  ScriptRef open;
  ScriptRef close;
  ScriptRef set_paused;
  ScriptRef set_backlog;
};

}  // namespace rwp::jobs_tiered::scripts
