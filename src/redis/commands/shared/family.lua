--[[
  What is known of a family: field 'm' of its hash, one string, since Redis takes as long for each field of a small hash
  as for a call. Stands before the scripts that read or change it; redis/family-meta.ts reads it, too.

    float64 latest deadline of any block, ms, or somewhat later (0: it has had no samples yet), negated; bytes of all
      blocks, bytes of those that lived when it was last compacted, and when Redis lets go of it, ms, with its size class:
      its score in the index of the bucket
    uint32 number of commits, revision (how often readers had to look again: mostly since compaction has changed blocks),
      number of blocks
    uint8 whether /ingest may have blocks, whether groups may, how the blocks are kept
    fingerprint of the secret, behind its length as uint8
    the description, behind its length as uint32: type, behind its length as uint8; HELP and UNIT, each '' or '=' and the
      text, behind its length as uint32. Who pushes to a family sends one, too: so whether it says anything new takes one
      look, where three texts of each would have to be made strings of Lua first

  Negated, so that a scrape can ask for the values of the hash without its fields, each of which Redis must wait for: this
  and what groups hold (shared/group-blocks.lua) begin with a number below zero, a block with its sequence, and
  the other fields with digits (redis/family-values.ts).
]]
-- How a family keeps its blocks: in its hash; there, and listed in an order (shared/order.lua); on shelves (shared/shelves.lua).
local PLAIN, ORDERED, SHELVED = 0, 1, 2

local META, DESCRIPTION = '<ddddI4I4I4BBBBc0I4c0', '<Bc0I4c0I4c0'

local function family_of(text)
  if not text then return nil end
  local deadline, bytes, live, ends, commits, revision, blocks, ingested, grouped, form, fingerprint, description =
    struct.unpack(META, text)
  local type, help, unit = struct.unpack(DESCRIPTION, description)
  -- All at once: a table that grows field by field is made anew five times.
  return {
    deadline = -deadline, bytes = bytes, live = live, ends = ends, commits = commits, revision = revision, blocks = blocks,
    ingested = ingested, grouped = grouped, form = form, type = type, fingerprint = fingerprint, help = help,
    unit = unit, is_prolonged = false,
  }
end

local function text_of(f)
  local description = struct.pack(DESCRIPTION, #f.type, f.type, #f.help, f.help, #f.unit, f.unit)
  return struct.pack(META, -f.deadline, f.bytes, f.live, f.ends, f.commits % 4294967296, f.revision,
    f.blocks, f.ingested, f.grouped, f.form, #f.fingerprint, f.fingerprint, #description, description)
end

-- Fields of one letter tell of the family, and those with a 'p' what groups hold.
local function is_block(field) return #field > 1 and string.byte(field) ~= 112 end

-- A block with fewer is damaged (see redis/block.ts).
local HEADER_BYTES = 28

-- That of the block with this value; below all others if it is damaged.
local function sequence_of(value)
  return #value >= HEADER_BYTES and struct.unpack('<d', value) or 0
end

-- How large a family is at the most: 128 bytes times a power of two, and that in 32nds of a millisecond behind its end. So
-- its score in the index tells it, and who reads many families need not ask for each.
local function size_class(bytes)
  local class, most = 1, 256
  while most < bytes and class < 31 do class, most = class + 1, most * 2 end
  return class / 32
end

local function score_of(ends) return string.format('%.5f', ends) end

local function family_at(hash) return family_of(redis.call('HGET', hash, 'm')) end

-- One that is to be made.
local function new_family()
  return {
    deadline = 0, bytes = 0, live = 0, ends = 0, commits = 0, revision = 0, blocks = 0, ingested = 0, grouped = 0, form = PLAIN,
    help = '', unit = '',
  }
end
