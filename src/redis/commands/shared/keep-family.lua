-- The end of a family in Redis. Stands after shared/preamble.lua, shared/family.lua and shared/shelves.lua.

-- Whether nothing of it lives any more, though it is still there.
local function has_ended(family) return family.deadline > 0 and family.deadline <= now_ms end

-- Lets a family live until a deadline, unless it does so anyway, and notes whether it has outgrown what the index says:
-- `family` has its new size, and is to be stored afterwards.
local function prolong(family, deadline)
  if deadline > family.deadline then family.deadline = deadline end
  family.is_prolonged = family.deadline > family.ends
  local ends, class = family.ends, size_class(family.bytes)
  if family.is_prolonged then ends = math.min(family.deadline + slack_of(family.deadline), NEVER_MS) end
  family.is_news = family.is_prolonged or class > ends % 1
  if family.is_news then family.ends = math.floor(ends) + class end
end

-- The name of a family is what its key has behind that of the bucket.
local function name_of(hash, index) return string.sub(hash, #index - #'index' + #'f:' + 1) end

-- Tells Redis of it. To be called when the family is stored.
local function keep_family(family, hash, order, index)
  if family.is_prolonged then
    local ends = number(family.ends)
    call('PEXPIREAT', hash, ends)
    if family.form == ORDERED then call('PEXPIREAT', order, ends) end
    if family.form == SHELVED then keep_shelves(hash, order) end
  elseif family.form == ORDERED and call('PTTL', order) < 0 then
    -- Compaction had removed its last block, or it has just been made.
    call('PEXPIREAT', order, number(family.ends))
  end
  if family.is_news then call('ZADD', index, score_of(family.ends), name_of(hash, index)) end
end

-- Families that have ended leave the index: their keys are gone, also from a server that takes over, or they would be held
-- there and not be listed. A few at a time, so that no push pays for many.
local function purge_index(index)
  local gone = call('ZRANGEBYSCORE', index, '-inf', number(now_ms - CLOCK_MARGIN_MS), 'LIMIT', 0, 16)
  if #gone > 0 then call('ZREM', index, unpack(gone)) end
end

-- What a bucket has beside its families goes a while after the last of them: the index, and the highest sequence, which
-- outlives all that it was given to, or what a server that takes over still holds would be newer than what comes. To be
-- called when the end of a family was told, or the clock may be new: else both live long enough already. Then the index is
-- cleaned, too: to look at all of this with each push was half of what a bucket costs Redis in one.
local function keep_bucket(index, clock, ends)
  local at = math.min(ends + CLOCK_MARGIN_MS, NEVER_MS)
  keep_until(index, at)
  keep_until(clock, at)
  purge_index(index)
end
