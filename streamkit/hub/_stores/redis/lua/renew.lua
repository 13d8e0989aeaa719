-- run, epoch, started
local state = known()
local refused = refusal(state, ARGV[2], ARGV[3])
if refused then
  return {refused}
end
renew(state, now())
return {'done', state.cancelled or false}
