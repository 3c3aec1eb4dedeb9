--[[
  Reads families of one bucket: small ones whole, of a large one only what is needed to read it in pages.
  Stops when the answer is full: the caller asks again for the families that are left.

  KEYS the hashes of the families
  ARGV[1] most bytes and ARGV[2] most fields of a family that is read whole; ARGV[3] most bytes and ARGV[4] most fields
    in the answer
  Output: {time (ms), family, …}: false for one that is gone; of a large one {type, help or false, unit or false, bytes
    of all blocks}; of any other one all of its hash, {field, value, …}, which are more than these four.

  Each call costs 1 to 3 µs, and so does what is made of an answer in Lua: a hash goes out as HGETALL gives it.
]]
local call = redis.call
local time = call('TIME')
local result = { string.format('%.0f', math.floor((time[1] * 1000000 + time[2]) / 1000)) }
local whole_bytes, whole_fields = tonumber(ARGV[1]), tonumber(ARGV[2])
local most_bytes, most_fields = tonumber(ARGV[3]), tonumber(ARGV[4])
local bytes, fields_read = 0, 0
-- A family of so few bytes cannot have many fields: they need not be counted.
local FEW_BYTES, FEW_FIELDS = 1024, 64

for i, hash in ipairs(KEYS) do
  local size = tonumber(call('HGET', hash, 'n') or 0)
  local family = false
  if size > 0 then
    local count = 0
    if size <= whole_bytes then
      count = size <= FEW_BYTES and FEW_FIELDS <= whole_fields and 1 or call('HLEN', hash)
    end
    if count > 0 and count <= whole_fields then
      if bytes > 0 and bytes + size > most_bytes then break end
      if fields_read > most_fields then break end
      family = call('HGETALL', hash)
      bytes, fields_read = bytes + size, fields_read + #family / 2
    else
      local meta = call('HMGET', hash, 't', 'h', 'u')
      family = { meta[1], meta[2], meta[3], size }
    end
  end
  result[i + 1] = family
end
return result
