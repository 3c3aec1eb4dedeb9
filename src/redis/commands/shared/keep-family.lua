-- The end of a family in Redis. Stands after shared/preamble.lua and shared/family.lua.

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
    if family.ordered == 1 then call('PEXPIREAT', order, ends) end
  elseif family.ordered == 1 and call('PTTL', order) < 0 then
    -- Compaction had removed its last block, or it has just been made.
    call('PEXPIREAT', order, number(family.ends))
  end
  if family.is_news then call('ZADD', index, score_of(family.ends), name_of(hash, index)) end
end

-- The index goes with the last of its families. To be called when that is told.
local function keep_index(index, ends)
  keep_until(index, math.min(ends + CLOCK_MARGIN_MS, NEVER_MS))
end
