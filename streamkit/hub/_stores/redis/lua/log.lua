-- What all scripts begin with: one log's keys, its head, and what becomes of it with time.
--
-- KEYS[1] begins the names of all keys of a hub, and has braces, so that a cluster keeps them on one node. ARGV[1] is the run.
--
--   …:head:<run>      a hash: what is known of the log beside its records
--   …:log:<run>       a stream: a batch is an entry, and its id is 0-<number of the batch's last record>
--   …:work:<recipe>   a sorted set: the runs of a recipe by the time (ms) from which a worker may claim them
--   …:claim:<token>   what a worker was given, for its repeated call
--   …:bell:<run>      a channel: the log may have changed;  …:bell is that of what was submitted

local base = KEYS[1]
local run, head, log

local function key(kind, name)
  return base .. ':' .. kind .. ':' .. name
end

local function take(name)
  run, head, log = name, key('head', name), key('log', name)
end

local function now()
  local time = redis.call('TIME')
  return time[1] * 1000 + math.floor(time[2] / 1000)
end

local function known()
  local names = {'epoch', 'before', 'last', 'bytes', 'max_bytes', 'ttl', 'lease', 'until', 'started', 'token', 'ending',
    'cancelled', 'recipe', 'effects'}
  local values = redis.call('HMGET', head, unpack(names))
  if not values[1] then
    return nil
  end
  local state = {}
  for i, name in ipairs(names) do
    state[name] = values[i] or nil
  end
  for _, name in ipairs({'epoch', 'before', 'last', 'bytes', 'max_bytes', 'ttl', 'lease', 'until'}) do
    state[name] = tonumber(state[name])
  end
  return state
end

local function ring()
  redis.call('PUBLISH', key('bell', run), '')
end

local function keep(milliseconds, at)
  redis.call('PEXPIREAT', head, at + milliseconds)
  redis.call('PEXPIREAT', log, at + milliseconds)
end

local function offer(state, at)
  local work = key('work', state.recipe)
  redis.call('ZADD', work, at, run)
  if redis.call('PTTL', work) < state.ttl then
    redis.call('PEXPIRE', work, 2 * state.ttl)
  end
end

local function withdraw(recipe)
  redis.call('ZREM', key('work', recipe), run)
end

local function renew(state, at)
  redis.call('HSET', head, 'until', at + state.lease)
  keep(math.max(state.ttl, state.lease), at)
  if state.recipe then
    offer(state, at + state.lease)
  end
end

-- A new log in the place of an old one, of which nothing is left but how often the name was opened. Where that was deleted, its
-- head has no epoch, which makes it unknown, but still the past one.
local function begin(old, ttl, max_bytes, at)
  local epoch = old and old.epoch or tonumber(redis.call('HGET', head, 'past') or 0)
  redis.call('DEL', head, log)
  redis.call('HSET', head, 'epoch', epoch, 'before', epoch, 'last', 0, 'bytes', 0, 'max_bytes', max_bytes, 'ttl', ttl,
    'lease', 0, 'until', 0)
  keep(ttl, at)
end

local function grant(state, token, lease, at)
  if not state.started then
    local time = redis.call('TIME')
    state.started = time[1] .. '.' .. string.format('%06d', time[2])
  end
  state.epoch, state.lease, state.token = state.epoch + 1, lease, token
  redis.call('HSET', head, 'epoch', state.epoch, 'lease', lease, 'token', token, 'started', state.started)
  renew(state, at)
  ring()
end

local function granted(state)
  return {'granted', state.epoch, state.last, state.started, state.epoch - state.before - 1, state.effects and 1 or 0}
end

-- Why a writer of this epoch may not write; nil where it may.
local function refusal(state, epoch, started)
  if not state then
    return 'gone'
  elseif tostring(state.epoch) ~= epoch or state.started ~= started then
    return 'fenced'
  elseif state.ending then
    return 'over'
  end
end

take(ARGV[1])
