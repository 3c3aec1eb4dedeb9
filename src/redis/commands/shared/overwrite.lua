--[[
  By far the most families of small blocks: one block that overwrites itself, in a family that stays as it is. What is done
  with these here is what would be done with them otherwise, but without the tables that this makes, which takes a quarter
  more. Stands before the scripts that store blocks, after shared/family.lua, shared/order.lua and shared/growth.lua.
]]

-- What will be known of a family, as text, when `value` has taken the place of the block `before`, and nothing else about it
-- is new; when Redis lets go of it; whether it wants compaction; whether /ingest has blocks there, and groups. Nothing, if
-- there is more to it.
local function known_after(text, value, before, deadline, type, kind, help, unit, fingerprint)
  local latest, bytes, live, ends, commits, revision, blocks, ingested, grouped, ordered, held_type, held_fingerprint,
    held_help, held_unit = struct.unpack(META, text)
  latest = -latest
  if latest <= now_ms or ordered == 1 or held_fingerprint ~= fingerprint
    or kind_of(held_type) ~= kind or (type ~= '' and type ~= held_type)
    or (help ~= '' and help ~= held_help) or (unit ~= '' and unit ~= held_unit)
    or bytes + #value > ORDER_BYTES or blocks >= ORDER_BLOCKS then return nil end
  bytes = bytes + #value - #before
  latest = math.max(latest, deadline)
  if latest > ends or size_class(bytes) > ends % 1 then return nil end
  local known = struct.pack(META, -latest, bytes, live, ends, (commits + 1) % 4294967296, revision, blocks, ingested, grouped,
    ordered, #held_type, held_type, #fingerprint, fingerprint, #held_help, held_help, #held_unit, held_unit)
  return known, ends, has_outgrown(bytes, live), ingested == 1, grouped == 1
end
