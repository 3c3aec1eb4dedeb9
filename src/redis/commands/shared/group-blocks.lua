--[[
  What a group holds in a family. Stands before the scripts that change it, after shared/preamble.lua
  and shared/family.lua.

  Field 'p' .. gid of the family's hash: the deadline of the group there (float64, ms), which counts for all its blocks,
  and the digest of each block, 16 bytes each. A block has the field 'g' .. gid .. digest.
]]
local function holding_of(text)
  if not text then return 0, '' end
  return struct.unpack('<d', text), string.sub(text, 9)
end

local function holding(hash, gid) return holding_of(call('HGET', hash, 'p' .. gid)) end

local function each_digest(digests, visit)
  for i = 1, #digests, 16 do visit(string.sub(digests, i, i + 15)) end
end

-- A block without its text, past its deadline: hides older values, of /ingest, of the series that it had. It keeps its
-- sequence and says in which revision it was changed, so that a scrape which has listed it looks again.
local function shadow_of(value, revision)
  local count = struct.unpack('<I4', value, 21)
  return string.sub(value, 1, 8) .. struct.pack('<d', 0) .. string.char(string.byte(value, 17) % 128)
    .. string.sub(value, 18, 24) .. struct.pack('<I4', revision)
    .. string.sub(value, 29, 28 + count * 8) .. string.rep('\0', count * 2)
end

-- Takes blocks of the group out of a family, whose blocks and bytes are counted in `family`, to be stored by the caller.
-- Where /ingest has blocks, too, they must not show again what these have hidden.
local function remove_blocks(family, hash, order, gid, digests)
  local changed = false
  each_digest(digests, function(digest)
    local field = 'g' .. gid .. digest
    if family.ingested == 1 then
      local value = call('HGET', hash, field)
      if value then
        if not changed then family.revision = family.revision + 1 end
        changed = true
        local shadow = shadow_of(value, family.revision)
        call('HSET', hash, field, shadow)
        family.bytes = family.bytes + #shadow - #value
      end
    else
      local size = call('HSTRLEN', hash, field)
      if size > 0 then
        family.bytes, family.blocks = family.bytes - size, family.blocks - 1
        call('HDEL', hash, field)
        if family.ordered == 1 then call('ZREM', order, field) end
      end
    end
  end)
end

-- Whether all blocks of the family are the group's own.
local function holds_alone(family, hash, gid)
  local _, digests = holding(hash, gid)
  return digests ~= '' and family.blocks == #digests / 16
end
