--[[
  Ends a change of a group. Begins with shared/preamble.lua.

  A record, by the id of the group: float64 time of the last push and of the last failure (s; 0: none), float64 deadline
  (ms), one byte: 1 if the label `instance` is not in the grouping key, then the labels as they are exposed.

  KEYS[1] lock, KEYS[2] records of groups, KEYS[3] families of the group, KEYS[4] deadlines of groups
  ARGV[1] token; ARGV[2] id of the group; ARGV[3] 'stored', 'refused', 'deleted' or 'given up'
  ARGV[4] time to live, ms; ARGV[5] '1' if `instance` is not in the key; ARGV[6] labels
  ARGV[7] number of families that the group has lost; their names; then the names of those that were pushed
  Output: 0; -1 if somebody else has taken over since
]]
local token, gid, outcome = ARGV[1], ARGV[2], ARGV[3]
if call('GET', KEYS[1]) ~= token then return -1 end
call('DEL', KEYS[1])
if outcome == 'given up' then return 0 end
if outcome == 'deleted' then
  local record = call('HDEL', KEYS[2], gid)
  call('ZREM', KEYS[4], gid)
  call('UNLINK', KEYS[3])
  return record
end

local record = call('HGET', KEYS[2], gid)
if record and struct.unpack('<d', record, 17) <= now_ms then record = nil end
local push_s, failure_s, deadline = 0, 0, deadline_of(tonumber(ARGV[4]))
if record then push_s, failure_s = struct.unpack('<dd', record) end
local lost = tonumber(ARGV[7])
if outcome == 'stored' then
  push_s = now_us / 1000000
  for n = 8, 7 + lost do call('HDEL', KEYS[3], ARGV[n]) end
  local fields = {}
  for n = 8 + lost, #ARGV do
    fields[#fields + 1] = ARGV[n]
    fields[#fields + 1] = string.format('%.6f', push_s)
  end
  for from = 1, #fields, 500 do call('HSET', KEYS[3], unpack(fields, from, math.min(from + 499, #fields))) end
else
  failure_s = now_us / 1000000
  -- It was no push that would let the group live longer, nor has it brought any family.
  if record then deadline = struct.unpack('<d', record, 17) end
  for n = 8 + lost, #ARGV do
    if call('HGET', KEYS[3], ARGV[n]) == '' then call('HDEL', KEYS[3], ARGV[n]) end
  end
end
call('HSET', KEYS[2], gid, struct.pack('<dddB', push_s, failure_s, deadline, ARGV[5] == '1' and 1 or 0) .. ARGV[6])
call('ZADD', KEYS[4], number(deadline), gid)
if call('EXISTS', KEYS[3]) == 1 then call('PEXPIREAT', KEYS[3], number(deadline)) end
keep_until(KEYS[2], deadline)
keep_until(KEYS[4], deadline)

local gone = call('ZRANGEBYSCORE', KEYS[4], '-inf', number(now_ms), 'LIMIT', 0, 16)
if #gone > 0 then
  call('ZREM', KEYS[4], unpack(gone))
  call('HDEL', KEYS[2], unpack(gone))
end
return 0
