--[[
  Shelves: where the blocks of a family of many small ones stand. Redis waits for memory at each string that it is asked
  for; 2,000 blocks of 800 bytes in 100 strings take it two fifths of what they take one by one.

  A shelf is a string of SHELF_BYTES, under the key of the order, the byte 255, which no name has, and its number. It has
  slots, one behind the other: how many bytes there is room for, and how long the block is (uint16 each; 0: it is gone), the
  block, and what is left of the room. Behind the last slot there are zeros. The field of a block has its place: number of
  the shelf, where the slot begins, room and length (uint16 each). So a block is known by its field as ever, and is written
  where it stands. All shelves are read together; nothing else need be known to read the blocks.
  Field 'f' of the hash: number of shelves, bytes that the last one has slots in, bytes of slots that are gone. Of a family
  that was cleared, or could not be put on shelves: 0, 0, and the number of blocks that it had then.

  A family on shelves has no order, and no group that has more there than a lone block (shared/group-blocks.lua): else they
  are cleared first, and so they are if blocks come apart from the script (shared/drafts.lua). These keys are not among those
  that a script declares, so there are none on a Cluster.

  Stands after shared/family.lua.
]]
-- With what Redis keeps of a string it just fills a size of its allocator.
local SHELF_BYTES = 32762
-- A family is put on shelves when it has so many bytes and blocks, and if that was of no avail before, so many times as many.
-- On the average its blocks are no larger than this: larger ones come apart from scripts, which clears shelves
-- (shared/drafts.lua).
local SHELVE_BYTES, SHELVE_BLOCKS, SHELVE_BLOCK_BYTES, SHELVE_AGAIN = 98304, 64, 1536, 1.25
-- So much of families is put on shelves in one run of a script, or taken from there if it can wait: that takes Redis some 10 ms
-- a megabyte, and a push may be of many families.
local MOST_MOVED_BYTES = 262144
local PLACE, PLACE_BYTES, SLOT, SLOT_BYTES = '<I2I2I2I2', 8, '<I2I2', 4

local function shelf_of(order, number) return order .. '\255' .. number end

-- What a field of a block holds: the block, or its place. A block is longer.
local function is_place(held) return #held == PLACE_BYTES end

local function bytes_in(held)
  if not is_place(held) then return #held end
  local _, _, _, length = struct.unpack(PLACE, held)
  return length
end

local function start_in(order, held, most)
  if not held or not is_place(held) then return held end
  local shelf, at, _, length = struct.unpack(PLACE, held)
  local from = at + SLOT_BYTES
  return redis.call('GETRANGE', shelf_of(order, shelf), from, from + math.min(most, length) - 1)
end

local function block_in(order, held) return start_in(order, held, SHELF_BYTES) end

-- Of a block that stands alone, all of it: that costs nothing.
local function header_in(order, held) return start_in(order, held, HEADER_BYTES) end

local function shelves_of(hash)
  local count, used, gone = string.match(redis.call('HGET', hash, 'f') or '0 0 0', '^(%d+) (%d+) (%d+)$')
  return tonumber(count), tonumber(used), tonumber(gone)
end

local function note_shelves(hash, count, used, gone)
  redis.call('HSET', hash, 'f', string.format('%d %d %d', count, used, gone))
end

local function each_shelf(hash, order, visit)
  local count = shelves_of(hash)
  for number = 0, count - 1 do visit(shelf_of(order, number)) end
end

-- Of those that a script has put on shelves, or taken from there.
local moved_bytes = 0
local function may_move(family) return moved_bytes == 0 or moved_bytes + family.bytes <= MOST_MOVED_BYTES end

-- Removes a family.
local function unlink_family(hash, order)
  each_shelf(hash, order, function(shelf) redis.call('UNLINK', shelf) end)
  redis.call('UNLINK', hash, order)
end

local function end_with(hash, shelf)
  local left = redis.call('PTTL', hash)
  if left >= 0 then redis.call('PEXPIRE', shelf, math.max(left, 1)) end
end

-- Shelves end when their family does. To be called when that has been moved.
local function keep_shelves(hash, order)
  each_shelf(hash, order, function(shelf) end_with(hash, shelf) end)
end

