-- What a session has seen.
local session, kept = session_key(take()), tonumber(take())
local labels = { 'labels' }
for _, field in ipairs(redis.call('HKEYS', session)) do
    if string.sub(field, 1, 6) == 'label:' then labels[#labels + 1] = string.sub(field, 7) end
end
redis.call('PEXPIREAT', session, int(clock() + kept))
return labels
