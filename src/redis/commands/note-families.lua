--[[
  Notes families of a group that is being changed, where they are too many for begin-push.lua and end-push.lua alone.
  Begins with shared/preamble.lua.

  KEYS[1] lock, KEYS[2] families of the group
  ARGV[1] token; ARGV[2] 'named' by a push, 'pushed', 'dropped' by it, or 'refused' with it; ARGV[3] time to live, ms
  then the names of the families
  Output: 0; -1 if somebody else has taken over since
]]
if call('GET', KEYS[1]) ~= ARGV[1] then return -1 end
local what = ARGV[2]
local time_s = string.format('%.6f', now_us / 1000000)
for n = 4, #ARGV do
  local name = ARGV[n]
  if what == 'named' then
    call('HSETNX', KEYS[2], name, '')
  elseif what == 'pushed' then
    call('HSET', KEYS[2], name, time_s)
  elseif what == 'dropped' or call('HGET', KEYS[2], name) == '' then
    call('HDEL', KEYS[2], name)
  end
end
if what == 'named' then keep_until(KEYS[2], deadline_of(tonumber(ARGV[3]))) end
return 0
