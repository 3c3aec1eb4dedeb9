--[[
  Reads the headers of blocks, without their texts.

  KEYS[1] hash
  ARGV fields
  Output: for each block its header; false: gone
]]
local result = {}
for i, field in ipairs(ARGV) do
  local value = redis.call('HGET', KEYS[1], field)
  if not value then
    result[i] = false
  else
    local flags = string.byte(value, 17)
    local count = struct.unpack('<I4', value, 21)
    local size = 28 + count * (flags >= 128 and 12 or 10)
    result[i] = string.sub(value, 1, size)
  end
end
return result
