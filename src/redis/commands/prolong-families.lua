--[[
  Gives what a group holds in families of one bucket the deadline of a push that does not name them: a group goes as a
  whole. What has ended stays so. Begins with shared/preamble.lua, shared/family.lua,
  shared/shelves.lua, shared/keep-family.lua and shared/group-blocks.lua. Atomic.

  KEYS[1] index, KEYS[2] clock, then for each family: hash, order
  ARGV[1] time of the server (µs) after which this must do nothing; ARGV[2] id of the group, 8 bytes
  ARGV[3] time to live, ms; then the names of the families
  Output: {'late', time}, else {time (µs), 'done'}
]]
if now_us > tonumber(ARGV[1]) then return { 'late', number(now_us) } end
local gid, deadline = ARGV[2], deadline_of(tonumber(ARGV[3]))
local latest = 0
for n = 4, #ARGV do
  local hash, order = KEYS[n * 2 - 5], KEYS[n * 2 - 4]
  local held_deadline, digests, lone, held = holding(hash, order, gid)
  if held_deadline > now_ms then
    local family = family_at(hash)
    prolong(family, deadline)
    family.commits = family.commits + 1
    local field, value = 'p' .. gid, struct.pack('<d', -deadline) .. digests
    if lone then
      field, value = lone_field(gid), string.sub(lone, 1, 8) .. struct.pack('<d', deadline) .. string.sub(lone, 17)
      if family.form == SHELVED then value = shelve_block(hash, order, held, value) end
    end
    call('HSET', hash, 'm', text_of(family), field, value)
    keep_family(family, hash, order, KEYS[1])
    if family.is_news then latest = math.max(latest, family.ends) end
  end
end
if latest > 0 then keep_bucket(KEYS[1], KEYS[2], latest) end
tidy_shelves()
return { number(now_us), 'done' }
