-- run, after, limit
local state = known()
if not state then
  return {'gone'}
end
local after, limit, from = tonumber(ARGV[2]), tonumber(ARGV[3]), '0-' .. ARGV[2]
local entries, reached, page = {}, after, {}
if after <= state.last then
  -- The entry that holds a record is the first one whose id is not below its number.
  repeat
    page = redis.call('XRANGE', log, from, '+', 'COUNT', 32)
    for _, entry in ipairs(page) do
      entries[#entries + 1] = entry
      reached = tonumber(string.sub(entry[1], 3))
      from = '(' .. entry[1]
      if reached - after >= limit then
        break
      end
    end
  until #page < 32 or reached - after >= limit
end
local at = now()
return {'page', state.epoch, state.last, state.bytes, state.ending or false, state.cancelled or false, state.recipe or false,
  state.started or false, state['until'] - at, redis.call('PTTL', head), entries}
