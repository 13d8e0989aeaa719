-- run, epoch, started
local state, at = known(), now()
if refusal(state, ARGV[2], ARGV[3]) then
  return {'done'}
end
redis.call('HSET', head, 'until', at)
if state.recipe then
  offer(state, at)
  redis.call('PUBLISH', base .. ':bell', '')
end
ring()
return {'done'}
