-- How much counts on an account.
local now = clock()
local kind, name, first, last = take(), take(), take(), take()
if kind == 'sliding' then
    local key, times = sliding(name)
    local keep = tonumber(redis.call('HGET', key, 'keep') or '0')
    return { 'sum', text(sum_after(key, times, now - math.min(keep, tonumber(first)))) }
elseif kind == 'session' then
    return { 'sum', redis.call('HGET', session_key(first), 'account:' .. name) or '0' }
end
if now < tonumber(first) or now >= tonumber(last) then return { 'outside', int(now) } end
return { 'sum', redis.call('GET', period(name, first, last)) or '0' }
