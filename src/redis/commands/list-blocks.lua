--[[
  Lists blocks of a family, oldest first, in pages. A block that is written again moves towards the end: it is met
  twice, or at its new place, but never missed. Begins with shared/family.lua and shared/shelves.lua.

  KEYS[1] hash, KEYS[2] order
  ARGV[1] only sequences above this one, or '' for all; ARGV[2] most blocks; ARGV[3] '1': each must tell its bytes
  Output: {time (ms), revision of the family, bytes, list}: bytes of a block on the average, and of each its field and
    sequence; or 0, and of each its field, sequence and bytes
]]
-- To look at each block for its size is more than half of what a list costs. In a family of no more than this it will do to
-- know how large they are on the average: who takes as many as make a page has all of it in the worst case.
local ROUGHLY_BYTES = 8388608

local call = redis.call
local time = call('TIME')
local family = family_at(KEYS[1])
local now, revision =
  string.format('%.0f', math.floor((time[1] * 1000000 + time[2]) / 1000)),
  string.format('%.0f', family and family.revision or 0)

local list = {}
local function add(field, sequence, bytes)
  local n = #list
  list[n + 1], list[n + 2], list[n + 3] = field, string.format('%.0f', sequence), bytes
end

if family and family.form ~= ORDERED then
  -- There is no order: it is small, so to look at all its blocks takes a few milliseconds at most.
  local above, blocks = tonumber(ARGV[1]) or -1, {}
  local fields = call('HGETALL', KEYS[1])
  for i = 1, #fields, 2 do
    local field, held = fields[i], fields[i + 1]
    if is_block(field) then
      -- A damaged one is listed as the oldest, so that whoever reads it sees that.
      local sequence = sequence_of(header_in(KEYS[2], held))
      if sequence > above then blocks[#blocks + 1] = { field, sequence, bytes_in(held) } end
    end
  end
  table.sort(blocks, function(a, b) return a[2] < b[2] end)
  for i = 1, math.min(#blocks, tonumber(ARGV[2])) do add(unpack(blocks[i])) end
  return { now, revision, 0, list }
end

local lowest = ARGV[1] == '' and '-inf' or '(' .. ARGV[1]
local listed = call('ZRANGEBYSCORE', KEYS[2], lowest, '+inf', 'WITHSCORES', 'LIMIT', 0, ARGV[2])
if ARGV[3] ~= '1' and family and family.blocks > 0 and family.bytes > 0 and family.bytes <= ROUGHLY_BYTES then
  return { now, revision, math.ceil(family.bytes / family.blocks), listed }
end
for i = 1, #listed, 2 do add(listed[i], listed[i + 1], call('HSTRLEN', KEYS[1], listed[i])) end
return { now, revision, 0, list }
