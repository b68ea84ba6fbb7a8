#include "ai_redis/rate_script.hpp"

#include <algorithm>
#include <array>
#include <charconv>
#include <cmath>

namespace rwp::ai_redis {
namespace {

constexpr const char* kScript = R"(
local run, member = ARGV[1], ARGV[2]
local n = {}
for i = 3, #ARGV do n[i - 2] = tonumber(ARGV[i]) end
local want = {rq = n[1], tk = n[2]}
local need, back = n[3], {rq = n[4], tk = n[5]}
local said, left = {rq = n[6], tk = n[7]}, {rq = n[8], tk = n[9]}
local pause, away = n[10], n[11]
local limit, minute, burst, slice = {rq = n[12], tk = n[13]}, n[14], n[15], n[16]
local learn = n[17]

local t = redis.call('TIME')
local now = t[1] * 1000 + t[2] / 1000
local function text(number) return string.format('%.6f', number) end

local e = redis.call('HMGET', KEYS[1], 'run', 'born')
local born = e[2]
if e[1] ~= run or not born then
  born = text(now)
  redis.call('HSET', KEYS[1], 'run', run, 'born', born)
end
local epoch = run .. born

local s, flat = {}, redis.call('HGETALL', KEYS[2])
for i = 1, #flat, 2 do s[flat[i]] = flat[i + 1] end

local active, gone = 0, {}
for field, seen in pairs(s) do
  if string.sub(field, 1, 2) == 'm:' and field ~= 'm:' .. member then
    local age = now - tonumber(seen)
    if age < 0 or age > math.max(3 * slice, 1000) then gone[#gone + 1] = field
    else active = active + 1 end
  end
end
if #gone > 0 then redis.call('HDEL', KEYS[2], unpack(gone, 1, math.min(#gone, 1000))) end
local wants = want.rq > 0 or want.tk > 0
local set = {}
local function keep(field, value) set[#set + 1] = field; set[#set + 1] = value end
if wants then keep('m:' .. member, text(now)) end
active = active + 1

local rate, level, grant = {}, {}, {}
for _, kind in ipairs({'rq', 'tk'}) do
  if said[kind] > 0 then
    s['said_' .. kind] = said[kind]
    keep('said_' .. kind, text(said[kind]))
  end
  local told = tonumber(s['said_' .. kind] or 0)
  if learn == 1 and told > 0 and (limit[kind] == 0 or told < limit[kind]) then
    limit[kind] = told
  end
  rate[kind] = limit[kind] / minute
  local most = math.max(rate[kind] * burst, 1)
  local now_there
  if not s.at then
    now_there = now - tonumber(born) < minute and 0 or most
  elseif s.epoch ~= epoch then
    now_there = 0
  else
    now_there = tonumber(s[kind] or 0) + math.max(now - tonumber(s.at), 0) * rate[kind]
  end
  now_there = math.min(now_there + back[kind], most)
  if away == 1 then now_there = 0 end
  if left[kind] >= 0 then now_there = math.min(now_there, left[kind]) end
  level[kind] = now_there
end

local paused = tonumber(s.paused or 0)
if s.epoch and s.epoch ~= epoch or paused > now + 300000 then paused = 0 end
if pause > 0 then paused = math.max(paused, now + math.min(pause, 300000)) end
keep('paused', text(paused))

local wait = 0
grant.rq, grant.tk = 0, 0
if paused > now then
  wait = math.min(paused - now, slice)
else
  if limit.rq == 0 then grant.rq = want.rq
  elseif level.rq > 0.999999 then
    grant.rq = math.floor(math.min(want.rq, math.max(1, level.rq / active), level.rq + 0.000001))
  end
  if limit.tk == 0 then grant.tk = want.tk
  else
    local share = level.tk / active
    if level.tk >= need then share = math.max(share, need) end
    grant.tk = math.max(math.min(want.tk, share), 0)
  end
  if grant.rq < want.rq then
    wait = math.max(slice / 20, (1 - (level.rq - grant.rq)) / rate.rq)
  end
  if grant.tk < want.tk - 0.001 then wait = math.max(wait, slice / 10) end
  wait = math.min(wait, slice / 2)
end
if limit.rq > 0 then level.rq = math.max(level.rq - grant.rq, 0) end
if limit.tk > 0 then level.tk = math.max(level.tk - grant.tk, 0) end
keep('rq', text(level.rq))
keep('tk', text(level.tk))
keep('at', text(now))
keep('epoch', epoch)
redis.call('HSET', KEYS[2], unpack(set))
redis.call('PEXPIRE', KEYS[2], math.max(600000, 2 * minute))
redis.call('PEXPIRE', KEYS[1], 604800000)
return {text(grant.rq), text(grant.tk), text(wait), text(active), text(limit.rq), text(limit.tk),
        text(math.max(paused - now, 0)), text(level.rq), text(level.tk)}
)";

std::string text(double number) { return std::to_string(number); }

std::chrono::milliseconds milliseconds_of(double number) {
  return std::chrono::milliseconds(std::llround(std::ceil(std::clamp(number, 0.0, 3e5))));
}

}  // namespace

std::shared_ptr<const net_redis::Script> rate_script() {
  return std::make_shared<const net_redis::Script>(kScript);
}

std::vector<std::string> rate_arguments(const RateAsk& ask, const ai::RateAllowanceOptions& options,
                                        const std::string& run_id, const std::string& member,
                                        std::chrono::milliseconds slice) {
  return {run_id,
          member,
          text(ask.requests),
          text(ask.tokens),
          text(ask.needed_tokens),
          text(ask.returned_requests),
          text(ask.returned_tokens),
          std::to_string(ask.said_requests),
          std::to_string(ask.said_tokens),
          std::to_string(ask.left_requests),
          std::to_string(ask.left_tokens),
          std::to_string(ask.pause.count()),
          ask.was_away ? "1" : "0",
          std::to_string(options.requests_per_minute),
          std::to_string(options.tokens_per_minute),
          std::to_string(options.minute.count()),
          std::to_string(options.burst.count()),
          std::to_string(slice.count()),
          options.learn ? "1" : "0"};
}

Result<RateGrant> read_grant(const net_redis::Reply& reply) {
  std::array<double, 9> numbers{};
  bool good = reply.is_array() && reply.items.size() == numbers.size();
  for (std::size_t i = 0; good && i < numbers.size(); ++i) {
    const std::string& word = reply.items[i].text;
    const auto [end, problem] = std::from_chars(word.data(), word.data() + word.size(), numbers[i]);
    good = problem == std::errc() && end == word.data() + word.size() &&
           std::isfinite(numbers[i]) && numbers[i] >= 0;
  }
  if (!good) return Error(Errc::corrupt, "redis: no answer of a rate");
  RateGrant grant;
  grant.requests = numbers[0];
  grant.tokens = numbers[1];
  grant.again_in = milliseconds_of(numbers[2]);
  grant.members = std::max(numbers[3], 1.0);
  grant.requests_per_minute = numbers[4];
  grant.tokens_per_minute = numbers[5];
  grant.paused = milliseconds_of(numbers[6]);
  grant.left_requests = numbers[7];
  grant.left_tokens = numbers[8];
  return grant;
}

}  // namespace rwp::ai_redis
