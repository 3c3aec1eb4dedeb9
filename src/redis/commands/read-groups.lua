--[[
  Reads records of groups of some buckets, a page of each, as HSCAN does: each that is there throughout, some twice.

  KEYS records of groups, of each bucket
  ARGV[1] cursor; ARGV[2] about how many of each
  Output: {time (ms), {next cursor, {id, record, …}}, …}
]]
local time = redis.call('TIME')
local result = { string.format('%.0f', math.floor((time[1] * 1000000 + time[2]) / 1000)) }
for i, records in ipairs(KEYS) do
  result[i + 1] = redis.call('HSCAN', records, ARGV[1], 'COUNT', ARGV[2])
end
return result
