--[[
  What a group holds in a family. Stands before the scripts that change it, after shared/preamble.lua.

  Field 'p' .. gid of the family's hash: the deadline of the group there (float64, ms), which counts for all its blocks,
  and the digest of each block, 16 bytes each. A block has the field 'g' .. gid .. digest.
]]
local function holding(hash, gid)
  local held = call('HGET', hash, 'p' .. gid)
  if not held then return 0, '' end
  return struct.unpack('<d', held), string.sub(held, 9)
end

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

-- Takes blocks of the group out of a family. `ingested`: /ingest has blocks there, which must not show again what these
-- have hidden. Returns by how many bytes the family has become smaller.
local function remove_blocks(hash, order, gid, digests, ingested)
  local bytes, revision = 0, nil
  each_digest(digests, function(digest)
    local field = 'g' .. gid .. digest
    if ingested then
      local value = call('HGET', hash, field)
      if value then
        revision = revision or call('HINCRBY', hash, 'r', 1)
        local shadow = shadow_of(value, revision)
        call('HSET', hash, field, shadow)
        bytes = bytes + #value - #shadow
      end
    else
      bytes = bytes + call('HSTRLEN', hash, field)
      call('HDEL', hash, field)
      call('ZREM', order, field)
    end
  end)
  return bytes
end

-- Whether all blocks of the family are the group's own.
local function holds_alone(hash, order, gid)
  local _, digests = holding(hash, gid)
  return digests ~= '' and call('ZCARD', order) == #digests / 16
end
