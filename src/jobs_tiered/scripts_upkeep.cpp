#include "jobs_tiered/script_text.hpp"

/// What keeps the dispatch right: looks, rescue, opening, and what operators ask for.
namespace rwp::jobs_tiered::scripts {

const char* const kPeek = R"lua(
return {is_open and 1 or 0, server}
)lua";

// ARGV: lanes. Answers {lane, priority, tickets, bytes, backlog} of each.
const char* const kReadWindows = R"lua(
local windows = {}
for i = 5, #ARGV do
  for p = 0, 3 do
    local field = ARGV[i] .. ':' .. p
    windows[#windows + 1] = {ARGV[i], p, call('ZCARD', base .. 't:' .. field),
                             tonumber(call('HGET', base .. 'b', field)) or 0,
                             call('SISMEMBER', base .. 'k', field)}
  end
end
return {is_open and 1 or 0, server, windows}
)lua";

// Answers the windows that have tickets, as "LANE:PRIORITY", and the queues that are paused.
const char* const kFilled = R"lua(
if not is_open then return {0, server} end
return {1, server, call('HKEYS', base .. 'b'), call('SMEMBERS', base .. 'p')}
)lua";

// ARGV: 1 when cancellation is asked for; for each job id and stamp.
// Answers a string: "r" removed, "l" leased, "a" absent.
const char* const kWithdraw = R"lua(
if not is_open then return {0, server} end
local answers, highest = {}, -1
for i = 6, #ARGV, 2 do
  local id = ARGV[i]
  local place, lease = call('HGET', base .. 'q', id), call('HGET', base .. 'l', id)
  local answer = lease and 'l' or 'a'
  if place then
    -- Of an older one the ticket with this stamp may still be on its way.
    if drop_ticket(id, place) ~= tonumber(ARGV[i + 1]) then
      highest = math.max(highest, tonumber(ARGV[i + 1]))
    end
    answer = 'r'
  end
  if lease and ARGV[5] == '1' then
    local flags = string.byte(lease, 1)
    if math.floor(flags / 2) % 2 == 0 then
      call('HSET', base .. 'l', id, string.char(flags + 2) .. string.sub(lease, 2))
    end
  end
  if answer == 'a' then highest = math.max(highest, tonumber(ARGV[i + 1])) end
  answers[#answers + 1] = answer
end
if highest > (tonumber(call('GET', base .. 'water')) or -1) then
  call('SET', base .. 'water', string.format('%.0f', highest))
end
return {1, server, table.concat(answers)}
)lua";

// ARGV: ids. Answers for each the place of its ticket or its lease, or nothing.
const char* const kLook = R"lua(
if not is_open then return {0, server} end
local ids, found = {}, {}
for i = 5, #ARGV do ids[#ids + 1] = ARGV[i] end
local queued = call('HMGET', base .. 'q', unpack(ids))
local leased = call('HMGET', base .. 'l', unpack(ids))
for i = 1, #ids do
  found[i] = queued[i] and 'q' .. queued[i] or leased[i] and 'l' .. leased[i] or ''
end
return {1, server, found}
)lua";

// ARGV: q or l, a cursor through it, how many at a time.
// Answers the next cursor, the watermark, and of each its id, its place or lease, and what makes it
// whole: the head of its member in its window, or anything when the lease has an end. With the
// first tickets also how many there are by id, and in the windows.
const char* const kAudit = R"lua(
if not is_open then return {0, server} end
local kind, found, totals = ARGV[5], {}, {}
local step = call('HSCAN', base .. kind, ARGV[6], 'COUNT', ARGV[7])
for i = 1, #step[2], 2 do
  local id, value, whole = step[2][i], step[2][i + 1], ''
  if kind == 'q' then
    local _, lane, priority, seq = struct.unpack('>I8I8BI8', value)
    local field, score = string.format('%.0f:%d', lane, priority), string.format('%.0f', seq)
    if call('HEXISTS', base .. 'b', field) == 1 then
      for _, member in ipairs(call('ZRANGEBYSCORE', base .. 't:' .. field, score, score)) do
        if string.sub(member, 1, 16) == id then whole = string.sub(member, 1, 33) end
      end
    end
  elseif call('ZSCORE', base .. 'e', id) then
    whole = 'e'
  end
  found[#found + 1] = {id, value, whole}
end
if kind == 'q' and ARGV[6] == '0' then
  local there = 0
  for _, field in ipairs(call('HKEYS', base .. 'b')) do
    there = there + call('ZCARD', base .. 't:' .. field)
  end
  totals = {call('HLEN', base .. 'q'), there}
end
return {1, server, step[1], tonumber(call('GET', base .. 'water')) or -1, found, totals}
)lua";

// ARGV: a cursor through the leases; with "0", the tickets are told too.
// Answers the next cursor, {lane, leases}, and {lane, tickets, the first ticket's id} of each
// window.
const char* const kLanes = R"lua(
local counts, windows, leases = {}, {}, {}
local step = call('HSCAN', base .. 'l', ARGV[5], 'COUNT', 1000)
for i = 2, #step[2], 2 do
  local lane = string.sub(step[2][i], 10, 17)
  counts[lane] = (counts[lane] or 0) + 1
