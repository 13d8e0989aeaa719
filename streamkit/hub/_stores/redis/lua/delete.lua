-- run
local state = known()
if state then
  forget(state)
end
ring()
return {'done', state and 1 or 0}
