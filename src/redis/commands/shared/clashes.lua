-- Names that a family may clash with. Stands after shared/preamble.lua.

-- At which kinds of the other one: any, or those whose samples would have the name of this one (see name-claims.ts).
local function clashes_with(code, type)
  if code == 0 then return true end
  local kind = kind_of(type)
  return kind == 'histogram' or (code == 2 and kind == 'summary')
end
