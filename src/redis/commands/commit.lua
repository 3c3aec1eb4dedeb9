--[[
  Stores blocks of families for /ingest, all or nothing for each family. Begins with shared/preamble.lua and
  shared/growth.lua.

  A family that cannot be stored (its name or type is taken) is answered with the reason; the others are stored.
  Atomic as a whole; fails before its first write, or not at all (out of memory, read-only).

  KEYS for each bucket: index, clock, then for each family: hash, order, and the hashes of the names it may clash with
  ARGV[1] time of the server (µs) after which this must do nothing: its sender has given up waiting
  ARGV[2] time to live, ms; 0: for ever
  ARGV[3] fingerprint of the secret that the identities are hashed with
  ARGV[4] '1': a family under another fingerprint is obsolete and goes
  ARGV[5] number of buckets: one, where their keys lie in several slots
  then for each bucket: a sequence; '1': it was reserved for this part of a body, and is that of the first block of each
    family; '0': it is proposed for the first block of all; number of families
  then for each family: name, type ('' if not declared), kind, help and unit (each '' or '=' and the text), number of its
    blocks that come before these in the part of the body, number of names it may clash with, those kinds at which each
    of them does ('any', 'histogram' or 'histogram summary'), number of blocks, and for each its digest and its value

  Output: {'late', time} if it came too late; else {time (µs), result, …} with one result a family:
    0 stored; 1 stored, and the family wants compaction; 'rekey' other fingerprint;
    {type, deadline (ms), i} taken: by the family itself (i = 0) or by the i-th name it may clash with
]]
-- Metadata without samples is not in the index and must end by itself.
local LONGEST_METADATA_MS = 86400000

if now_us > tonumber(ARGV[1]) then return { 'late', number(now_us) } end

local deadline = deadline_of(tonumber(ARGV[2]))
local fingerprint, force = ARGV[3], ARGV[4] == '1'

local results = { number(now_us) }
-- Where the next bucket or family begins.
local k, a = 1, 6

-- Why the family cannot be stored, or nil; and its type: undeclared samples take what is there, and an untyped family takes
-- the first type declared, unless a group holds it, whose next push would then be refused.
local function refusal(meta, type, kind)
  local held, held_until = meta[1], tonumber(meta[2] or 0)
  local reserved_until, _, reserved = reservation(meta[7])
  if reserved and (kind_of(reserved) ~= kind or (type ~= '' and type ~= reserved)) then
    return { reserved, number(reserved_until), 0 }
  end
  if not held then return nil, type end
  local declared = type ~= '' and type ~= 'untyped'
  local fits = kind_of(held) == kind and (not declared or type == held or (held == 'untyped' and not meta[8]))
  if held_until > now_ms and not fits then return { held, number(held_until), 0 } end
  return nil, fits and not declared and held or type
end

-- The i-th of the names that the family may clash with, if it does.
local function clash(i, hash, at)
  local other = call('HMGET', hash, 't', 'd', 'q')
  local reserved_until, _, reserved = reservation(other[3])
  if reserved and (at == 'any' or string.find(at, kind_of(reserved), 1, true)) then
    return { reserved, number(reserved_until), i }
  end
  if other[1] and tonumber(other[2] or 0) > now_ms
    and (at == 'any' or string.find(at, kind_of(other[1]), 1, true)) then
    return { other[1], other[2], i }
  end
  return nil
end

-- Metadata whose samples come later, or never. It claims no name and prolongs nothing.
local function store_metadata(hash, meta, type, help, unit)
  if type ~= '' or not meta[1] then
    call('HSET', hash, 't', type ~= '' and type or 'untyped', 'k', fingerprint)
  end
  if help ~= '' then call('HSET', hash, 'h', string.sub(help, 2)) end
  if unit ~= '' then call('HSET', hash, 'u', string.sub(unit, 2)) end
  if not meta[2] then keep_until(hash, math.min(deadline, now_ms + LONGEST_METADATA_MS)) end
end

