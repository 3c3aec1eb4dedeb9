--[[
  Gives up the reservations of a push that will not be carried out.

  KEYS hashes of families
  ARGV[1] token of the push
]]
for _, hash in ipairs(KEYS) do
  local held = redis.call('HGET', hash, 'q')
  if held and string.match(held, '^%d+ (%S+) ') == ARGV[1] then redis.call('HDEL', hash, 'q') end
end
return 0
