-- run, epoch, started, effects
local state = known()
local refused = refusal(state, ARGV[2], ARGV[3])
if refused then
  return {refused}
end
renew(state, now())
if ARGV[4] == '1' then
  redis.call('HSET', head, 'effects', 1)
end
return {'done', state.cancelled or false}
