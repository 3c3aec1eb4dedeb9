--[[
  Reads families of one bucket: small ones whole, of a large one only what is needed to read it in pages.
  Stops when the answer is full: the caller asks again for the families that are left.

  KEYS the hashes of the families
  ARGV[1] most bytes and ARGV[2] most fields of a family that is read whole; ARGV[3] most bytes and ARGV[4] most fields
    in the answer
  Output: {time (ms), family, …}: false for one that is gone, else {type, help or false, unit or false, bytes of all
    blocks, field, value, …}, and no fields if it is large. Of the field of a block only what names its owner is given,
    'i-' or 'g' and the id of a group; those that begin with 'p' say until when what that group holds lives.
]]
local call = redis.call
local time = call('TIME')
local result = { string.format('%.0f', math.floor((time[1] * 1000000 + time[2]) / 1000)) }
local whole_bytes, whole_fields = tonumber(ARGV[1]), tonumber(ARGV[2])
local most_bytes, most_fields = tonumber(ARGV[3]), tonumber(ARGV[4])
local bytes, fields_read = 0, 0
local INGEST = string.byte('i')

for _, hash in ipairs(KEYS) do
  local meta = call('HMGET', hash, 't', 'h', 'u', 'n')
  local size = tonumber(meta[4] or 0)
  if size == 0 then
    result[#result + 1] = false
  else
    local family = { meta[1], meta[2], meta[3], size }
    local count = size <= whole_bytes and call('HLEN', hash) or 0
    if count > 0 and count <= whole_fields then
      if bytes > 0 and (bytes + size > most_bytes or fields_read + count > most_fields) then break end
      bytes, fields_read = bytes + size, fields_read + count
      -- All fields in one call: for a small family cheaper than its blocks in their order.
      local fields = call('HGETALL', hash)
      for i = 1, #fields, 2 do
        local field = fields[i]
        if #field > 1 then
          local n = #family
          family[n + 1] = string.byte(field) == INGEST and 'i-' or string.sub(field, 1, 9)
          family[n + 2] = fields[i + 1]
        end
      end
    end
    result[#result + 1] = family
  end
end
return result
