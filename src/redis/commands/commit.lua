--[[
  Stores blocks of families for /ingest, all or nothing for each family. Begins with shared/preamble.lua,
  shared/family.lua, shared/shelves.lua, shared/keep-family.lua, shared/order.lua, shared/growth.lua, shared/overwrite.lua,
  shared/clashes.lua and shared/drafts.lua.

  A family that cannot be stored (its name or type is taken) is answered with the reason; the others are stored.
  Atomic as a whole; what Redis refuses it refuses before the first write (read-only; out of memory, unless a family begins
  anew).

  KEYS for each bucket: index, clock, then for each family: hash, order, if its values come apart its draft, and the hashes
    of the names it may clash with
  ARGV[1] time of the server (µs) after which this must do nothing: its sender has given up waiting
  ARGV[2] time to live, ms; 0: for ever
  ARGV[3] fingerprint of the secret that the identities are hashed with
  ARGV[4] '1': a family under another fingerprint is obsolete and goes
  ARGV[5] number of buckets: one, where their keys lie in several slots
  ARGV[6] '1': values come apart (see shared/drafts.lua)
  ARGV[7] '1': families may be put on shelves (see shared/shelves.lua)
  then for each bucket a header (BUCKET): a sequence; 1: it was reserved for this part of a body, and is that of the first
    block of each family; 0: it is proposed for the first block of all; number of families; the deadline that values are
    stamped with (ms)
  then for each family a header (FAMILY): number of its blocks that come before these in the part of the body, number of
    blocks, number of names it may clash with, kind, description (see shared/family.lua; its type is '' if it is not
    declared); a byte for each of these names (see shared/clashes.lua); the fields of the blocks; then the value of each
    block, or, if these come apart, in the header its bytes (uint32)

  Output: {'late', time} if it came too late; else {time (µs), result, …} with one result a family:
    0 stored; 1 stored, and the family wants compaction; 'rekey' other fingerprint;
    {type, deadline (ms), i} taken: by the family itself (i = 0) or by the i-th name it may clash with;
    'whole' this can be decided with the values only: nothing is stored
]]
-- Metadata without samples is not in the index and must end by itself.
local LONGEST_METADATA_MS = 86400000

if now_us > tonumber(ARGV[1]) then return { 'late', number(now_us) } end

local BUCKET, FAMILY = '<dBI4d', '<I4I4BBc0I4c0'
local FIELD_BYTES = 17

local deadline = deadline_of(tonumber(ARGV[2]))
local fingerprint, force, apart, may_shelve = ARGV[3], ARGV[4] == '1', ARGV[6] == '1', ARGV[7] == '1'

local results = { number(now_us) }
local lent = {}
-- Where the next bucket or family begins.
local k, a = 1, 8

-- Why the family cannot be stored, or nil; and its type: undeclared samples take what is there, and an untyped family takes
-- the first type declared, unless a group holds it, whose next push would then be refused.
local function refusal(held, q, type, kind)
  local reserved_until, _, reserved = reservation(q)
  if reserved and (kind_of(reserved) ~= kind or (type ~= '' and type ~= reserved)) then
    return { reserved, number(reserved_until), 0 }
  end
  if not held then return nil, type end
  local declared = type ~= '' and type ~= 'untyped'
  local fits = kind_of(held.type) == kind
    and (not declared or type == held.type or (held.type == 'untyped' and held.grouped == 0))
  if held.deadline > now_ms and not fits then return { held.type, number(held.deadline), 0 } end
  return nil, fits and not declared and held.type or type
end

-- The i-th of the names that the family may clash with, if it does.
local function clash(i, hash, code)
  local fields = call('HMGET', hash, 'm', 'q')
  local reserved_until, _, reserved = reservation(fields[2])
  if reserved and clashes_with(code, reserved) then return { reserved, number(reserved_until), i } end
  local other = family_of(fields[1])
  if other and other.deadline > now_ms and clashes_with(code, other.type) then
    return { other.type, number(other.deadline), i }
  end
  return nil
end

