--[[
  Stores what a group pushes to families: all of them, or nothing if one is refused. Begins with shared/preamble.lua,
  shared/family.lua, shared/shelves.lua, shared/keep-family.lua, shared/order.lua, shared/growth.lua, shared/overwrite.lua,
  shared/clashes.lua, shared/drafts.lua, shared/group-blocks.lua and shared/group-record.lua.

  A push that takes several calls first runs this with step 'check' for all families: that reserves, for a moment, those
  that are to be made or to change their type. Nobody else can then come between check and 'write'.
  The blocks of a large family come in several calls; it is whole after the last one. Atomic.

  With step 'all' this is the whole push, begin-push.lua and end-push.lua included: nobody can come in between, so the
  group need not be held. It does nothing if the group is held, or has families that the push does not name.

  KEYS with step 'all' first lock, records of groups, families of the group, deadlines of groups; then for each bucket:
    index, clock, then for each family: hash, order, if its values come apart its draft, and the hashes of the names it may
    clash with
  ARGV[1] time of the server (µs) after which this must do nothing; ARGV[2] 'check', 'write' or 'all'; ARGV[3] time to live, ms
  ARGV[4] fingerprint; ARGV[5] '1': a family under another fingerprint is obsolete and goes
  ARGV[6] id of the group, 8 bytes; ARGV[7] token of the push; ARGV[8] how long a reservation holds, ms
  ARGV[9] 'put', 'post' or 'merge'; ARGV[10] shape: the names of the labels in the grouping key
  ARGV[11] number of buckets: one, where their keys lie in several slots
  ARGV[12] '1' if `instance` is not in the grouping key; ARGV[13] the labels of the group, for its record
  ARGV[14] '1': values come apart (see shared/drafts.lua); ARGV[15] the deadline that values are stamped with, ms
  ARGV[16] '1': families may be put on shelves (see shared/shelves.lua)
  then for each bucket a header (BUCKET): a sequence, proposed for its first block; number of families
  then for each family a header (FAMILY): kind; description (see shared/family.lua);
    other shapes that the sender has taken into account, a newline after each;
    ids of other groups that could hold a series of the push, as one string; the entries' hashes, likewise, if there are
    any such groups;
    '' or, with the last blocks of the family, the digests of all of them;
    number of blocks; number of names it may clash with, and a byte for each of these (see shared/clashes.lua); the digests
    of the blocks; then the value of each block, or, if these come apart, in the header its bytes (uint32)

  Output: {'late', time}; {time, 'busy'} with step 'all': not at once; {time, 'whole'} not without the values, nothing is stored;
     {time, 'refused', result, …}; {time, 'done', result, …} with one result a family:
    0 good; 1 good, and the family wants compaction; 'rekey' other fingerprint;
    {'taken', type, deadline (ms), i} by the family itself (i = 0) or the i-th name it may clash with;
    {'reserved'} somebody else is making it: try again in a moment;
    {'shapes', shapes} look at these, too; {'shared', gid} that group holds a series of the push;
    {'limit'} too many shapes
]]
local MOST_SHAPES = 64
local BUCKET, FAMILY = '<dI4', '<Bc0I4c0I4c0I4c0I4c0I4c0I4B'
local DIGEST_BYTES = 16

if now_us > tonumber(ARGV[1]) then return { 'late', number(now_us) } end
local is_all = ARGV[2] == 'all'
local writing = ARGV[2] == 'write' or is_all
-- That of the stamps if it may stay, for all that the group has in these families and its record: a group ends at once.
local deadline, stamped_deadline = deadline_of(tonumber(ARGV[3])), tonumber(ARGV[15])
if is_timely(stamped_deadline, deadline) then deadline = math.min(stamped_deadline, NEVER_MS) end
local fingerprint, force = ARGV[4], ARGV[5] == '1'
local gid, token, reserve_ms = ARGV[6], ARGV[7], tonumber(ARGV[8])
local lone = lone_field(gid)
local mode, shape, apart, may_shelve = ARGV[9], ARGV[10], ARGV[14] == '1', ARGV[16] == '1'

