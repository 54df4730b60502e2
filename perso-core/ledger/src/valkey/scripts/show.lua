-- One request, or all that are pending.
local now = clock()
local ids = { take() }
if not ids[1] then ids = redis.call('ZRANGEBYSCORE', prefix .. 'approvals', '(' .. int(now), '+inf') end
local found = {}
for _, id in ipairs(ids) do
    local one = redis.call('HMGET', prefix .. 'approval:' .. id, 'digest', 'agent', 'shown', 'requested', 'expires', 'state', 'by')
    if one[1] and tonumber(one[5]) > now and (ARGV[1] or one[6] == 'pending') then
        found[#found + 1] = id
        for _, field in ipairs(one) do found[#found + 1] = field end
    end
end
return found
