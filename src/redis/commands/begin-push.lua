--[[
  Begins a change of a group: pushes to one group, and its deletion, come one after the other. Begins with
  shared/preamble.lua and shared/group-record.lua. Run again with the same token it holds the group for longer, unless that has passed already.

  The families that a push names are noted at once, so that whoever replaces or deletes the group later knows of them,
  even if this push dies midway. Of a group that does not live they are what such a push has left.

  KEYS[1] lock, KEYS[2] records of groups, KEYS[3] families of the group
  ARGV[1] time of the server (µs) after which this must do nothing: it would hold a group that nobody lets go of
  ARGV[2] token; ARGV[3] for how long, ms; ARGV[4] id of the group, 8 bytes; ARGV[5] time to live, ms
  ARGV[6] '1': the group is held already; then the names of the families
  Output: {'late', time}; {time (µs), 'busy', ms left} if somebody else changes it; else
    {time, '1' if the group lives, family that it had, …}
]]
if now_us > tonumber(ARGV[1]) then return { 'late', number(now_us) } end
local token, gid = ARGV[2], ARGV[4]
local held = call('GET', KEYS[1])
-- Once it has passed, somebody else may have come and gone.
if held ~= token and (held or ARGV[6] == '1') then
  return { number(now_us), 'busy', call('PTTL', KEYS[1]) }
end
-- A removal first, which a Redis without memory lets pass, and what follows it too: groups can then still be deleted.
if #ARGV == 6 then call('HDEL', KEYS[3], '') end
call('SET', KEYS[1], token, 'PX', ARGV[3])

local lives = living_record(KEYS[2], gid) ~= nil
local had = call('HKEYS', KEYS[3])
local known, new = {}, {}
for _, name in ipairs(had) do known[name] = true end
for n = 7, #ARGV do
  if not known[ARGV[n]] then
    new[#new + 1] = ARGV[n]
    new[#new + 1] = ''
  end
end
for from = 1, #new, 500 do call('HSET', KEYS[3], unpack(new, from, math.min(from + 499, #new))) end
if #ARGV > 6 then keep_until(KEYS[3], deadline_of(tonumber(ARGV[5]))) end
table.insert(had, 1, lives and '1' or '0')
table.insert(had, 1, number(now_us))
return had
