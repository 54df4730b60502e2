-- Asks a person about a call, or joins a request for the same.
local now = clock()
local id, digest, agent, shown, lasts, most = take(), take(), take(), take(), tonumber(take()), tonumber(take())
local index, names = prefix .. 'approvals', prefix .. 'digest:' .. digest
local known = redis.call('GET', names)
if known then
    local state = redis.call('HMGET', prefix .. 'approval:' .. known, 'state', 'expires')
    if (state[1] == 'pending' or state[1] == 'approved') and tonumber(state[2]) > now then return { 'id', known } end
end
redis.call('ZREMRANGEBYSCORE', index, '-inf', int(now))
if redis.call('ZCARD', index) >= most then return { 'full', 'approvals' } end
local approval, expires = prefix .. 'approval:' .. id, int(now + lasts)
if redis.call('EXISTS', approval) == 1 then return { 'again' } end
redis.call('HSET', approval, 'digest', digest, 'agent', agent, 'shown', shown, 'requested', int(now), 'expires', expires,
    'state', 'pending', 'by', '')
redis.call('PEXPIREAT', approval, expires)
redis.call('SET', names, id)
redis.call('PEXPIREAT', names, expires)
redis.call('ZADD', index, expires, id)
seen(now)
return { 'id', id }
