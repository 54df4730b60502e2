-- Decides a request, once.
local now = clock()
local approval, verdict, by = prefix .. 'approval:' .. take(), take(), take()
local state = redis.call('HMGET', approval, 'state', 'expires')
if not state[1] or tonumber(state[2]) <= now then return { 'unknown' } end
if state[1] ~= 'pending' then return { 'decided' } end
redis.call('HSET', approval, 'state', verdict, 'by', by)
seen(now)
return { 'done' }
