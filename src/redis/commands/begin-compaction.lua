--[[
  Begins the compaction of a family. An earlier one that is still under way will notice and stop.

  KEYS[1] hash
  ARGV[1] a token that no other compaction has; ARGV[2] do nothing if the last one ended less than this many ms ago
  Output: false if there is nothing to do, else the number of commits so far
]]
local call = redis.call
local meta = call('HMGET', KEYS[1], 'v', 'x')
if not meta[1] then return false end
local time = call('TIME')
local since = math.floor((time[1] * 1000000 + time[2]) / 1000) - tonumber(meta[2] or 0)
-- Less than nothing: the clock has been stepped back.
if since >= 0 and since < tonumber(ARGV[2]) then return false end
-- A removal first, which a Redis without memory lets pass, and what follows it too.
call('HDEL', KEYS[1], 'c')
call('HSET', KEYS[1], 'c', ARGV[1])
return meta[1]
