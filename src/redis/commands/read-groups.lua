--[[
  Reads records of groups of one bucket, a page at a time, as HSCAN does: each that is there throughout, some twice.

  KEYS[1] records of groups
  ARGV[1] cursor; ARGV[2] about how many
  Output: {time (ms), next cursor, id, record, …}
]]
local time = redis.call('TIME')
local page = redis.call('HSCAN', KEYS[1], ARGV[1], 'COUNT', ARGV[2])
local result = page[2]
table.insert(result, 1, page[1])
table.insert(result, 1, string.format('%.0f', math.floor((time[1] * 1000000 + time[2]) / 1000)))
return result
