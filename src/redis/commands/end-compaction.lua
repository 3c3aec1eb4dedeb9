--[[
  Ends the compaction of a family: notes what lives, and, if nobody has written to it meanwhile, brings its deadline
  down to that of what is left, or removes the family if nothing is. Begins with shared/family.lua and shared/shelves.lua.

  KEYS[1] hash, KEYS[2] order, KEYS[3] index
  ARGV[1] token, ARGV[2] number of commits at the beginning, ARGV[3] bytes that live, ARGV[4] latest deadline of the
  blocks that are left (ms; 0: none is left), ARGV[5] name of the family, ARGV[6] the owners that have blocks left: i
  (/ingest), g (groups)
  Output: -1 if another compaction has begun; 0 otherwise
]]
local call = redis.call
local known = call('HMGET', KEYS[1], 'c', 'm')
if known[1] ~= ARGV[1] then return -1 end
call('HDEL', KEYS[1], 'c')
local family = family_of(known[2])
local unchanged = family.commits == tonumber(ARGV[2])
if unchanged and ARGV[4] == '0' then
  unlink_family(KEYS[1], KEYS[2])
  call('ZREM', KEYS[3], ARGV[5])
  return 0
end
local time = call('TIME')
family.live = tonumber(ARGV[3])
local deadline = tonumber(ARGV[4])
local ends_sooner = unchanged and deadline ~= family.deadline
if unchanged then
  if not string.find(ARGV[6], 'i', 1, true) then family.ingested = 0 end
  if not string.find(ARGV[6], 'g', 1, true) then family.grouped = 0 end
  family.deadline = deadline
  if ends_sooner then family.ends = deadline + size_class(family.bytes) end
end
call('HSET', KEYS[1], 'm', text_of(family), 'x', string.format('%.0f', math.floor((time[1] * 1000000 + time[2]) / 1000)))
if ends_sooner then
  call('PEXPIREAT', KEYS[1], ARGV[4])
  if family.form == ORDERED then call('PEXPIREAT', KEYS[2], ARGV[4]) end
  if family.form == SHELVED then keep_shelves(KEYS[1], KEYS[2]) end
  call('ZADD', KEYS[3], score_of(family.ends), ARGV[5])
end
return 0