end
for lane, count in pairs(counts) do
  leases[#leases + 1] = {string.format('%.0f', struct.unpack('>I8', lane)), count}
end
if ARGV[5] == '0' then
  for _, field in ipairs(call('HKEYS', base .. 'b')) do
    local key = base .. 't:' .. field
    local head = call('ZRANGE', key, 0, 0)[1]
    windows[#windows + 1] = {field, call('ZCARD', key), head and string.sub(head, 1, 16) or ''}
  end
end
return {is_open and 1 or 0, server, step[1], leases, windows}
)lua";

// ARGV: limit; the leases' time since when a lapse is its holder's own fault (empty: since now),
// the leases' time last seen, and what has passed at this side since.
// Answers the leases' time, since when lapses are believed, and {id, lease} of each.
const char* const kExpired = R"lua(
if not is_open then return {0, server} end
local limit, since, step = tonumber(ARGV[5]), tonumber(ARGV[6]), 2000
local apart = beat - tonumber(ARGV[7]) - tonumber(ARGV[8])
if not since or apart > step or apart < -step then since = beat end
local trusted = math.max(since, tonumber(call('GET', base .. 'opened')) or beat)
local lapsed, at = {}, 0
while #lapsed < limit and at < 10000 do
  local found = call('ZRANGEBYSCORE', base .. 'e', '-inf', beat, 'WITHSCORES', 'LIMIT', at, 1000)
  if #found == 0 then break end
  local ids = {}
  for i = 1, #found, 2 do ids[#ids + 1] = found[i] end
  local leases = call('HMGET', base .. 'l', unpack(ids))
  for i = 1, #ids do
    -- An end at zero was set by the holder itself.
    if leases[i] and #lapsed < limit and
       (found[2 * i] == '0' or beat >= trusted + struct.unpack('>I4', leases[i], 26)) then
      lapsed[#lapsed + 1] = {ids[i], leases[i]}
    end
  end
  at = at + #ids
end
return {1, server, beat, since, lapsed}
)lua";

// ARGV: holder, a cursor through the leases. Answers the next one.
const char* const kGiveUp = R"lua(
local step = call('HSCAN', base .. 'l', ARGV[6], 'COUNT', 1000)
for i = 1, #step[2], 2 do
  if string.sub(step[2][i + 1], 30) == ARGV[5] then
    call('ZADD', base .. 'e', 'XX', 0, step[2][i])
  end
end
return {is_open and 1 or 0, server, step[1]}
)lua";

// ARGV: stamp, term. Answers 2: a higher term has written.
const char* const kRaiseWatermark = R"lua(
local term = tonumber(ARGV[6])
if term < (tonumber(call('GET', base .. 'term')) or -1) then return {2, server} end
call('SET', base .. 'term', ARGV[6])
if tonumber(ARGV[5]) > (tonumber(call('GET', base .. 'water')) or -1) then
  call('SET', base .. 'water', ARGV[5])
end
return {is_open and 1 or 0, server}
)lua";

// Answers for how long it has waited to be opened.
const char* const kOpening = R"lua(
if is_open then
  -- Opened by a program that knew of no names.
  if not owner and database ~= '' then call('SET', base .. 'db', database) end
  return {1, server, 0}
end
local name = server .. ':' .. epoch
local waiting = call('GET', base .. 'opening') or ''
if string.sub(waiting, 1, #name + 1) == name .. ' ' then
  local waited = beat - tonumber(string.sub(waiting, #name + 2))
  if waited >= 0 then return {0, server, waited} end
end
call('SET', base .. 'opening', name .. ' ' .. string.format('%.0f', beat))
return {0, server, 0}
)lua";

// ARGV: what it must have waited, watermark, term, paused queues.
// Answers 2: a higher term has written; 3: it has not waited for long enough.
const char* const kOpen = R"lua(
local term = tonumber(ARGV[7])
if term < (tonumber(call('GET', base .. 'term')) or -1) then return {2, server} end
local name = server .. ':' .. epoch
if not is_open then
  local waiting = call('GET', base .. 'opening') or ''
  if string.sub(waiting, 1, #name + 1) ~= name .. ' ' or
     beat - tonumber(string.sub(waiting, #name + 2)) < tonumber(ARGV[5]) then
    return {3, server}
  end
  for _, field in ipairs(call('HKEYS', base .. 'b')) do call('UNLINK', base .. 't:' .. field) end
  call('UNLINK', base .. 'q', base .. 'b', base .. 'k')
  call('SET', base .. 'open', name)
  call('SET', base .. 'opened', string.format('%.0f', beat))
end
if database ~= '' then call('SET', base .. 'db', database) end
call('DEL', base .. 'opening', base .. 'p')
for i = 8, #ARGV do call('SADD', base .. 'p', ARGV[i]) end
call('SET', base .. 'term', ARGV[7])
if tonumber(ARGV[6]) > (tonumber(call('GET', base .. 'water')) or -1) then
  call('SET', base .. 'water', ARGV[6])
end
call('PUBLISH', base .. 'wake', 'o')
return {1, server}
)lua";

const char* const kClose = R"lua(
call('DEL', base .. 'open', base .. 'opening')
call('PUBLISH', base .. 'wake', 'c')
return {0, server}
)lua";

// ARGV: queue, 1 when it is paused.
const char* const kSetPaused = R"lua(
if ARGV[6] == '1' then
  call('SADD', base .. 'p', ARGV[5])
elseif call('SREM', base .. 'p', ARGV[5]) == 1 then
  call('PUBLISH', base .. 'wake', 'w')
end
return {is_open and 1 or 0, server}
)lua";

// ARGV: lane, priority, 1 when there is a backlog.
const char* const kSetBacklog = R"lua(
local field = ARGV[5] .. ':' .. ARGV[6]
if call(ARGV[7] == '1' and 'SADD' or 'SREM', base .. 'k', field) == 1 then
  call('PUBLISH', base .. 'wake', 'b ' .. ARGV[5] .. ' ' .. ARGV[6] .. ' ' .. ARGV[7])
end
return {is_open and 1 or 0, server}
)lua";

}  // namespace rwp::jobs_tiered::scripts
