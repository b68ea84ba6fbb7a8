#include "jobs_tiered/scripts.hpp"

#include "jobs_tiered/script_text.hpp"

#include <string>

namespace rwp::jobs_tiered::scripts {
namespace {

/// Before each script. A server's history is the replication id that it had before it was last
/// promoted: a process that was made a replica and then a master again has been given other data.
/// Where another record's jobs are, no script begins: it answers 4 and that record's name.
constexpr const char* kBefore = R"lua(
local call, base = redis.call, KEYS[1]
local _, _, past = string.find(call('INFO', 'replication'), 'master_replid2:(%x+)')
local server = ARGV[1] .. ':' .. (past or '')
local epoch, database = string.match(ARGV[2], '^(%-?%d+) ?(.*)$')
local stand = call('MGET', base .. 'open', base .. 'db')
local owner = stand[2]
if owner and database ~= '' and owner ~= database then return {4, server, owner} end
local is_open = stand[1] == server .. ':' .. epoch
local now, beat
if ARGV[3] == '' then
  local time = call('TIME')
  now = time[1] * 1000 + math.floor(time[2] / 1000)
  beat = now
else
  now, beat = tonumber(ARGV[3]), tonumber(ARGV[4])
end
)lua";

/// Before those that may take tickets out of their order. Answers the ticket's stamp.
constexpr const char* kDropTicket = R"lua(
local function drop_ticket(id, place)
  local _, lane, priority, seq = struct.unpack('>I8I8BI8', place)
  local field = string.format('%.0f:%d', lane, priority)
  local key, score = base .. 't:' .. field, string.format('%.0f', seq)
  local stamp
  for _, member in ipairs(call('ZRANGEBYSCORE', key, score, score)) do
    if string.sub(member, 1, 16) == id then
      stamp = struct.unpack('>I8', member, 25)
      call('ZREM', key, member)
      if call('ZCARD', key) == 0 then
        call('HDEL', base .. 'b', field)
      else
        call('HINCRBY', base .. 'b', field, 33 - #member)
      end
    end
  end
  call('HDEL', base .. 'q', id)
  return stamp
end
)lua";

ScriptRef make(const char* text) {
  return std::make_shared<net_redis::Script>(std::string(kBefore) + text);
}

ScriptRef make_dropping(const char* text) {
  return std::make_shared<net_redis::Script>(std::string(kBefore) + kDropTicket + text);
}

}  // namespace

Scripts::Scripts()
    : peek(make(kPeek)),
      read_windows(make(kReadWindows)),
      filled(make(kFilled)),
      push(make_dropping(kPush)),
      claim(make(kClaim)),
      extend(make_dropping(kExtend)),
      mark_started(make(kMarkStarted)),
      hand_back(make(kHandBack)),
      release(make(kRelease)),
      withdraw(make_dropping(kWithdraw)),
      look(make(kLook)),
      audit(make(kAudit)),
      lanes(make(kLanes)),
      expired(make(kExpired)),
      give_up(make(kGiveUp)),
      raise_watermark(make(kRaiseWatermark)),
      opening(make(kOpening)),
      open(make(kOpen)),
      close(make(kClose)),
      set_paused(make(kSetPaused)),
      set_backlog(make(kSetBacklog)) {}

}  // namespace rwp::jobs_tiered::scripts
