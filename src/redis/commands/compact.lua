--[[
  Removes or rewrites blocks of a family, each only if it has not been written again since it was read. A rewritten
  block keeps its field, sequence and deadline, and is marked with the family's new revision: a reader that has listed
  it before finds it in its place, and sees that entries are missing. Begins with shared/family.lua and shared/shelves.lua.

  KEYS[1] hash, KEYS[2] order
  ARGV[1] token of the compaction
  then for each block: field, sequence, and '' and '' to remove it, or the bytes that it had when it was read and its new
    value, which may say already in which revision it was changed: it is then stored as it came
  Output: -1 if another compaction has begun; else the number of blocks that were still as they had been read
]]
local call = redis.call
local known = call('HMGET', KEYS[1], 'c', 'm')
if known[1] ~= ARGV[1] then return -1 end
-- Redis looks at its memory limit at the first write only, and lets this one pass: else nothing could be freed.
call('HDEL', KEYS[1], 'c')
local family = family_of(known[2])
local revision, done = family.revision + 1, 0

-- Sequence and bytes of a block that is there, and what its field holds, if that is not known by its order.
local function block_at(field)
  if family.form == ORDERED then
    local sequence = call('ZSCORE', KEYS[2], field)
    return sequence and tonumber(sequence), call('HSTRLEN', KEYS[1], field)
  end
  local held = call('HGET', KEYS[1], field)
  if not held then return nil, 0 end
  return sequence_of(header_in(KEYS[2], held)), bytes_in(held), held
end

-- Digests of the blocks that groups have lost, by group.
local lost = {}
for a = 2, #ARGV, 4 do
  local field, length, value = ARGV[a], ARGV[a + 2], ARGV[a + 3]
  local sequence, bytes, held = block_at(field)
  -- One whose group was replaced keeps its sequence and has become a shadow, without text.
  if sequence == tonumber(ARGV[a + 1]) and (length == '' or tonumber(length) == bytes) then
    done = done + 1
    family.bytes = family.bytes - bytes
    if value == '' then
      family.blocks = family.blocks - call('HDEL', KEYS[1], field)
      if family.form == ORDERED then call('ZREM', KEYS[2], field) else clear_slot(KEYS[1], KEYS[2], held) end
      if string.sub(field, 1, 1) == 'g' then
        local gid = string.sub(field, 2, 9)
        lost[gid] = lost[gid] or {}
        lost[gid][string.sub(field, 10)] = true
      end
    else
      if struct.unpack('<I4', value, 25) ~= revision then
        value = string.sub(value, 1, 24) .. struct.pack('<I4', revision) .. string.sub(value, 29)
      end
      if #field == 9 then
        -- A lone block of a group (see shared/group-blocks.lua) may live for longer by now, though it is the same.
        value = string.sub(header_in(KEYS[2], held or call('HGET', KEYS[1], field)), 1, 16) .. string.sub(value, 17)
      end
      family.bytes = family.bytes + #value
      if family.form == SHELVED then value = shelve_block(KEYS[1], KEYS[2], held, value) end
      call('HSET', KEYS[1], field, value)
    end
  end
end
for gid, digests in pairs(lost) do
  -- See shared/group-blocks.lua.
  local holding = call('HGET', KEYS[1], 'p' .. gid)
  if holding then
    local left = {}
    for i = 9, #holding, 16 do
      local digest = string.sub(holding, i, i + 15)
      if not digests[digest] then left[#left + 1] = digest end
    end
    if #left == 0 then
      call('HDEL', KEYS[1], 'p' .. gid)
    else
      call('HSET', KEYS[1], 'p' .. gid, string.sub(holding, 1, 8) .. table.concat(left))
    end
  end
end
family.revision = revision
call('HSET', KEYS[1], 'm', text_of(family), 'c', ARGV[1])
tidy_shelves()
return done