-- A shelf without a slot, the last one. What an earlier family has left there, if Redis has evicted its hash, is gone.
local function open_shelf(hash, order, number)
  local shelf, next = shelf_of(order, number), number + 1
  -- To be refused before anything is written if Redis has no memory: it looks at that at the first write only. And a string
  -- that is not there yet is made as long as it must be; one that grows, twice as long.
  redis.call('SET', shelf, '')
  redis.call('UNLINK', shelf)
  redis.call('SETRANGE', shelf, SHELF_BYTES - 1, '\0')
  end_with(hash, shelf)
  while redis.call('UNLINK', shelf_of(order, next)) > 0 do next = next + 1 end
end

-- Families, by hash, whose shelves are to be looked at when all else is done with, as places change then; and the orders.
local untidy = {}

-- Redis has evicted a shelf if it is shorter than it was made.
local function write_at(hash, order, number, at, bytes)
  if redis.call('SETRANGE', shelf_of(order, number), at, bytes) < SHELF_BYTES then untidy[hash] = order end
end

-- Room for small changes of the values, and some more for larger blocks.
local function room_for(value) return #value + 8 + math.floor(#value / 64) end

local function slot_with(room, value) return struct.pack(SLOT, room, #value) .. value end

-- A block that takes less than half of the room moves, too, or what it has left would never count as gone.
local function fits(value, room) return #value <= room and room <= 2 * room_for(value) end

-- Takes the block out of the slot.
local function clear_slot(hash, order, held)
  if not is_place(held) then return end
  local number, at, room = struct.unpack(PLACE, held)
  local count, used, gone = shelves_of(hash)
  write_at(hash, order, number, at, struct.pack(SLOT, room, 0))
  note_shelves(hash, count, used, gone + SLOT_BYTES + room)
  untidy[hash] = order
end

-- Writes a block of a family on shelves, whose field holds that now (false: nothing). Returns its place, for the field.
local function shelve_block(hash, order, held, value)
  if held and is_place(held) then
    local number, at, room, length = struct.unpack(PLACE, held)
    if #value == length then
      write_at(hash, order, number, at + SLOT_BYTES, value)
      return held
    elseif fits(value, room) then
      write_at(hash, order, number, at, slot_with(room, value))
      return struct.pack(PLACE, number, at, room, #value)
    end
    clear_slot(hash, order, held)
  end
  local count, used, gone = shelves_of(hash)
  local room = room_for(value)
  if count == 0 or used + SLOT_BYTES + room > SHELF_BYTES then
    open_shelf(hash, order, count)
    count, used = count + 1, 0
  end
  write_at(hash, order, count - 1, used, slot_with(room, value))
  note_shelves(hash, count, used + SLOT_BYTES + room, gone)
  return struct.pack(PLACE, count - 1, used, room, #value)
end

-- Writes a block over the one that a field holds, and what is known of the family then.
local function overwrite_block(hash, order, field, held, value, known)
  if not is_place(held) then
    redis.call('HSET', hash, field, value, 'm', known)
    return
  end
  local place = shelve_block(hash, order, held, value)
  if place == held then
    redis.call('HSET', hash, 'm', known)
  else
    redis.call('HSET', hash, field, place, 'm', known)
  end
end

-- A few hundred at a time: unpack() cannot be trusted with thousands.
local function set_fields(hash, fields)
  for from = 1, #fields, 500 do
    redis.call('HSET', hash, unpack(fields, from, math.min(from + 499, #fields)))
  end
end

-- The blocks of a family by field, in turn; whether groups have more there than lone ones; blocks and bytes that are lost, since
-- Redis has evicted their shelf. A shelf is read once: that takes half of what it takes to read block after block.
local function blocks_of(hash, order)
  local all, blocks, has_holdings, lost, lost_bytes = redis.call('HGETALL', hash), {}, false, 0, 0
  local shelves = {}
  for i = 1, #all, 2 do
    local field, value = all[i], all[i + 1]
    if is_block(field) then
      if is_place(value) then
        local number, at, _, length = struct.unpack(PLACE, value)
        shelves[number] = shelves[number] or redis.call('GET', shelf_of(order, number)) or ''
        value = string.sub(shelves[number], at + SLOT_BYTES + 1, at + SLOT_BYTES + length)
        if sequence_of(value) == 0 then
          redis.call('HDEL', hash, field)
          lost, lost_bytes, value = lost + 1, lost_bytes + length, nil
        end
      end
      if value then blocks[#blocks + 1], blocks[#blocks + 2] = field, value end
    end
    has_holdings = has_holdings or string.byte(field) == 112
  end
  return blocks, has_holdings, lost, lost_bytes
end

-- Writes them on new shelves.
local function fill_shelves(hash, order, blocks)
  each_shelf(hash, order, function(shelf) redis.call('UNLINK', shelf) end)
  local places, number, used, slots = {}, 0, 0, {}
  local function end_shelf()
    open_shelf(hash, order, number)
    redis.call('SETRANGE', shelf_of(order, number), 0, table.concat(slots))
  end
  for i = 1, #blocks, 2 do
    local value = blocks[i + 1]
    local room = room_for(value)
    if used + SLOT_BYTES + room > SHELF_BYTES then
      end_shelf()
      number, used, slots = number + 1, 0, {}
    end
    -- Lua makes a string, and hashes it, each time that two are joined.
    local n = #slots
    slots[n + 1], slots[n + 2], slots[n + 3] = struct.pack(SLOT, room, #value), value, string.rep('\0', room - #value)
    places[i], places[i + 1] = blocks[i], struct.pack(PLACE, number, used, room, #value)
    used = used + SLOT_BYTES + room
  end
  end_shelf()
  set_fields(hash, places)
  note_shelves(hash, number + 1, used, 0)
end

-- Puts a family on shelves that is stored, if it has become one of many small blocks; `before` is how many it had.
local function shelve_if_many(family, hash, order, before)
  if family.form ~= PLAIN or family.bytes < SHELVE_BYTES or family.blocks < SHELVE_BLOCKS or family.blocks <= before
    or family.bytes > family.blocks * SHELVE_BLOCK_BYTES or not may_move(family) then return end
  local _, _, tried = shelves_of(hash)
  if family.blocks < tried * SHELVE_AGAIN then return end
  moved_bytes = moved_bytes + family.bytes
  local blocks, has_holdings = blocks_of(hash, order)
  local is_good = not has_holdings
  for i = 2, #blocks, 2 do is_good = is_good and sequence_of(blocks[i]) > 0 end
  if not is_good then
    note_shelves(hash, 0, 0, family.blocks)
    return
  end
  fill_shelves(hash, order, blocks)
  family.form = SHELVED
  redis.call('HSET', hash, 'm', text_of(family))
end

-- Clears the shelves of a family, if it has some: its blocks stand in its hash again. What is known of it is stored, too, as it
-- must fit whatever comes of the rest of the script.
local function unshelve(family, hash, order)
  if family.form ~= SHELVED then return end
  moved_bytes = moved_bytes + family.bytes
  local blocks, _, lost, lost_bytes = blocks_of(hash, order)
  -- First, as it is refused if Redis has no memory.
  set_fields(hash, blocks)
  each_shelf(hash, order, function(shelf) redis.call('UNLINK', shelf) end)
  family.form, family.blocks, family.bytes = PLAIN, family.blocks - lost, family.bytes - lost_bytes
  redis.call('HSET', hash, 'm', text_of(family))
  note_shelves(hash, 0, 0, family.blocks)
end

-- Makes the shelves anew of a family an eighth of whose slots is gone, or of which Redis has evicted one, and clears those of
-- one that has become small. To be called when all is stored.
local function tidy_shelves()
  for hash, order in pairs(untidy) do
    local count, _, gone = shelves_of(hash)
    local evicted = false
    for number = 0, count - 1 do
      evicted = evicted or redis.call('STRLEN', shelf_of(order, number)) < SHELF_BYTES
    end
    local family = family_of(redis.call('HGET', hash, 'm'))
    if family and family.form == SHELVED and (evicted or (gone > SHELF_BYTES and gone > count * SHELF_BYTES / 8)) then
      if family.bytes < SHELVE_BYTES / 2 then
        unshelve(family, hash, order)
      else
        local blocks, _, lost, lost_bytes = blocks_of(hash, order)
        fill_shelves(hash, order, blocks)
        family.blocks, family.bytes = family.blocks - lost, family.bytes - lost_bytes
        redis.call('HSET', hash, 'm', text_of(family))
      end
    end
  end
end
