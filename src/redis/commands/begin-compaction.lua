--[[
  Begins the compaction of a family. An earlier one that is still under way will notice and stop.

  KEYS[1] hash, KEYS[2] order
  ARGV[1] a token that no other compaction has; ARGV[2] do nothing if the last one ended less than this many ms ago
  Output: false if there is nothing to do, else {time (ms), number of commits so far, number of blocks, bytes of all}
]]
local call = redis.call
local meta = call('HMGET', KEYS[1], 'v', 'n', 'x')
if not meta[1] then return false end
local time = call('TIME')
local now_ms = math.floor((time[1] * 1000000 + time[2]) / 1000)
if meta[3] and now_ms - meta[3] < tonumber(ARGV[2]) then return false end
call('HSET', KEYS[1], 'c', ARGV[1])
return { string.format('%.0f', now_ms), meta[1], call('ZCARD', KEYS[2]), meta[2] }
