--[[
  Reads families: small ones whole, of a large one only what is needed to read it. Stops when the answer is full: the
  caller asks again for the families that are left. Begins with shared/family.lua.

  KEYS the hashes of the families
  ARGV[1] most bytes and ARGV[2] most blocks of a family that is read whole; ARGV[3] most bytes and ARGV[4] most blocks
    in the answer
  Output: {time (ms), family, …}: false for one that is gone; of one that has a single small block of /ingest what is known
    of it (see shared/family.lua) and the block as one string, since there may be very many and the reader makes an object
    of each; of others {what is known, field, value, …}, and no fields if it is large. Of the field of a block only what
    names its owner is given, 'i-' or 'g' and the id of a group; those that begin with 'p' say until when what that group
    holds lives.
]]
local call = redis.call
local time = call('TIME')
local result = { string.format('%.0f', math.floor((time[1] * 1000000 + time[2]) / 1000)) }
local whole_bytes, whole_blocks = tonumber(ARGV[1]), tonumber(ARGV[2])
local most_bytes, most_blocks = tonumber(ARGV[3]), tonumber(ARGV[4])
local bytes, blocks = 0, 0
local INGEST = string.byte('i')
local LARGEST_JOINED = 1024

for _, hash in ipairs(KEYS) do
  local text = call('HGET', hash, 'm')
  local size, count = 0, 0
  if text then size, count = size_of(text) end
  if count == 0 then
    result[#result + 1] = false
  else
    local family = { text }
    if size <= whole_bytes and count <= whole_blocks then
      if bytes > 0 and (bytes + size > most_bytes or blocks + count > most_blocks) then break end
      bytes, blocks = bytes + size, blocks + count
      -- All fields in one call: for a small family cheaper than its blocks in their order.
      local fields = call('HGETALL', hash)
      local n = 1
      for i = 1, #fields, 2 do
        local field = fields[i]
        if #field > 1 then
          family[n + 1] = string.byte(field) == INGEST and 'i-' or string.sub(field, 1, 9)
          family[n + 2] = fields[i + 1]
          n = n + 2
        end
      end
    end
    local is_joined = #family == 3 and family[2] == 'i-' and #family[3] <= LARGEST_JOINED
    result[#result + 1] = is_joined and text .. family[3] or family
  end
end
return result
