#include "jobs_tiered/script_text.hpp"

/// What the work goes through: push, claim, heartbeat, release.
namespace rwp::jobs_tiered::scripts {

// ARGV: most tickets and most bytes of a window, number of groups; for each group lane, priority,
// tickets, bytes of all bodies, and for each ticket id, seq, member, place.
// Answers a string of "q" (queued) or "f" (full) in the same order, then each group's window.
const char* const kPush = R"lua(
local most_jobs, most_bytes = tonumber(ARGV[5]), tonumber(ARGV[6])
local groups, at = tonumber(ARGV[7]), 8
if not is_open then return {0, server} end
local answers, windows, woken = {}, {}, {}
for g = 1, groups do
  local lane, priority = ARGV[at], ARGV[at + 1]
  local n, bytes = tonumber(ARGV[at + 2]), tonumber(ARGV[at + 3])
  at = at + 4
  local field = lane .. ':' .. priority
  local key = base .. 't:' .. field
  local ids, members, places = {}, {}, {}
  for i = 1, n do
    local a = at + 4 * (i - 1)
    ids[i] = ARGV[a]
    members[2 * i - 1], members[2 * i] = ARGV[a + 1], ARGV[a + 2]
    places[2 * i - 1], places[2 * i] = ARGV[a], ARGV[a + 3]
  end
  local there = call('HMGET', base .. 'b', lane .. ':0', lane .. ':1', lane .. ':2', lane .. ':3')
  local was_empty = not (there[1] or there[2] or there[3] or there[4])
  local jobs = call('ZCARD', key)
  local held = tonumber(there[tonumber(priority) + 1]) or 0
  local queued = call('HMGET', base .. 'q', unpack(ids))
  local leased = call('HMGET', base .. 'l', unpack(ids))
  local known = false
  for i = 1, n do
    if queued[i] or leased[i] then known = true break end
  end
  local added = 0
  if not known and jobs + n <= most_jobs and held + bytes <= most_bytes then
    call('ZADD', key, unpack(members))
    call('HSET', base .. 'q', unpack(places))
    call('HINCRBY', base .. 'b', field, bytes)
    added = n
    answers[#answers + 1] = string.rep('q', n)
  else
    for i = 1, n do
      local token = struct.unpack('>I8', places[2 * i])
      local answer = 'q'
      if not (queued[i] and struct.unpack('>I8', queued[i]) >= token) and
         not (leased[i] and struct.unpack('>I8', leased[i], 2) >= token) then
        if queued[i] then drop_ticket(ids[i], queued[i]) end
        local size = #members[2 * i] - 33
        jobs = call('ZCARD', key)
        held = tonumber(call('HGET', base .. 'b', field)) or 0
        if jobs + 1 > most_jobs or held + size > most_bytes then
          answer = 'f'
        else
          call('ZADD', key, members[2 * i - 1], members[2 * i])
          call('HSET', base .. 'q', places[2 * i - 1], places[2 * i])
          call('HINCRBY', base .. 'b', field, size)
          added = added + 1
        end
      end
      answers[#answers + 1] = answer
    end
  end
  if was_empty and added > 0 then woken[#woken + 1] = lane end
  at = at + 4 * n
  windows[#windows + 1] = lane
  windows[#windows + 1] = priority
  windows[#windows + 1] = call('ZCARD', key)
  windows[#windows + 1] = tonumber(call('HGET', base .. 'b', field)) or 0
  windows[#windows + 1] = call('SISMEMBER', base .. 'k', field)
end
if #woken > 0 then call('PUBLISH', base .. 'wake', 't ' .. table.concat(woken, ' ')) end
return {1, server, table.concat(answers), unpack(windows)}
)lua";

// ARGV: limit, how many may start, most bytes, length of the leases, holder, number of lanes; for
// each lane its number and queue.
// Answers the wall time, the watermark, {lane, priority, tickets left, bytes left, backlog} of each
// window that has been taken from, and {member, 2 * the window's place + (1 if started)} of each.
const char* const kClaim = R"lua(
if not is_open then return {0, server} end
local limit, start, most = tonumber(ARGV[5]), tonumber(ARGV[6]), tonumber(ARGV[7])
local length, holder, count = tonumber(ARGV[8]), ARGV[9], tonumber(ARGV[10])
local paused
if call('SCARD', base .. 'p') > 0 then
  local queues = {}
  for i = 1, count do queues[i] = ARGV[10 + 2 * i] end
  paused = call('SMISMEMBER', base .. 'p', unpack(queues))
end
local lanes, fields = {}, {}
for i = 1, count do
  if not paused or paused[i] == 0 then
    local lane = ARGV[9 + 2 * i]
    lanes[#lanes + 1] = lane
    for p = 0, 3 do fields[#fields + 1] = lane .. ':' .. p end
  end
end
local water = tonumber(call('GET', base .. 'water')) or -1
local windows, items, ids = {}, {}, {}
local taken, bytes, done = 0, 0, #lanes == 0
local held = done and {} or call('HMGET', base .. 'b', unpack(fields))
local stem = struct.pack('>I8I4', now, length) .. holder
local leases, ends, until_ = {}, {}, beat + length
for p = 0, 3 do
  if done then break end
  local from = {}
  for i = 1, #lanes do
    if held[4 * (i - 1) + p + 1] then
      from[#from + 1] = {lane = lanes[i], key = base .. 't:' .. lanes[i] .. ':' .. p, read = 0,
                         next = 1, buffer = {}, taken = 0, bytes = 0, window = #windows + #from}
    end
  end
  -- With one lane its order is all that is needed; with more the seqs are compared.
  local step, merge = 1, #from > 1
  if merge then step = 2 end
  local function fill(source)
    local chunk = math.min(limit - taken, merge and 16 or 64)
    source.buffer = merge and call('ZRANGE', source.key, source.read, source.read + chunk - 1, 'WITHSCORES')
                          or call('ZRANGE', source.key, source.read, source.read + chunk - 1)
    source.read = source.read + #source.buffer / step
    source.next = 1
    if merge and source.buffer[2] then source.seq = tonumber(source.buffer[2]) end
  end
  if not done then for _, source in ipairs(from) do fill(source) end end
  while not done do
    local best
    for i = 1, #from do
      local source = from[i]
      if source.buffer[source.next] and (not best or source.seq < best.seq) then best = source end
    end
    if not best then break end
    local member = best.buffer[best.next]
    local size = #member - 33
    if taken > 0 and bytes + size > most then done = true break end
    taken, bytes = taken + 1, bytes + size
    best.taken, best.bytes = best.taken + 1, best.bytes + size
    best.next = best.next + step
    if not best.buffer[best.next] then
      if taken < limit then fill(best) end
    elseif merge then
      best.seq = tonumber(best.buffer[best.next + 1])
    end
    local id = string.sub(member, 1, 16)
    local started = 0
    if string.byte(member, 33) ~= 0 then
      done = true
    elseif start > 0 and (water < 0 or struct.unpack('>I8', member, 25) > water) then
      start, started = start - 1, 1
    end
    ids[taken] = id
    items[2 * taken - 1], items[2 * taken] = member, 2 * best.window + started
    leases[2 * taken - 1] = id
    best.packed = best.packed or struct.pack('>I8', tonumber(best.lane)) .. stem
    leases[2 * taken] = (started == 1 and '\1' or '\0') .. string.sub(member, 17, 24) .. best.packed
    ends[2 * taken - 1], ends[2 * taken] = until_, id
    if taken >= limit then done = true end
  end
  for _, source in ipairs(from) do
    local field, left, rest = source.lane .. ':' .. p, 0, 0
    if source.taken > 0 then
      call('ZREMRANGEBYRANK', source.key, 0, source.taken - 1)
      left = call('ZCARD', source.key)
      if left == 0 then
        call('HDEL', base .. 'b', field)
      else
        rest = call('HINCRBY', base .. 'b', field, string.format('%.0f', -source.bytes))
      end
    else
      left, rest = call('ZCARD', source.key), tonumber(call('HGET', base .. 'b', field))
    end
    windows[#windows + 1] = {source.lane, p, left, rest, call('SISMEMBER', base .. 'k', field)}
  end
end
if taken > 0 then
  call('HDEL', base .. 'q', unpack(ids))
  call('HSET', base .. 'l', unpack(leases))
  call('ZADD', base .. 'e', unpack(ends))
end
return {1, server, now, water, windows, items}
)lua";

// ARGV: length, holder, number of servers on which runs were last seen, those (empty: on this one);
// for each run id, (flags, token, lane, when claimed), and the place of the server in that list.
// Answers a string: "e" extended, "c" extended and to be cancelled, "p" put back, "l" lost.
const char* const kExtend = R"lua(
local length, holder, servers = tonumber(ARGV[5]), ARGV[6], tonumber(ARGV[7])
local first = 8 + servers
local n = (#ARGV - first + 1) / 3
local ids, answers, ends, leases = {}, {}, {}, {}
for i = 1, n do ids[i] = ARGV[first + 3 * (i - 1)] end
local standing = call('HMGET', base .. 'l', unpack(ids))
local packed_length = struct.pack('>I4', length)
for i = 1, n do
  local id, run = ids[i], ARGV[first + 3 * (i - 1) + 1]
  local lease, token, answer = standing[i], string.sub(run, 2, 9), nil
  if lease and string.sub(lease, 2, 9) == token and string.sub(lease, 30) == holder then
    answer = math.floor(string.byte(lease, 1) / 2) % 2 == 1 and 'c' or 'e'
    if string.sub(lease, 26, 29) ~= packed_length then
      leases[#leases + 1] = id
      leases[#leases + 1] = string.sub(lease, 1, 25) .. packed_length .. holder
    end
  else
    local seen = ARGV[7 + tonumber(ARGV[first + 3 * (i - 1) + 2])]
    local elsewhere = seen ~= '' and seen ~= server
    local mine = struct.unpack('>I8', token)
    answer = 'l'
    if (elsewhere or (not is_open and not lease)) and
       not (lease and struct.unpack('>I8', lease, 2) >= mine) then
      answer = 'p'
      leases[#leases + 1] = id
      leases[#leases + 1] = run .. packed_length .. holder
      local place = call('HGET', base .. 'q', id)
      if place and struct.unpack('>I8', place) <= mine then drop_ticket(id, place) end
    end
  end
  answers[i] = answer
  if answer ~= 'l' then
    ends[#ends + 1] = beat + length
    ends[#ends + 1] = id
  end
end
if #leases > 0 then call('HSET', base .. 'l', unpack(leases)) end
if #ends > 0 then call('ZADD', base .. 'e', unpack(ends)) end
return {is_open and 1 or 0, server, table.concat(answers)}
)lua";

// ARGV: holder; for each run id and token. Answers "s" (noted), "c" (and to be cancelled) or "l".
const char* const kMarkStarted = R"lua(
local holder, ids, answers, leases = ARGV[5], {}, {}, {}
for i = 6, #ARGV, 2 do ids[#ids + 1] = ARGV[i] end
local standing = call('HMGET', base .. 'l', unpack(ids))
for i = 1, #ids do
  local lease = standing[i]
  if lease and string.sub(lease, 2, 9) == ARGV[5 + 2 * i] and string.sub(lease, 30) == holder then
    local flags = string.byte(lease, 1)
    answers[i] = math.floor(flags / 2) % 2 == 1 and 'c' or 's'
    if flags % 2 == 0 then
      leases[#leases + 1] = ids[i]
      leases[#leases + 1] = string.char(flags + 1) .. string.sub(lease, 2)
    end
  else
    answers[i] = 'l'
  end
end
if #leases > 0 then call('HSET', base .. 'l', unpack(leases)) end
return {is_open and 1 or 0, server, table.concat(answers)}
)lua";

// ARGV: holder; for each run id and token.
const char* const kHandBack = R"lua(
local holder, ids, leases, ends = ARGV[5], {}, {}, {}
for i = 6, #ARGV, 2 do ids[#ids + 1] = ARGV[i] end
local standing = call('HMGET', base .. 'l', unpack(ids))
for i = 1, #ids do
  local lease = standing[i]
  if lease and string.sub(lease, 2, 9) == ARGV[5 + 2 * i] and string.sub(lease, 30) == holder then
    local flags = string.byte(lease, 1)
    leases[#leases + 1] = ids[i]
    leases[#leases + 1] = string.char(flags - flags % 2) .. string.sub(lease, 2)
    ends[#ends + 1] = 0
    ends[#ends + 1] = ids[i]
  end
end
if #leases > 0 then
  call('HSET', base .. 'l', unpack(leases))
  call('ZADD', base .. 'e', 'XX', unpack(ends))
end
return {is_open and 1 or 0, server}
)lua";

// ARGV: for each run id and token.
const char* const kRelease = R"lua(
local ids, gone = {}, {}
for i = 5, #ARGV, 2 do ids[#ids + 1] = ARGV[i] end
local standing = call('HMGET', base .. 'l', unpack(ids))
for i = 1, #ids do
  local lease = standing[i]
  if lease and string.sub(lease, 2, 9) == ARGV[4 + 2 * i] then gone[#gone + 1] = ids[i] end
end
if #gone > 0 then
  call('HDEL', base .. 'l', unpack(gone))
  call('ZREM', base .. 'e', unpack(gone))
end
return {is_open and 1 or 0, server, #gone}
)lua";

}  // namespace rwp::jobs_tiered::scripts
