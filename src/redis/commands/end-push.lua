--[[
  Ends a change of a group. Begins with shared/preamble.lua and shared/group-record.lua.

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

local push_s, failure_s, held_deadline = living_record(KEYS[2], gid)
local deadline = held_deadline or deadline_of(tonumber(ARGV[4]))
local lost = tonumber(ARGV[7])
if outcome == 'stored' then
  push_s, deadline = now_us / 1000000, deadline_of(tonumber(ARGV[4]))
  for n = 8, 7 + lost do call('HDEL', KEYS[3], ARGV[n]) end
  local names = {}
  for n = 8 + lost, #ARGV do names[#names + 1] = ARGV[n] end
  note_pushed(KEYS[3], names, push_s)
else
  -- It was no push that would let the group live longer, nor has it brought any family.
  failure_s = now_us / 1000000
  for n = 8 + lost, #ARGV do
    if call('HGET', KEYS[3], ARGV[n]) == '' then call('HDEL', KEYS[3], ARGV[n]) end
  end
end
store_record(KEYS[2], KEYS[3], KEYS[4], gid, push_s or 0, failure_s or 0, deadline, ARGV[5], ARGV[6])
return 0
