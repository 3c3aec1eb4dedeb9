--[[
  The record of a group: what is known of its pushes. Stands after shared/preamble.lua.

  By the id of the group: float64 time of the last push and of the last failure (s; 0: none), float64 deadline (ms), one
  byte: 1 if the label `instance` is not in the grouping key, then the labels as they are exposed.
]]

-- Times of the last push and failure and the deadline of a group that lives, or nothing.
local function living_record(records, gid)
  local record = call('HGET', records, gid)
  if not record then return nil end
  local push_s, failure_s, deadline = struct.unpack('<ddd', record)
  if deadline > now_ms then return push_s, failure_s, deadline end
  return nil
end

-- Notes that these families of the group were pushed. A few hundred at a time: unpack() cannot be trusted with thousands.
local function note_pushed(families, names, push_s)
  local fields, time = {}, string.format('%.6f', push_s)
  for _, name in ipairs(names) do
    fields[#fields + 1] = name
    fields[#fields + 1] = time
  end
  for from = 1, #fields, 500 do call('HSET', families, unpack(fields, from, math.min(from + 499, #fields))) end
end

local function store_record(records, families, deadlines, gid, push_s, failure_s, deadline, adds_instance, labels)
  call('HSET', records, gid, struct.pack('<dddB', push_s, failure_s, deadline, adds_instance == '1' and 1 or 0) .. labels)
  call('ZADD', deadlines, number(deadline), gid)
  if call('EXISTS', families) == 1 then call('PEXPIREAT', families, number(deadline)) end
  keep_until(records, deadline, slack_of(deadline))
  keep_until(deadlines, deadline, slack_of(deadline))

  local gone = call('ZRANGEBYSCORE', deadlines, '-inf', number(now_ms), 'LIMIT', 0, 16)
  if #gone > 0 then
    call('ZREM', deadlines, unpack(gone))
    call('HDEL', records, unpack(gone))
  end
end
