--[[
  Reads families of one bucket: small ones whole, of a large one only what is needed to read it in pages.
  Stops when the answer is full: the caller asks again for the families that are left.

  KEYS for each family: hash, order
  ARGV[1] most blocks of a family that is read whole; ARGV[2] most blocks in the answer; ARGV[3] most bytes in it;
  ARGV[4] most bytes of a family that is read whole
  Output: {time (ms), family, …}: false for one that is gone, else {type, help or false, number of blocks, bytes of all
    blocks, value, …}, the values newest first, and none if it is large
]]
local call = redis.call
local time = call('TIME')
local result = { string.format('%.0f', math.floor((time[1] * 1000000 + time[2]) / 1000)) }
local whole, most_blocks, most_bytes = tonumber(ARGV[1]), tonumber(ARGV[2]), tonumber(ARGV[3])
local whole_bytes = tonumber(ARGV[4])
local blocks, bytes = 0, 0
for k = 1, #KEYS, 2 do
  local meta = call('HMGET', KEYS[k], 't', 'h', 'n')
  local size = tonumber(meta[3] or 0)
  local count = meta[3] and call('ZCARD', KEYS[k + 1]) or 0
  if count == 0 then
    result[#result + 1] = false
  else
    local family = { meta[1], meta[2], count, size }
    if count <= whole and size <= whole_bytes then
      if blocks > 0 and (blocks + count > most_blocks or bytes + size > most_bytes) then break end
      blocks, bytes = blocks + count, bytes + size
      local fields = call('ZREVRANGE', KEYS[k + 1], 0, -1)
      for i = 1, count, 500 do
        local values = call('HMGET', KEYS[k], unpack(fields, i, math.min(i + 499, count)))
        for j = 1, #values do family[4 + i - 1 + j] = values[j] end
      end
    end
    result[#result + 1] = family
  end
end
return result
