--[[
  Removes or rewrites blocks of a family, each only if it has not been written again since it was read. A rewritten
  block keeps its field, sequence and deadline: a reader that has listed it finds what is left of it in its place.

  KEYS[1] hash, KEYS[2] order
  ARGV[1] token of the compaction
  then for each block: field, sequence, '' to remove it or its new value without the stamp
  Output: -1 if another compaction has begun; else the number of blocks that were still as they had been read
]]
local call = redis.call
local meta = call('HMGET', KEYS[1], 'c', 'n')
if meta[1] ~= ARGV[1] then return -1 end
local bytes, done = tonumber(meta[2]), 0
for a = 2, #ARGV, 3 do
  local field, payload = ARGV[a], ARGV[a + 2]
  local sequence = call('ZSCORE', KEYS[2], field)
  if sequence and string.format('%.0f', sequence) == ARGV[a + 1] then
    done = done + 1
    bytes = bytes - call('HSTRLEN', KEYS[1], field)
    if payload == '' then
      call('HDEL', KEYS[1], field)
      call('ZREM', KEYS[2], field)
    else
      local value = string.sub(call('HGET', KEYS[1], field) or '', 1, 16) .. payload
      call('HSET', KEYS[1], field, value)
      bytes = bytes + #value
    end
  end
end
call('HSET', KEYS[1], 'n', string.format('%.0f', bytes))
return done
