-- run, token, recipe, payload, ttl, max_bytes
local token, recipe, payload, ttl, max_bytes = ARGV[2], ARGV[3], ARGV[4], ARGV[5], ARGV[6]
local state, at = known(), now()
if state and state.token == token then  -- the same call again
  return {'done'}
elseif state and not state.ending and (state['until'] > at or state.recipe) then
  return {'busy', state.recipe or false}
end
begin(state, ttl, max_bytes, at)
redis.call('HSET', head, 'token', token, 'recipe', recipe, 'payload', payload)
offer(known(), at)
ring()
redis.call('PUBLISH', base .. ':bell', '')
return {'done'}
