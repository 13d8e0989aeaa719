-- token, lease, recipes…
local token, lease = ARGV[1], tonumber(ARGV[2])
local at = now()

local function claimed(state)
  local reply = granted(state)
  reply[1] = 'claimed'
  reply[7], reply[8], reply[9] = run, state.recipe, redis.call('HGET', head, 'payload') or ''
  return reply
end

-- The next log of a recipe that a worker may have; what is not that any more leaves the set.
local function next_of(recipe)
  while true do
    local name = redis.call('ZRANGEBYSCORE', key('work', recipe), '-inf', at, 'LIMIT', 0, 1)[1]
    if not name then
      return nil
    end
    take(name)
    local state = known()
    if not state or state.recipe ~= recipe or state.ending then
      withdraw(recipe)
    elseif state['until'] <= at then
      return state
    else
      offer(state, state['until'])
    end
  end
end

local given = key('claim', token)
local before = redis.call('GET', given)
if before then  -- the same call again
  take(before)
  local state = known()
  if state and state.token == token then
    return claimed(state)
  end
end
for i = 3, #ARGV do
  local state = next_of(ARGV[i])
  if state then
    grant(state, token, lease, at)
    redis.call('SET', given, run, 'PX', math.max(lease, 1))
    return claimed(state)
  end
end
return {'none'}
