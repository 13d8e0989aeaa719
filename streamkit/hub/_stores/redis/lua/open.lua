-- run, token, lease, ttl, max_bytes, takeover
local token, lease, ttl, max_bytes, takeover = ARGV[2], tonumber(ARGV[3]), ARGV[4], ARGV[5], ARGV[6] == '1'
local state, at = known(), now()
if state and state.token == token then  -- the same call again
  return granted(state)
elseif takeover and not state then
  return {'gone'}
elseif takeover and state.ending then
  return {'over'}
elseif state and not state.ending and (state['until'] > at or (state.recipe and not takeover)) then
  return {'busy', state.recipe or false}
end
if not takeover then
  begin(state, ttl, max_bytes, at)
  state = known()
end
grant(state, token, lease, at)
return granted(state)
