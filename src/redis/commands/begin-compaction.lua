--[[
  Begins the compaction of a family. An earlier one that is still under way will notice and stop, unless this one yields
  to it. Begins with shared/family.lua and shared/growth.lua.

  KEYS[1] hash
  ARGV[1] a token that no other compaction has; ARGV[2] do nothing if the last one ended less than this many ms ago
  ARGV[3] '1': do nothing if the family does not want it (any more)
  ARGV[4] yield to one that began less than this many ms ago and has not ended, and to one of a large family for longer:
    its gateway may have died midway. 0: do not yield
  Output: false if there is nothing to do; -1 if another one is under way; else the number of commits so far, the token
    that stands in the family from now on, the time (ms), and how the family keeps its blocks
]]
-- No compaction is so slow.
local BYTES_PER_MS = 10000

local call = redis.call
local known = call('HMGET', KEYS[1], 'm', 'x', 'c')
local family = family_of(known[1])
if not family or family.deadline == 0 then return false end
if ARGV[3] == '1' and not has_outgrown(family.bytes, family.live) then return false end
local time = call('TIME')
local now_ms = math.floor((time[1] * 1000000 + time[2]) / 1000)
local since = now_ms - tonumber(known[2] or 0)
-- Less than nothing: the clock has been stepped back.
if since >= 0 and since < tonumber(ARGV[2]) then return false end
local patience = tonumber(ARGV[4])
if patience > 0 and known[3] then
  local age = now_ms - tonumber(string.match(known[3], '^%d+') or 0)
  if age >= 0 and age < patience + family.bytes / BYTES_PER_MS then return -1 end
end
local token = string.format('%.0f ', now_ms) .. ARGV[1]
-- A removal first, which a Redis without memory lets pass, and what follows it too.
call('HDEL', KEYS[1], 'c')
call('HSET', KEYS[1], 'c', token)
return { string.format('%.0f', family.commits), token, string.format('%.0f', now_ms), family.form }
