--[[
  Gives the families whose blocks were written in a transaction their names back (see shared/drafts.lua).

  KEYS for each family: draft, hash
  Output: how many there were
]]
local call = redis.call
local kept = 0
for i = 1, #KEYS, 2 do
  if call('HEXISTS', KEYS[i], 'm') == 1 then
    call('RENAME', KEYS[i], KEYS[i + 1])
    kept = kept + 1
  else
    call('UNLINK', KEYS[i])
  end
end
return kept