-- The shapes that live in a family, by their deadline.
local function shapes_of(w)
  local shapes, count = {}, 0
  for at, text in string.gmatch(w or '', '(%d+) ([^\n]*)\n') do
    if tonumber(at) > now_ms then
      shapes[text] = tonumber(at)
      count = count + 1
    end
  end
  return shapes, count
end

-- Whether one of these groups holds one of the entries.
local function shared(hash, order, gids, hashes)
  local pushed = {}
  for i = 1, #hashes, 8 do pushed[string.sub(hashes, i, i + 7)] = true end
  for i = 1, #gids, 8 do
    local other = string.sub(gids, i, i + 7)
    local other_deadline, digests, other_lone = holding(hash, order, other)
    local found = false
    local function look_into(value)
      local entries = entries_of(value)
      for at = 1, #entries, 8 do found = found or pushed[string.sub(entries, at, at + 7)] end
    end
    if other_deadline > now_ms then
      if other_lone then look_into(other_lone) end
      each_digest(digests, function(digest)
        local value = not found and call('HGET', hash, 'g' .. other .. digest)
        if value then look_into(value) end
      end)
    end
    if found then return other end
  end
  return nil
end

local buckets, families = {}, {}
local k, a = is_all and 5 or 1, 17
for b = 1, tonumber(ARGV[11]) do
  local proposed, count = struct.unpack(BUCKET, ARGV[a])
  local bucket = { index = KEYS[k], clock = KEYS[k + 1], proposed = proposed }
  buckets[b] = bucket
  k, a = k + 2, a + 1
  for _ = 1, count do
    local family = { bucket = bucket, hash = KEYS[k], order = KEYS[k + 1], clashes_at = k + 2, header = ARGV[a], values_at = a + 1 }
    family.kind, family.description, family.known_shapes, family.candidates, family.hashes, family.final,
      family.blocks, family.clashes, family.codes_at = struct.unpack(FAMILY, family.header)
    family.digests_at = family.codes_at + family.clashes
    if apart then
      family.sizes = sizes_in(family.header, family.digests_at + family.blocks * DIGEST_BYTES, family.blocks)
      family.draft, family.clashes_at = KEYS[k + 2], k + 3
    end
    k = family.clashes_at + family.clashes
    a = a + 1 + (apart and 0 or family.blocks)
    families[#families + 1] = family
  end
end

-- The names of the families of the push, or nothing if it must not be carried out all at once.
local function names_of_all()
  local held = call('GET', KEYS[1])
  if held and held ~= token or call('HLEN', KEYS[3]) > #families then return nil end
  local names, pushed = {}, {}
  for i, family in ipairs(families) do
    names[i] = name_of(family.hash, family.bucket.index)
    pushed[names[i]] = true
  end
  for _, name in ipairs(call('HKEYS', KEYS[3])) do
    if not pushed[name] then return nil end
  end
  return names
end
local names
if is_all then
  names = names_of_all()
  if not names then return { number(now_us), 'busy' } end
end

local function clash_of(family)
  for i = 1, family.clashes do
    local hash, code = KEYS[family.clashes_at + i - 1], string.byte(family.header, family.codes_at + i - 1)
    local known = call('HMGET', hash, 'm', 'q')
    local _, by, reserved = reservation(known[2])
    if by and by ~= token and clashes_with(code, reserved) then return { 'reserved' } end
    local other = family_of(known[1])
    if other and other.deadline > now_ms and clashes_with(code, other.type)
      -- What the group alone holds goes with this very push.
      and not (mode == 'put' and holds_alone(other, hash, gid)) then
      return { 'taken', other.type, number(other.deadline), i }
    end
  end
  return nil
end

-- What stands in the family about itself, who has reserved it, the shapes of its groups, what this group holds there, and
-- the blocks that those of the push would overwrite, if they are few and small.
local function look(family)
  local is_small = few_and_small(family.blocks, family.values_at, family.sizes)
  family.may_be_lone = is_small and not apart and family.blocks == 1 and #family.final == DIGEST_BYTES
  if family.may_be_lone then return call('HMGET', family.hash, 'm', 'q', 'w', lone, 'p' .. gid) end
  local asked = { 'm', 'q', 'w', lone, 'p' .. gid }
  family.has_looked = is_small
  for i = 1, is_small and family.blocks or 0 do
    local at = family.digests_at + (i - 1) * DIGEST_BYTES
    asked[5 + i] = 'g' .. gid .. string.sub(family.header, at, at + DIGEST_BYTES - 1)
  end
  return call('HMGET', family.hash, unpack(asked))
end

-- Whether the family is one of a lone block that overwrites itself (see shared/overwrite.lua). Then what is to be written is
-- worked out here.
local function overwrites(family, known)
  local text, shapes, held = known[1], known[3], known[4]
  if not family.may_be_lone or not writing or not held or known[2] or not shapes
    or family.clashes > 0 or family.candidates ~= '' then return false end
  local shape_until, only = string.match(shapes, '^(%d+) ([^\n]*)\n$')
  if only ~= shape or tonumber(shape_until) < deadline then return false end
  local value = ARGV[family.values_at]
  local after, ends, outgrown, ingested, grouped = known_after(text, value, bytes_in(held), deadline, family.description,
    family.kind, fingerprint)
  if not grouped or (ingested or mode == 'merge') and entries_of(value) ~= entries_of(block_in(family.order, held)) then
    return false
  end
  family.text, family.ends, family.has_outgrown, family.in_field = after, ends, outgrown, held
  return true
end

-- Why the family cannot be stored, or nil; notes what storing it needs to know.
local function refusal(family)
  local known = look(family)
  if overwrites(family, known) then return nil end
  family.type, family.help, family.unit = struct.unpack(DESCRIPTION, family.description)
  local held = family_of(known[1])
  family.obsolete = held and held.fingerprint ~= fingerprint
  if family.obsolete and not force then return 'rekey' end
  if family.obsolete then held, known = nil, {} end
  family.gone = held and has_ended(held) and not reservation(known[2])
  if family.gone then held, known = nil, {} end
  family.stored = known
  family.held = held or new_family()
  local _, by = reservation(known[2])
  if by and by ~= token then return { 'reserved' } end
  family.reserved = by == token
  local live = held and held.deadline > now_ms
  -- A few more series of a family need not say again what it is.
  if mode == 'merge' and live and family.type == 'untyped' and kind_of(held.type) == family.kind then
    family.type = held.type
  end
  local changes_type = live and held.type ~= family.type
  if changes_type and (mode == 'merge' or not holds_alone(held, family.hash, gid)) then
    return { 'taken', held.type, number(held.deadline), 0 }
  end
  local clash = clash_of(family)
  if clash then return clash end

  local shapes, count = shapes_of(known[3])
  local unknown, has_others = {}, false
  for other in pairs(shapes) do
    if other ~= shape then
      has_others = true
      if not string.find('\n' .. family.known_shapes, '\n' .. other .. '\n', 1, true) then unknown[#unknown + 1] = other .. '\n' end
    end
  end
  if #unknown > 0 then return { 'shapes', table.concat(unknown) } end
  if not shapes[shape] and count >= MOST_SHAPES then return { 'limit' } end
  if family.candidates ~= '' then
    local other = shared(family.hash, family.order, family.candidates, family.hashes)
    if other then return { 'shared', other } end
  end
  -- For longer than it must be, so that not each push has to write it: others may look at this group for
  -- nothing, and it counts as one of the shapes for that long.
  if (shapes[shape] or 0) < deadline then shapes[shape] = math.min(deadline + slack_of(deadline), NEVER_MS) end
  family.shapes = shapes
  family.needs_reservation = not live or changes_type or has_others
  return nil
end

local results, refused = { number(now_us), 'done' }, false
for _, family in ipairs(families) do
  local result = refusal(family)
  refused = refused or result ~= nil
  results[#results + 1] = result or 0
end
if refused then
  results[2] = 'refused'
  return results
end

if not writing then
  for _, family in ipairs(families) do
    if family.needs_reservation then
      if family.obsolete or family.gone then unlink_family(family.hash, family.order) end
      local at = now_ms + reserve_ms
      call('HSET', family.hash, 'q', number(at) .. ' ' .. token .. ' ' .. family.type)
      keep_until(family.hash, at)
      if family.held.form == SHELVED then keep_shelves(family.hash, family.order) end
    end
  end
  return results
end

for _, bucket in ipairs(buckets) do
  local clock = call('GET', bucket.clock)
  bucket.sequence = next_sequence(tonumber(clock or 0), bucket.proposed)
  bucket.latest, bucket.has_news = 0, not clock
  if apart and not is_right(bucket.proposed, stamped_deadline, bucket.sequence, deadline) then
    return { number(now_us), 'whole' }
  end
end
if apart then
  local cleared, bytes = 0, 0
  for _, family in ipairs(families) do
    if family.held.form == SHELVED then cleared, bytes = cleared + 1, bytes + family.held.bytes end
    -- Shelves of many families are not cleared at once: on them blocks can be put that are arguments.
    if cleared > 1 and bytes > MOST_MOVED_BYTES then return { number(now_us), 'whole' } end
    if family.held.blocks > 0 and needs_order(family.held, family.blocks, family.values_at, family.sizes) then
      return { number(now_us), 'whole' }
    end
  end
end

local function overwrite(n, family)
  local bucket = family.bucket
  local sequence = bucket.sequence
  local value = stamped(ARGV[family.values_at], sequence, deadline)
  overwrite_block(family.hash, family.order, lone, family.in_field, value, family.text)
  bucket.sequence, bucket.latest = sequence + 1, math.max(bucket.latest, family.ends)
  if family.has_outgrown then results[2 + n] = 1 end
end

-- Adds what stores the blocks of a family to the fields of its hash and to its order, and counts them.
local function add_blocks(family, fields, scores)
  local bucket, hash, held = family.bucket, family.hash, family.held
  local sequence, digests = bucket.sequence, {}
  for i = 1, family.blocks do
    local at = family.digests_at + (i - 1) * DIGEST_BYTES
    digests[i] = string.sub(family.header, at, at + DIGEST_BYTES - 1)
    local field = 'g' .. gid .. digests[i]
    local size = family.has_looked and #(family.stored[5 + i] or '') or call('HSTRLEN', hash, field)
    held.bytes = held.bytes + size_of(family.sizes, family.values_at, i) - size
    if size == 0 then held.blocks = held.blocks + 1 end
    if not apart then
      fields[2 * i - 1], fields[2 * i] = field, stamped(ARGV[family.values_at + i - 1], sequence, deadline)
    end
    if held.form == ORDERED then scores[2 * i - 1], scores[2 * i] = number(sequence), field end
    sequence = sequence + 1
  end
  bucket.sequence = sequence
  return table.concat(digests)
end

-- The same of one that is to be the lone block of the group. `in_field` is what its field holds, if there is one.
local function add_lone(family, fields, scores, before, in_field)
  local bucket, held, value = family.bucket, family.held, ARGV[family.values_at]
  held.bytes = held.bytes + #value - #(before or '')
  if not before then held.blocks = held.blocks + 1 end
  value = stamped(value, bucket.sequence, deadline)
  if held.form == SHELVED then value = shelve_block(family.hash, family.order, in_field, value) end
  fields[1], fields[2] = lone, value
  if held.form == ORDERED then scores[1], scores[2] = number(bucket.sequence), lone end
  bucket.sequence = bucket.sequence + 1
end

-- Whether what the push has of a family is all that the group will have there, and can stand alone (see shared/group-blocks.lua).
local function becomes_lone(family, held_digests, before)
  if not family.may_be_lone then return false end
  if before and entries_of(before) == entries_of(ARGV[family.values_at]) then return true end
  return family.held.ingested == 0 and (mode ~= 'merge' or not before and held_digests == '')
end

local lent = {}
local function store(n, family)
  local bucket, hash, order, held = family.bucket, family.hash, family.order, family.held
  if family.obsolete or family.gone then unlink_family(hash, order) end
  local is_new, blocks_before, in_field = held.deadline == 0, held.blocks, family.stored[4]
  -- Of blocks on shelves it was looked where they stand. Digests of groups are there only as shadows.
  if held.form == SHELVED then family.has_looked = false end
  local held_until, held_digests, before = holding_of(family.stored[5], block_in(order, in_field))
  if held_until <= now_ms and (held_digests ~= '' or before) then
    -- What has ended must not come back with the new deadline.
    remove_all(held, hash, order, gid, held_digests, before, in_field)
    held_digests, before, in_field, family.has_looked = '', nil, nil, false
  end
  local is_lone = becomes_lone(family, held_digests, before)
  if before and not is_lone then
    -- If all that the group will have comes with this call, what it had may just go, or readers would have to look again.
    local is_whole = mode ~= 'merge' and #family.final == family.blocks * DIGEST_BYTES
    if is_whole and held.ingested == 0 then
      remove_all(held, hash, order, gid, '', before, in_field)
    else
      held_digests = give_digest(held, hash, order, gid, before)
    end
  end
  if not is_lone then unshelve(held, hash, order) end
  order_if_large(held, hash, order, family.blocks, family.values_at, family.sizes)

  local fields, scores, now_held = {}, {}, nil
  if is_lone then
    remove_blocks(held, hash, order, gid, held_digests)
    if family.stored[5] then call('HDEL', hash, 'p' .. gid) end
    add_lone(family, fields, scores, before, in_field)
  else
    local added = add_blocks(family, fields, scores)
    -- Until the last blocks have come the old ones stay; a merge keeps them for good.
    if family.final ~= '' and family.final == held_digests then
      now_held = held_digests
    elseif family.final ~= '' and mode ~= 'merge' then
      remove_blocks(held, hash, order, gid, without(held_digests, set_of(family.final)))
      now_held = family.final
    else
      now_held = without(held_digests, set_of(added)) .. added
    end
  end
  if #scores > 0 then call('ZADD', order, unpack(scores)) end

  -- All of a new one lives: a push has each series once.
  if is_new then held.live = held.bytes end
  prolong(held, deadline)
  local shapes = {}
  for text, at in pairs(family.shapes) do shapes[#shapes + 1] = number(at) .. ' ' .. text .. '\n' end
  held.type, held.fingerprint, held.grouped = family.type, fingerprint, 1
  held.commits = held.commits + 1
  if family.help ~= '' then held.help = family.help end
  if family.unit ~= '' then held.unit = family.unit end
  local last = #fields
  fields[last + 1], fields[last + 2] = 'm', text_of(held)
  fields[last + 3], fields[last + 4] = 'w', table.concat(shapes)
  if now_held then fields[last + 5], fields[last + 6] = 'p' .. gid, struct.pack('<d', -deadline) .. now_held end
  call('HSET', hash, unpack(fields))
  if family.reserved and family.final ~= '' then call('HDEL', hash, 'q') end
  keep_family(held, hash, order, bucket.index)
  if apart then
    lent[#lent + 1], lent[#lent + 2] = hash, family.draft
  elseif may_shelve then
    shelve_if_many(held, hash, order, blocks_before)
  end
  bucket.latest = math.max(bucket.latest, held.ends)
  bucket.has_news = bucket.has_news or held.is_news
  if has_outgrown(held.bytes, held.live) then results[2 + n] = 1 end
end

return lending(lent, function()
  for n, family in ipairs(families) do
    if family.text then overwrite(n, family) else store(n, family) end
  end
  tidy_shelves()
  for _, bucket in ipairs(buckets) do
    note_sequence(bucket.clock, bucket.sequence - 1)
    if bucket.has_news then keep_bucket(bucket.index, bucket.clock, bucket.latest) end
  end
  if is_all then
    call('DEL', KEYS[1])
    local push_s = now_us / 1000000
    local _, failure_s = living_record(KEYS[2], gid)
    note_pushed(KEYS[3], names, push_s)
    store_record(KEYS[2], KEYS[3], KEYS[4], gid, push_s, failure_s or 0, deadline, ARGV[12], ARGV[13])
  end
end) or results
