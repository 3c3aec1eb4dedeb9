-- Stands before every script that writes or judges families: time, and what they must all do alike.
local call = redis.call
local NEVER_MS = 253402300799999

local time = call('TIME')
local now_us = time[1] * 1000000 + time[2]
local now_ms = math.floor(now_us / 1000)

local function number(n) return string.format('%.0f', n) end

local function deadline_of(ttl_ms)
  return ttl_ms == 0 and NEVER_MS or math.min(now_ms + ttl_ms, NEVER_MS)
end

-- Not 'PEXPIREAT … GT': that takes a key without expiry for one that never ends, and older servers lack it.
local function keep_until(key, at, slack)
  local left = call('PTTL', key)
  if left < 0 or now_ms + left < at then call('PEXPIREAT', key, number(math.min(at + (slack or 0), NEVER_MS))) end
end

-- Redis lets go of a family, and a bucket of its clock and index, later than it must: so not each push has to tell it, which
-- is two commands a family.
local MOST_SLACK_MS = 600000
local function slack_of(deadline) return math.min(math.floor((deadline - now_ms) / 4), MOST_SLACK_MS) end

-- How far behind the clock of a server may be that takes over: what it holds may live for longer than on the one before it.
local CLOCK_MARGIN_MS = 60000

-- The highest sequence that the bucket has given out. See keep_bucket.
local function note_sequence(clock, sequence) call('SET', clock, number(sequence), 'KEEPTTL') end

-- The sequence that the next block of a bucket gets: the one that its sender has proposed, if it is higher than all that
-- were given out and not far ahead of our clock.
local MOST_AHEAD_US = 1000000
local function next_sequence(clock, proposed)
  if proposed > clock and proposed <= now_us + MOST_AHEAD_US then return proposed end
  return math.max(now_us, clock + 1)
end

-- The value of a block with its sequence and deadline. Its sender has stamped it with those that it expects here, the
-- deadline by what our clock showed at the most when it was sent: time to live counts from there, and the block may end
-- later by as much as that was too much. If it has waited for long, or our clock is ahead of that of the server before us, it counts from now. A
-- value that is right stays as it is: Lua hashes each byte of a string that it makes, which took as long as all the rest.
local MOST_LATE_MS, MOST_WAITED_MS, MOST_WAITED_PART = 1000, 5000, 8
local function is_timely(stamped_deadline, deadline)
  local waited = math.min(MOST_WAITED_MS, (deadline - now_ms) / MOST_WAITED_PART)
  return stamped_deadline >= deadline - waited and stamped_deadline <= deadline + MOST_LATE_MS
end

local function is_right(stamped_sequence, stamped_deadline, sequence, deadline)
  return stamped_sequence == sequence and is_timely(stamped_deadline, deadline)
end

local function stamped(value, sequence, deadline)
  local expected, at = struct.unpack('<dd', value)
  if is_right(expected, at, sequence, deadline) then return value end
  return struct.pack('<dd', sequence, deadline) .. string.sub(value, 17)
end

local function kind_of(type)
  if type == 'gaugehistogram' then return 'histogram' end
  return (type == 'histogram' or type == 'summary') and type or 'plain'
end

-- Who has reserved the name of a family for a moment (field q of its hash), to make it or to change its type. Until when
-- (ms), token, type; nothing if nobody has.
local function reservation(q)
  if not q then return nil end
  local at, token, type = string.match(q, '^(%d+) (%S+) (%S+)$')
  if tonumber(at) <= now_ms then return nil end
  return tonumber(at), token, type
end
