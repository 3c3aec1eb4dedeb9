--[[
  Reserves a range of sequences in buckets for one body: the blocks of the body that are written under it order among
  themselves as they stand in the body, after everything written before and before everything that comes later.

  KEYS clocks of the buckets
  ARGV[1] how many sequences; ARGV[2] shortest life of the reservation, ms; then for each bucket: the lowest that will do
  Output: the first sequence of each bucket, as text
]]
local call = redis.call
local time = call('TIME')
local now_us = time[1] * 1000000 + time[2]
local now_ms = math.floor(now_us / 1000)
local result = {}
for i, clock in ipairs(KEYS) do
  local first = math.max(now_us, tonumber(call('GET', clock) or 0) + 1, tonumber(ARGV[2 + i]))
  local left = math.max(call('PTTL', clock), tonumber(ARGV[2]))
  call('SET', clock, string.format('%.0f', first + ARGV[1]), 'PXAT', string.format('%.0f', now_ms + left))
  result[i] = string.format('%.0f', first)
end
return result
