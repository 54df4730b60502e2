-- Gives back what a call has charged, once.
local now = clock()
local call, late = prefix .. 'call:' .. take(), now + tonumber(take())
local known = redis.call('HMGET', call, 'fingerprint', 'undone', 'until', 'session', 'spots')
if known[2] then return { 'done' } end
redis.call('HSET', call, 'fingerprint', known[1] or '', 'undone', '1')
redis.call('PEXPIREAT', call, int(math.max(late, tonumber(known[3] or '0'))))
seen(now)
for kind, name, first, last, units in string.gmatch(known[5] or '', '(%l+) (%x+) (%S+) (%S+) (%d+)') do
    units = amount(units)
    if kind == 'sliding' then
        local key, times = sliding(name)
        local entry = redis.call('HGET', key, first)
        if entry then
            local rest = minus(amount(entry), units)
            if more(rest, ZERO) then
                redis.call('HSET', key, first, text(rest))
            else
                redis.call('HDEL', key, first)
                redis.call('ZREM', times, first)
            end
            redis.call('HSET', key, 'total', text(minus(amount(redis.call('HGET', key, 'total')), units)))
        end
    elseif kind == 'session' then
        local total = redis.call('HGET', known[4], 'account:' .. name)
        if total then redis.call('HSET', known[4], 'account:' .. name, text(minus(amount(total), units))) end
    else
        local key = period(name, first, last)
        local total = redis.call('GET', key)
        if total then redis.call('SET', key, text(minus(amount(total), units)), 'KEEPTTL') end
    end
end
return { 'done' }
