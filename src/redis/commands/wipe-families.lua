--[[
  Removes families of one bucket, whoever holds them.

  KEYS[1] index, then for each family: hash, order
  ARGV the names of the families
]]
for n = 1, #ARGV do
  redis.call('UNLINK', KEYS[n * 2], KEYS[n * 2 + 1])
  redis.call('ZREM', KEYS[1], ARGV[n])
end
return #ARGV
