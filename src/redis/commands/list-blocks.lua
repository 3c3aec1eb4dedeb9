--[[
  Lists blocks of a family, oldest first, in pages. A block that is written again moves towards the end: it is met
  twice, or at its new place, but never missed.

  KEYS[1] hash, KEYS[2] order
  ARGV[1] lower bound of the sequences as ZRANGE takes it, ARGV[2] most blocks
  Output: {time (ms), revision of the family, field, sequence, …}
]]
local time = redis.call('TIME')
local result = redis.call('ZRANGEBYSCORE', KEYS[2], ARGV[1], '+inf', 'WITHSCORES', 'LIMIT', 0, ARGV[2])
for i = 2, #result, 2 do result[i] = string.format('%.0f', result[i]) end
table.insert(result, 1, redis.call('HGET', KEYS[1], 'r') or '0')
table.insert(result, 1, string.format('%.0f', math.floor((time[1] * 1000000 + time[2]) / 1000)))
return result
