--[[
  Values that come apart from the script that decides on them: each byte that Lua is given is copied twice and hashed,
  which takes Redis three times what it takes to store it. So the blocks of a call with large ones are not its
  arguments. They follow in the same transaction, as HSET commands to a key of their own for each family, its draft:

    MULTI, the script, HSET draft field value …, keep-drafts.lua, EXEC

  The script says what it would say otherwise. It stores all but the blocks and lends the family that they belong to to
  the name of the draft: HSET then writes to it, and keep-drafts.lua gives it its own name back. Of a family that the
  script has refused or not come to, or if Redis does not know the script, HSET makes a hash that is nothing but these
  blocks, and it is removed.
  Nobody sees a draft: a transaction is atomic.

  Stands before the scripts that are run so.
]]

-- Stores, and lends what it adds to `lent` (hash, draft, …) when all else is done. Also if it fails midway: what is in
-- there by then is stored but for its blocks. Returns the error then, to be answered: raised again it would be another one.
local function lending(lent, store)
  local is_good, failure = pcall(store)
  for i = 1, #lent, 2 do call('RENAME', lent[i], lent[i + 1]) end
  return not is_good and redis.error_reply(failure) or nil
end

-- The numbers (uint32) in a header from `at` on.
local function sizes_in(header, at, count)
  local sizes = {}
  for i = 1, count do sizes[i] = struct.unpack('<I4', header, at + (i - 1) * 4) end
  return sizes
end
