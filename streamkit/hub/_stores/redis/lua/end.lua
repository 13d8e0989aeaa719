-- run, epoch, started, ending
local state = known()
local refused = refusal(state, ARGV[2], ARGV[3])
if refused == 'over' and state.ending == ARGV[4] then
  return {'done'}
elseif refused then
  return {refused}
end
redis.call('HSET', head, 'ending', ARGV[4])
redis.call('HDEL', head, 'payload')
renew(state, now())
if state.recipe then
  withdraw(state.recipe)
end
ring()
return {'done'}
