--[[
  The order of a family's blocks: a sorted set, field to sequence. Only a large family has one, to be listed by, or one of
  large blocks. It costs about a hundred bytes and two calls a block, and of others the sequences stand in the blocks,
  which are read all at once. Stands after shared/preamble.lua and shared/family.lua.
]]
local ORDER_BYTES, ORDER_BLOCKS, ORDER_BLOCK_BYTES = 1835008, 2500, 4096
-- What unpack() can be trusted with is a few thousand.
local SCORES_A_CALL = 1000

-- Gives an order to a family that will need it once it has these blocks, too: `count` values, in ARGV from `at` on. Takes
-- Redis up to 10 ms, once in the life of a family.
local function order_if_large(family, hash, order, count, at)
  if family.ordered == 1 then return end
  local bytes, largest = family.bytes, 0
  for i = 1, count do
    local size = #ARGV[at + i - 1]
    bytes = bytes + size
    if size > largest then largest = size end
  end
  if bytes <= ORDER_BYTES and family.blocks + count <= ORDER_BLOCKS and largest <= ORDER_BLOCK_BYTES then return end
  family.ordered = 1
  if family.blocks == 0 then return end
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
end

-- Whether values, `count` of them in ARGV from `at` on, are so few and small that the blocks that they overwrite are best
-- looked at together with the family: one command takes less than one a block, though Lua makes a string of each.
local MOST_FETCHED, LARGEST_FETCHED = 8, 4096
local function few_and_small(count, at)
  if count > MOST_FETCHED then return false end
  for i = at, at + count - 1 do
    if #ARGV[i] > LARGEST_FETCHED then return false end
  end
  return true
end
