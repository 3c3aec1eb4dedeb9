--[[
  Lists blocks of a family, oldest first, in pages. A block that is written again moves towards the end: it is met
  twice, or at its new place, but never missed.

  KEYS[1] hash, KEYS[2] order
  ARGV[1] lower bound of the sequences as ZRANGE takes it, ARGV[2] most blocks
  Output: {time (ms), revision of the family, field, sequence, bytes, …}
]]
local call = redis.call
local time = call('TIME')
local result = {
  string.format('%.0f', math.floor((time[1] * 1000000 + time[2]) / 1000)),
  call('HGET', KEYS[1], 'r') or '0',
}
local listed = call('ZRANGEBYSCORE', KEYS[2], ARGV[1], '+inf', 'WITHSCORES', 'LIMIT', 0, ARGV[2])
for i = 1, #listed, 2 do
  local n = #result
  result[n + 1] = listed[i]
  result[n + 2] = string.format('%.0f', listed[i + 1])
  result[n + 3] = call('HSTRLEN', KEYS[1], listed[i])
end
return result
