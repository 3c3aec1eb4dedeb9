--[[
  What a group holds in a family. Stands before the scripts that change it, after shared/preamble.lua,
  shared/family.lua and shared/shelves.lua.

  Field 'p' .. gid of the family's hash: the deadline of the group there (float64, ms, negated), which counts for all its
  blocks, and the digest of each block, 16 bytes each. A block has the field 'g' .. gid .. digest.

  What most groups have of a family is one small block. It may be a lone one: its field is 'g' .. gid, the deadline in it is
  that of the group there, and there is nothing else. Redis waits for memory at each string; half as many take a third off
  a scrape. The field does not tell which entries it has: they may change only while /ingest has no blocks in the family,
  since else what the block had would have to hide older values from there.
]]
local function lone_field(gid) return 'g' .. gid end

-- Until when a group lives in the family (ms; 0: it does not), the digests of its blocks, and the value of a lone one, which
-- need not be given whole.
local function holding_of(held, lone)
  if lone then return #lone >= HEADER_BYTES and struct.unpack('<d', lone, 9) or 0, '', lone end
  if not held then return 0, '', nil end
  return -struct.unpack('<d', held), string.sub(held, 9), nil
end

-- The same, and what the field of the lone block holds.
local function holding(hash, order, gid)
  local known = call('HMGET', hash, 'p' .. gid, lone_field(gid))
  local deadline, digests, lone = holding_of(known[1], block_in(order, known[2]))
  return deadline, digests, lone, known[2]
end

-- The identities of the entries of a block.
local function entries_of(value)
  return #value >= HEADER_BYTES and string.sub(value, 29, 28 + struct.unpack('<I4', value, 21) * 8) or ''
end

local function each_digest(digests, visit)
  for i = 1, #digests, 16 do visit(string.sub(digests, i, i + 15)) end
end

local function set_of(digests)
  local set = {}
  each_digest(digests, function(digest) set[digest] = true end)
  return set
end

-- The digests of the first list that are not in the second.
local function without(digests, set)
  local left = {}
  each_digest(digests, function(digest)
    if not set[digest] then left[#left + 1] = digest end
  end)
  return table.concat(left)
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
        if family.form == ORDERED then call('ZREM', order, field) end
      end
    end
  end)
end

-- Makes a lone block one with a digest, which is returned. What has listed it must look again: it does not find it, and
-- its sequence is not new.
local function give_digest(family, hash, order, gid, value)
  unshelve(family, hash, order)
  local digest = string.gsub(string.sub(redis.sha1hex(entries_of(value)), 1, 32), '..', function(hex)
    return string.char(tonumber(hex, 16))
  end)
  local lone, field = lone_field(gid), 'g' .. gid .. digest
  call('HDEL', hash, lone)
  local size = call('HSTRLEN', hash, field)
  call('HSET', hash, field, value)
  if family.form == ORDERED then
    -- In this order: an order that loses its last member loses its end, too.
    call('ZADD', order, number(sequence_of(value)), field)
    call('ZREM', order, lone)
  end
  -- An older one of the same entries, a shadow.
  if size > 0 then family.bytes, family.blocks = family.bytes - size, family.blocks - 1 end
  family.revision = family.revision + 1
  return digest
end

-- Whatever the group has in the family but for the field that tells of it. `held` is what the field of the lone block holds.
local function remove_all(family, hash, order, gid, digests, lone, held)
  if lone and (family.ingested == 0 or #lone < HEADER_BYTES) then
    local field = lone_field(gid)
    call('HDEL', hash, field)
    if family.form == ORDERED then call('ZREM', order, field) end
    if held then clear_slot(hash, order, held) end
    family.bytes, family.blocks = family.bytes - (held and bytes_in(held) or #lone), family.blocks - 1
  elseif lone then
    digests = give_digest(family, hash, order, gid, lone)
  end
  remove_blocks(family, hash, order, gid, digests)
end

-- Whether all blocks of the family are the group's own.
local function holds_alone(family, hash, gid)
  local known = call('HMGET', hash, 'p' .. gid, lone_field(gid))
  if known[2] then return family.blocks == 1 end
  return known[1] and #known[1] > 8 and family.blocks == (#known[1] - 8) / 16
end
