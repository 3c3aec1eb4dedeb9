--[[
  Reads fields of a family, of those of blocks the blocks, wherever they stand. Begins with shared/family.lua and
  shared/shelves.lua. Slow: a string of Lua's own is made of each.

  KEYS[1] hash, KEYS[2] order
  ARGV the fields; none: all
  Output: their values; if all were asked for, fields and values in turn
]]
if #ARGV == 0 then
  local all = redis.call('HGETALL', KEYS[1])
  for i = 1, #all, 2 do
    if is_block(all[i]) then all[i + 1] = block_in(KEYS[2], all[i + 1]) end
  end
  return all
end
local values = redis.call('HMGET', KEYS[1], unpack(ARGV))
for i, field in ipairs(ARGV) do
  if is_block(field) then values[i] = block_in(KEYS[2], values[i]) end
end
return values
