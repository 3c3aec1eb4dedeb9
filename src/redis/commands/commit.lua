--[[
  Stores blocks of families of one bucket for /ingest, all or nothing for each family. Begins with shared/preamble.lua.

  A family that cannot be stored (its name or type is taken) is answered with the reason; the others are stored.
  Atomic as a whole; fails before its first write, or not at all (out of memory, read-only).

  KEYS[1] index, KEYS[2] clock, then for each family: hash, order, and the hashes of the names it may clash with
  ARGV[1] time of the server (µs) after which this must do nothing: its sender has given up waiting
  ARGV[2] time to live, ms; 0: for ever
  ARGV[3] sequence of the first block of each family in this part of a body; 0: chosen here
  ARGV[4] fingerprint of the secret that the identities are hashed with
  ARGV[5] '1': a family under another fingerprint is obsolete and goes
  ARGV[6] number of families
  then for each family: name, type ('' if not declared), kind, help and unit (each '' or '=' and the text), number of its
    blocks that come before these in the part of the body, number of names it may clash with, those kinds at which each
    of them does ('any', 'histogram' or 'histogram summary'), number of blocks, and for each block: field, value; without
    its stamp if the sequence is chosen here

  Output: {'late', time} if it came too late; else {time (µs), result, …} with one result a family:
    0 stored; 1 stored, and the family wants compaction; 'rekey' other fingerprint;
    {type, deadline (ms), i} taken: by the family itself (i = 0) or by the i-th name it may clash with
]]
-- Metadata without samples is not in the index and must end by itself.
local LONGEST_METADATA_MS = 86400000
local COMPACT_FLOOR = 4096
-- A sender who knows the sequence stamps the value, with the deadline by what our clock shows at the most. By so much that
-- may be late, and never early.
local MOST_LATE_MS = 1000

if now_us > tonumber(ARGV[1]) then return { 'late', number(now_us) } end

local deadline = deadline_of(tonumber(ARGV[2]))
local given = tonumber(ARGV[3])
local fingerprint, force = ARGV[4], ARGV[5] == '1'

local clock = tonumber(call('GET', KEYS[2]) or 0)
local sequence = math.max(now_us, clock + 1)
local highest, latest, stored = clock, deadline, false

local results = { number(now_us) }
local k, a = 3, 6
for _ = 1, tonumber(ARGV[6]) do
  local hash, order = KEYS[k], KEYS[k + 1]
  local name, type, kind, help, unit = ARGV[a + 1], ARGV[a + 2], ARGV[a + 3], ARGV[a + 4], ARGV[a + 5]
  local offset, clashes = tonumber(ARGV[a + 6]), tonumber(ARGV[a + 7])
  local blocks_at = a + 8 + clashes
  local blocks = tonumber(ARGV[blocks_at])
  local meta = call('HMGET', hash, 't', 'd', 'n', 'l', 'k', 'v', 'q', 'g')
  local held, held_until = meta[1], tonumber(meta[2] or 0)
  local claims = blocks > 0 or type ~= ''
  local result = 0

  if meta[5] and meta[5] ~= fingerprint then
    if force then
      call('UNLINK', hash, order)
      meta, held, held_until = {}, false, 0
    else
      result = 'rekey'
    end
  end

  if result == 0 and claims then
    local reserved_until, _, reserved = reservation(meta[7])
    if reserved and (kind_of(reserved) ~= kind or (type ~= '' and type ~= reserved)) then
      result = { reserved, number(reserved_until), 0 }
    end
  end

  -- Its own type: undeclared samples take what is there, and an untyped family takes the first type declared, unless a
  -- group holds it, whose next push would then be refused.
  if result == 0 and held and claims then
    local declared = type ~= '' and type ~= 'untyped'
    local fits = kind_of(held) == kind and (not declared or type == held or (held == 'untyped' and not meta[8]))
    if held_until > now_ms and not fits then result = { held, number(held_until), 0 } end
    if fits and not declared then type = held end
  end

  for i = 1, clashes do
    if result ~= 0 or not claims then break end
    local other = call('HMGET', KEYS[k + 1 + i], 't', 'd', 'q')
    local at = ARGV[a + 7 + i]
    local reserved_until, _, reserved = reservation(other[3])
    if reserved and (at == 'any' or string.find(at, kind_of(reserved), 1, true)) then
      result = { reserved, number(reserved_until), i }
    elseif other[1] and tonumber(other[2] or 0) > now_ms then
      if at == 'any' or string.find(at, kind_of(other[1]), 1, true) then result = { other[1], other[2], i } end
    end
  end

  if result == 0 and blocks == 0 then
    -- Metadata whose samples come later, or never. It claims no name and prolongs nothing.
    if type ~= '' or not held then
      call('HSET', hash, 't', type ~= '' and type or 'untyped', 'k', fingerprint)
    end
    if help ~= '' then call('HSET', hash, 'h', string.sub(help, 2)) end
    if unit ~= '' then call('HSET', hash, 'u', string.sub(unit, 2)) end
    if not meta[2] then keep_until(hash, math.min(deadline, now_ms + LONGEST_METADATA_MS)) end
  elseif result == 0 then
    if type == '' then type = kind == 'plain' and 'untyped' or kind end
    local total, live = tonumber(meta[3] or 0), tonumber(meta[4] or 0)
    if given > 0 then sequence = given + offset end
    for i = 1, blocks do
      local field, payload = ARGV[blocks_at + 2 * i - 1], ARGV[blocks_at + 2 * i]
      local current = given > 0 and tonumber(call('ZSCORE', order, field) or 0) or 0
      -- A later push of the same series is there already: this one is overridden.
      if current < sequence then
        local value = payload
        if given == 0 then
          value = struct.pack('<dd', sequence, deadline) .. payload
        else
          local _, stamped = struct.unpack('<dd', payload)
          if stamped < deadline or stamped > deadline + MOST_LATE_MS then
            value = struct.pack('<dd', sequence, deadline) .. string.sub(payload, 17)
          end
        end
        total = total + #value - (meta[3] and call('HSTRLEN', hash, field) or 0)
        call('HSET', hash, field, value)
        call('ZADD', order, number(sequence), field)
      end
      highest = math.max(highest, sequence)
      sequence = sequence + 1
    end
    local until_ms = math.max(held_until, deadline)
    local fields = {
      't', type, 'd', number(until_ms), 'n', total, 'l', live, 'k', fingerprint, 'v', (meta[6] or 0) + 1, 'i', 1,
    }
    if help ~= '' then
      fields[#fields + 1] = 'h'
      fields[#fields + 1] = string.sub(help, 2)
    end
    if unit ~= '' then
      fields[#fields + 1] = 'u'
      fields[#fields + 1] = string.sub(unit, 2)
    end
    call('HSET', hash, unpack(fields))
    if until_ms ~= held_until then
      call('PEXPIREAT', hash, number(until_ms))
      call('PEXPIREAT', order, number(until_ms))
    elseif call('PTTL', order) < 0 then
      -- Compaction had removed its last block.
      call('PEXPIREAT', order, number(until_ms))
    end
    -- In any case: a server whose clock is ahead may have taken it out while it still lives by ours.
    call('ZADD', KEYS[1], number(until_ms), name)
    if total >= 2 * live + COMPACT_FLOOR then result = 1 end
    latest, stored = math.max(latest, until_ms), true
  end

  results[#results + 1] = result
  k = k + 2 + clashes
  a = blocks_at + 2 * blocks
end

if stored then
  note_sequence(KEYS[2], highest, deadline)
  keep_until(KEYS[1], latest)
end
purge_index(KEYS[1])
return results
