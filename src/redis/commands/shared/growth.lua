-- Whether a family wants compaction: its blocks have so many times the bytes that lived after the last one, and some
-- more. Compaction leaves no block of which less than three fifths live, so at most 5/3 of what lives: less than this,
-- or a family would ask at each push although nothing of it can go.
local GROWTH, GROWTH_FLOOR = 1.75, 4096

local function has_outgrown(total, live)
  return total >= GROWTH * live + GROWTH_FLOOR
end
