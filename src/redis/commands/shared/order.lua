--[[
  The order of a family's blocks: a sorted set, field to sequence. Only a large family has one, to be listed by, or one of
  large blocks. It costs about a hundred bytes and two calls a block, and of others the sequences stand in the blocks,
  which are read all at once. Stands after shared/preamble.lua, shared/family.lua and
  shared/shelves.lua.
]]
local ORDER_BYTES, ORDER_BLOCKS, ORDER_BLOCK_BYTES = 1835008, 2500, 4096
-- Of many families on shelves that need one at the same time some wait until they have so many bytes: below what is read at
-- once (redis/read-limits.ts).
local WAITING_BYTES = 2000000
-- What unpack() can be trusted with is a few thousand.
local SCORES_A_CALL = 1000

-- Bytes of the i-th of the values that stand in ARGV from `at` on, or come apart and have these sizes (shared/drafts.lua).
local function size_of(sizes, at, i) return sizes and sizes[i] or #ARGV[at + i - 1] end

-- Whether a family without an order will need one once it has these blocks, too: `count` values.
local function needs_order(family, count, at, sizes)
  if family.form == ORDERED then return false end
  local bytes, largest = family.bytes, 0
  for i = 1, count do
    local size = size_of(sizes, at, i)
    bytes = bytes + size
    if size > largest then largest = size end
  end
  if largest > ORDER_BLOCK_BYTES then return true end
  if bytes <= ORDER_BYTES and family.blocks + count <= ORDER_BLOCKS then return false end
  return family.form ~= SHELVED or may_move(family) or bytes > WAITING_BYTES
end

-- Gives an order to such a family. Takes Redis up to 10 ms, twice that if it was on shelves, once in the life of a family. True: it had shelves, and what the
-- fields of its blocks hold is not what it was.
local function order_if_large(family, hash, order, count, at, sizes)
  if not needs_order(family, count, at, sizes) then return false end
  local was_shelved = family.form == SHELVED
  unshelve(family, hash, order)
  family.form = ORDERED
  if family.blocks == 0 then return was_shelved end
  local fields, scores = call('HGETALL', hash), {}
  for i = 1, #fields, 2 do
    if is_block(fields[i]) then
      scores[#scores + 1] = number(sequence_of(fields[i + 1]))
      scores[#scores + 1] = fields[i]
    end
    if #scores >= SCORES_A_CALL then
      call('ZADD', order, unpack(scores))
      scores = {}
    end
  end
  if #scores > 0 then call('ZADD', order, unpack(scores)) end
  return was_shelved
end

-- Whether `count` values are so few and small that the blocks that they overwrite are best looked at together with the
-- family: one command takes less than one a block, though Lua makes a string of each.
local MOST_FETCHED, LARGEST_FETCHED = 8, 4096
local function few_and_small(count, at, sizes)
  if count > MOST_FETCHED then return false end
  for i = 1, count do
    if size_of(sizes, at, i) > LARGEST_FETCHED then return false end
  end
  return true
end
