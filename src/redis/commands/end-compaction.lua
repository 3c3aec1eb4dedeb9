--[[
  Ends the compaction of a family: notes what lives, and, if nobody has written to it meanwhile, brings its deadline
  down to that of what is left, or removes the family if nothing is.

  KEYS[1] hash, KEYS[2] order, KEYS[3] index
  ARGV[1] token, ARGV[2] number of commits at the beginning, ARGV[3] bytes that live, ARGV[4] latest deadline of the
  blocks that are left (ms; 0: none is left), ARGV[5] name of the family, ARGV[6] the owners that have blocks left: i
  (/ingest), g (groups)
  Output: -1 if another compaction has begun; 0 otherwise
]]
local call = redis.call
local meta = call('HMGET', KEYS[1], 'c', 'v', 'd')
if meta[1] ~= ARGV[1] then return -1 end
call('HDEL', KEYS[1], 'c')
local unchanged = meta[2] == ARGV[2]
if unchanged and ARGV[4] == '0' then
  call('UNLINK', KEYS[1], KEYS[2])
  call('ZREM', KEYS[3], ARGV[5])
  return 0
end
local time = call('TIME')
call('HSET', KEYS[1], 'l', ARGV[3], 'x', string.format('%.0f', math.floor((time[1] * 1000000 + time[2]) / 1000)))
for _, owner in ipairs({ 'i', 'g' }) do
  if unchanged and not string.find(ARGV[6], owner, 1, true) then call('HDEL', KEYS[1], owner) end
end
if unchanged and ARGV[4] ~= meta[3] then
  call('HSET', KEYS[1], 'd', ARGV[4])
  call('PEXPIREAT', KEYS[1], ARGV[4])
  call('PEXPIREAT', KEYS[2], ARGV[4])
  call('ZADD', KEYS[3], ARGV[4], ARGV[5])
end
return 0
