--[[
  By far the most families of small blocks: one block that overwrites itself, in a family that stays as it is. What is done
  with these here is what would be done with them otherwise, but without the tables that this makes, which takes a quarter
  more. Stands before the scripts that store blocks, after shared/family.lua, shared/order.lua and shared/growth.lua.
]]

-- Whether a push says nothing new of a family. Type '': not declared; HELP or UNIT '': not given. The kind follows from the
-- type, if there is one.
local function says_nothing_new(description, kind, held)
  if description == held then return true end
  local type, help, unit = struct.unpack(DESCRIPTION, description)
  local held_type, held_help, held_unit = struct.unpack(DESCRIPTION, held)
  return kind_of(held_type) == kind and (type == '' or type == held_type) and (help == '' or help == held_help)
    and (unit == '' or unit == held_unit)
end

-- What will be known of a family, as text, when `value` has taken the place of a block of `size` bytes, and nothing else about
-- it is new; when Redis lets go of it; whether it wants compaction; whether /ingest has blocks there, and groups. Nothing, if
-- there is more to it.
local function known_after(text, value, size, deadline, description, kind, fingerprint)
  local latest, bytes, live, ends, commits, revision, blocks, ingested, grouped, form, held_fingerprint, held =
    struct.unpack(META, text)
  latest = -latest
  if latest <= now_ms or form == ORDERED or held_fingerprint ~= fingerprint or not says_nothing_new(description, kind, held)
    or bytes + #value > ORDER_BYTES or blocks >= ORDER_BLOCKS then return nil end
  bytes = bytes + #value - size
  latest = math.max(latest, deadline)
  if latest > ends or size_class(bytes) > ends % 1 then return nil end
  local known = struct.pack(META, -latest, bytes, live, ends, (commits + 1) % 4294967296, revision, blocks, ingested, grouped,
    form, #fingerprint, fingerprint, #held, held)
  return known, ends, has_outgrown(bytes, live), ingested == 1, grouped == 1
end
