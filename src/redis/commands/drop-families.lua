--[[
  Takes out of families of one bucket what a group holds there. A family that nobody else holds ends, and with it its
  claim on names and type. Begins with shared/preamble.lua, shared/family.lua, shared/shelves.lua and shared/group-blocks.lua.
  Atomic.

  KEYS[1] index, then for each family: hash, order
  ARGV[1] time of the server (µs) after which this must do nothing; ARGV[2] id of the group, 8 bytes
  then the names of the families
  Output: {'late', time}, else {time (µs), 'done'}
]]
if now_us > tonumber(ARGV[1]) then return { 'late', number(now_us) } end
local gid = ARGV[2]
for n = 3, #ARGV do
  local hash, order = KEYS[n * 2 - 4], KEYS[n * 2 - 3]
  local _, digests, lone, held = holding(hash, order, gid)
  -- A removal first, which a Redis without memory lets pass, and what follows it too.
  if call('HDEL', hash, 'p' .. gid, lone_field(gid)) > 0 then
    local family = family_at(hash)
    remove_all(family, hash, order, gid, digests, lone, held)
    if family.blocks == 0 then
      unlink_family(hash, order)
      call('ZREM', KEYS[1], ARGV[n])
    else
      family.commits = family.commits + 1
      call('HSET', hash, 'm', text_of(family))
    end
  end
end
tidy_shelves()
return { number(now_us), 'done' }
