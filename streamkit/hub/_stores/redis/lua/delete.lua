-- run
local state = known()
if state then
  redis.call('DEL', head, log)
  if state.recipe then
    withdraw(state.recipe)
  end
  redis.call('HSET', head, 'past', state.epoch)
  redis.call('PEXPIRE', head, state.ttl)
end
ring()
return {'done', state and 1 or 0}
