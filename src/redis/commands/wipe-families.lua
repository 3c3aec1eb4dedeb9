--[[
  Removes families of one bucket, whoever holds them. Begins with shared/family.lua and shared/shelves.lua.

  KEYS[1] index, then for each family: hash, order
  ARGV the names of the families
]]
for n = 1, #ARGV do
  unlink_family(KEYS[n * 2], KEYS[n * 2 + 1])
  redis.call('ZREM', KEYS[1], ARGV[n])
end
return #ARGV
