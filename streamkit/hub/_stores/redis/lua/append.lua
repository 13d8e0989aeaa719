-- run, epoch, started, first, last, bytes, batch
local first, last, bytes = tonumber(ARGV[4]), ARGV[5], tonumber(ARGV[6])
local state = known()
local refused = refusal(state, ARGV[2], ARGV[3])
if refused then
  return {refused}
elseif first > state.last + 1 then
  return {'diverged', state.last}
elseif first == state.last + 1 then
  if state.bytes + bytes > state.max_bytes then
    return {'full', state.max_bytes}
  end
  redis.call('XADD', log, '0-' .. last, 'b', ARGV[7])
  redis.call('HSET', head, 'last', last, 'bytes', state.bytes + bytes)
  ring()
end
renew(state, now())
return {'done', state.cancelled or false}