-- Metadata whose samples come later, or never. It claims no name and prolongs nothing.
local function store_metadata(hash, family, type)
  if type ~= '' or not family.type then
    family.type, family.fingerprint = type ~= '' and type or 'untyped', fingerprint
  end
  call('HSET', hash, 'm', text_of(family))
  if family.deadline == 0 then keep_until(hash, math.min(deadline, now_ms + LONGEST_METADATA_MS)) end
end

-- One block that overwrites itself (see shared/overwrite.lua). Returns the result of the family and when Redis lets go of it;
-- nothing if there is more to it.
local function overwrite(hash, order, known, field, value, description, kind, reserved, sequence)
  local text, held = known[1], known[3]
  if not text or known[2] or not held or (reserved and sequence_of(header_in(order, held)) >= sequence) then return nil end
  local after, ends, outgrown, ingested = known_after(text, value, bytes_in(held), deadline, description, kind, fingerprint)
  if not ingested then return nil end
  overwrite_block(hash, order, field, held, stamped(value, sequence, deadline), after)
  return outgrown and 1 or 0, ends
end

-- What stands in the family about itself and who has reserved it, and what the fields of these blocks hold, if they are few
-- and small.
local function look(hash, block_fields, values_at, sizes)
  local asked = { 'm', 'q' }
  if few_and_small(#block_fields, values_at, sizes) then
    for i, field in ipairs(block_fields) do asked[2 + i] = field end
  end
  return call('HMGET', hash, unpack(asked))
end

-- Adds what stores these blocks to the fields of the family's hash and to its order, and counts them. False if one must
-- not be stored, and its value has come apart.
local function add_blocks(family, fields, scores, hash, order, known, block_fields, values_at, sizes, reserved, sequence)
  local is_new, looked = family.blocks == 0, known[3] ~= nil
  local held = reserved and not is_new and not looked and family.form == ORDERED and call('ZMSCORE', order, unpack(block_fields))
  for i, field in ipairs(block_fields) do
    -- Bytes and, if it matters, sequence of the block that is there.
    local size, latest, before = 0, nil, nil
    if held then
      latest = held[i] and tonumber(held[i])
      if latest then size = call('HSTRLEN', hash, field) end
    elseif looked then
      before = known[2 + i]
    elseif not is_new and (reserved or family.form == SHELVED) then
      before = call('HGET', hash, field)
    elseif not is_new then
      size = call('HSTRLEN', hash, field)
    end
    if before then
      size = bytes_in(before)
      if reserved then latest = sequence_of(header_in(order, before)) end
    end
    -- What a later push of the same series has stored already stays.
    if not (reserved and latest) or latest < sequence then
      family.bytes = family.bytes + size_of(sizes, values_at, i) - size
      if size == 0 then family.blocks = family.blocks + 1 end
      if not sizes then
        local n, value = #fields, stamped(ARGV[values_at + i - 1], sequence, deadline)
        if family.form == SHELVED then value = shelve_block(hash, order, before, value) end
        fields[n + 1], fields[n + 2] = field, value
      end
      if family.form == ORDERED then
        local n = #scores
        scores[n + 1], scores[n + 2] = number(sequence), field
      end
    elseif sizes then
      return false
    end
    sequence = sequence + 1
  end
  return true
end

local function commit_bucket()
  local index, clock_key = KEYS[k], KEYS[k + 1]
  local first, reserved, families, stamped_deadline = struct.unpack(BUCKET, ARGV[a])
  reserved = reserved == 1
  k, a = k + 2, a + 1
  local noted = call('GET', clock_key)
  local clock = tonumber(noted or 0)
  local sequence = next_sequence(clock, first)
  local highest, latest, stored, has_news = clock, 0, false, not noted
  -- What the values of the next family are stamped with.
  local stamped_sequence = first

  for _ = 1, families do
    local hash, order = KEYS[k], KEYS[k + 1]
    local header = ARGV[a]
    local offset, blocks, clashes, kind, description, clashes_at = struct.unpack(FAMILY, header)
    if reserved then sequence, stamped_sequence = first + offset, first + offset end
    local known, result, ends
    if blocks == 1 and clashes == 0 and not apart and few_and_small(1, a + 1) then
      local field = string.sub(header, clashes_at, clashes_at + FIELD_BYTES - 1)
      known = call('HMGET', hash, 'm', 'q', field)
      result, ends = overwrite(hash, order, known, field, ARGV[a + 1], description, kind, reserved, sequence)
    end
    if result then
      highest, latest, stored = math.max(highest, sequence), math.max(latest, ends), true
      sequence = sequence + 1
      results[#results + 1] = result
      k, a = k + 2, a + 2
    else
      local type, help, unit = struct.unpack(DESCRIPTION, description)
      local block_fields, values_at, sizes = {}, a + 1, nil
      for i = 1, blocks do
        local at = clashes_at + clashes + (i - 1) * FIELD_BYTES
        block_fields[i] = string.sub(header, at, at + FIELD_BYTES - 1)
      end
      local clash_keys = k + 2
      if apart then
        sizes = sizes_in(header, clashes_at + clashes + blocks * FIELD_BYTES, blocks)
        clash_keys = k + 3
      end
      known = known or look(hash, block_fields, values_at, sizes)
      local held = family_of(known[1])
      if held and has_ended(held) and not reservation(known[2]) then
        unlink_family(hash, order)
        held, known = nil, {}
      end

      if held and held.fingerprint ~= fingerprint then
        if force then
          unlink_family(hash, order)
          held, known = nil, {}
        else
          result = 'rekey'
        end
      end
      if not result and (blocks > 0 or type ~= '') then
        result, type = refusal(held, known[2], type, kind)
        for i = 1, clashes do
          result = result or clash(i, KEYS[clash_keys + i - 1], string.byte(header, clashes_at + i - 1))
        end
      end

      local family = held or new_family()
      if not result and sizes and blocks > 0
        and not (is_right(stamped_sequence, stamped_deadline, sequence, deadline)
          and (family.blocks == 0 or not needs_order(family, blocks, values_at, sizes))) then
        result = 'whole'
      end
      -- Shelves of many families are not cleared at once: on them blocks can be put that are arguments.
      if not result and sizes and family.form == SHELVED and not may_move(family) then result = 'whole' end
      stamped_sequence = stamped_sequence + blocks

      if not result then
        if help ~= '' then family.help = help end
        if unit ~= '' then family.unit = unit end
        if blocks == 0 then
          store_metadata(hash, family, type)
        else
          if type == '' then type = kind == 'plain' and 'untyped' or kind end
          local fields, scores = {}, {}
          local is_new, blocks_before = family.deadline == 0, family.blocks
          local had_shelves = order_if_large(family, hash, order, blocks, values_at, sizes)
          if sizes and family.form == SHELVED then
            unshelve(family, hash, order)
            had_shelves = true
          end
          if had_shelves then known = look(hash, block_fields, values_at, sizes) end
          if add_blocks(family, fields, scores, hash, order, known, block_fields, values_at, sizes, reserved, sequence) then
            sequence = sequence + blocks
            highest = math.max(highest, sequence - 1)
            -- All of a new one lives: a part of a body has each series once.
            if is_new then family.live = family.bytes end
            family.type, family.fingerprint, family.ingested = type, fingerprint, 1
            prolong(family, deadline)
            family.commits = family.commits + 1
            fields[#fields + 1], fields[#fields + 2] = 'm', text_of(family)
            call('HSET', hash, unpack(fields))
            if #scores > 0 then call('ZADD', order, unpack(scores)) end
            keep_family(family, hash, order, index)
            if sizes then
              lent[#lent + 1], lent[#lent + 2] = hash, KEYS[k + 2]
            elseif may_shelve then
              shelve_if_many(family, hash, order, blocks_before)
            end
            if has_outgrown(family.bytes, family.live) then result = 1 end
            latest, stored, has_news = math.max(latest, family.ends), true, has_news or family.is_news
          else
            result = 'whole'
          end
        end
      end

      results[#results + 1] = result or 0
      k = clash_keys + clashes
      a = values_at + (sizes and 0 or blocks)
    end
  end

  if stored then
    note_sequence(clock_key, highest)
    if has_news then keep_bucket(index, clock_key, latest) end
  end
end

return lending(lent, function()
  for _ = 1, tonumber(ARGV[5]) do commit_bucket() end
  tidy_shelves()
end) or results