-- Adds what stores these blocks to the fields of the family's hash and to its order. Returns by how much it grows.
local function add_blocks(fields, scores, hash, order, blocks, at, reserved, sequence, is_new)
  -- Those that a later push of the same series has stored already are overridden.
  local held = false
  if reserved and not is_new then
    local names = {}
    for i = 1, blocks do names[i] = 'i' .. ARGV[at + 2 * i - 2] end
    held = call('ZMSCORE', order, unpack(names))
  end
  local bytes = 0
  for i = 1, blocks do
    local field = 'i' .. ARGV[at + 2 * i - 2]
    if not (held and held[i]) or tonumber(held[i]) < sequence then
      local value = stamped(ARGV[at + 2 * i - 1], sequence, deadline)
      bytes = bytes + #value
      -- Of a block that is not there, nothing is taken off.
      if not is_new and (not held or held[i]) then bytes = bytes - call('HSTRLEN', hash, field) end
      local n = #fields
      fields[n + 1], fields[n + 2] = field, value
      n = #scores
      scores[n + 1], scores[n + 2] = number(sequence), field
    end
    sequence = sequence + 1
  end
  return bytes
end

local function commit_bucket()
  local index, clock_key = KEYS[k], KEYS[k + 1]
  local first, reserved, families = tonumber(ARGV[a]), ARGV[a + 1] == '1', tonumber(ARGV[a + 2])
  k, a = k + 2, a + 3
  local clock = tonumber(call('GET', clock_key) or 0)
  local sequence = next_sequence(clock, first)
  local highest, latest, stored = clock, deadline, false

  for _ = 1, families do
    local hash, order = KEYS[k], KEYS[k + 1]
    local name, type, kind, help, unit = ARGV[a], ARGV[a + 1], ARGV[a + 2], ARGV[a + 3], ARGV[a + 4]
    local offset, clashes = tonumber(ARGV[a + 5]), tonumber(ARGV[a + 6])
    local blocks_at = a + 8 + clashes
    local blocks = tonumber(ARGV[blocks_at - 1])
    local meta = call('HMGET', hash, 't', 'd', 'n', 'l', 'k', 'v', 'q', 'g')
    local result

    if meta[5] and meta[5] ~= fingerprint then
      if force then
        call('UNLINK', hash, order)
        meta = {}
      else
        result = 'rekey'
      end
    end
    if not result and (blocks > 0 or type ~= '') then
      result, type = refusal(meta, type, kind)
      for i = 1, clashes do
        result = result or clash(i, KEYS[k + 1 + i], ARGV[a + 6 + i])
      end
    end

    if not result and blocks == 0 then
      store_metadata(hash, meta, type, help, unit)
    elseif not result then
      if type == '' then type = kind == 'plain' and 'untyped' or kind end
      if reserved then sequence = first + offset end
      local fields, scores = {}, {}
      local total = tonumber(meta[3] or 0)
        + add_blocks(fields, scores, hash, order, blocks, blocks_at, reserved, sequence, not meta[3])
      sequence = sequence + blocks
      highest = math.max(highest, sequence - 1)
      local held_until = tonumber(meta[2] or 0)
      -- All of a new one lives: a part of a body has each series once.
      local live = meta[3] and tonumber(meta[4] or 0) or total
      local until_ms = math.max(held_until, deadline)
      for _, field in ipairs({
        't', type, 'd', number(until_ms), 'n', total, 'l', live, 'k', fingerprint, 'v', (meta[6] or 0) + 1, 'i', 1,
      }) do fields[#fields + 1] = field end
      if help ~= '' then
        fields[#fields + 1] = 'h'
        fields[#fields + 1] = string.sub(help, 2)
      end
      if unit ~= '' then
        fields[#fields + 1] = 'u'
        fields[#fields + 1] = string.sub(unit, 2)
      end
      call('HSET', hash, unpack(fields))
      if #scores > 0 then call('ZADD', order, unpack(scores)) end
      if until_ms ~= held_until then
        call('PEXPIREAT', hash, number(until_ms))
        call('PEXPIREAT', order, number(until_ms))
      elseif call('PTTL', order) < 0 then
        -- Compaction had removed its last block.
        call('PEXPIREAT', order, number(until_ms))
      end
      -- In any case: a server whose clock is ahead may have taken it out while it still lives by ours.
      call('ZADD', index, number(until_ms), name)
      if has_outgrown(total, live) then result = 1 end
      latest, stored = math.max(latest, until_ms), true
    end

    results[#results + 1] = result or 0
    k = k + 2 + clashes
    a = blocks_at + 2 * blocks
  end

  if stored then
    note_sequence(clock_key, highest, deadline)
    keep_until(index, latest)
  end
  purge_index(index)
end

for _ = 1, tonumber(ARGV[5]) do commit_bucket() end
return results
