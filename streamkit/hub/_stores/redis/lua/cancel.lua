-- run, reason
local state = known()
if not state or state.ending then
  return {'done', 0}
end
redis.call('HSETNX', head, 'cancelled', ARGV[2])
ring()
return {'done', 1}
