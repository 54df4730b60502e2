-- Writes all that a call adds, or nothing.
local now = clock()
local call, fingerprint, remember, most = prefix .. 'call:' .. take(), take(), tonumber(take()), tonumber(take())

local known = redis.call('HMGET', call, 'fingerprint', 'at', 'undone')
if known[1] then
    if known[3] then return { 'undone' } end
    if known[1] ~= fingerprint then return { 'other' } end
    return { 'done', known[2] }
end

local approval = take()
if approval ~= '' then
    local id = redis.call('GET', prefix .. 'digest:' .. approval)
    approval = prefix .. 'approval:' .. (id or '')
    local state = redis.call('HMGET', approval, 'state', 'expires')
    if state[1] ~= 'approved' or tonumber(state[2]) <= now then return { 'not approved', int(now) } end
end

local session, session_kept = take(), tonumber(take())
if session ~= '' then session = session_key(session) end
local max_entries, max_session_accounts, max_labels, room_steps = tonumber(take()), tonumber(take()), tonumber(take()), tonumber(take())

local labels = {}
for _ = 1, tonumber(take()) do labels[#labels + 1] = 'label:' .. take() end

-- What is read of the accounts, by key. Checked first, and written when all of it fits.
local accounts, order, spots, ends = {}, {}, {}, 0

local function load_sliding(name)
    local key, times = sliding(name)
    local account = accounts[key]
    if account then return account end
    local state = redis.call('HMGET', key, 'total', 'keep')
    account = { kind = 'sliding', key = key, times = times, total = amount(state[1] or '0'), keep = tonumber(state[2] or '0'), added = ZERO }
    -- Forget what no longer counts.
    local pruned = false
    repeat
        local over = redis.call('ZRANGEBYSCORE', times, '-inf', int(now - account.keep), 'LIMIT', 0, 1000)
        if #over > 0 then
            for _, one in ipairs(redis.call('HMGET', key, unpack(over))) do account.total = minus(account.total, amount(one)) end
            redis.call('HDEL', key, unpack(over))
            redis.call('ZREM', times, unpack(over))
            pruned = true
        end
    until #over < 1000
    if pruned then redis.call('HSET', key, 'total', text(account.total)) end
    return account
end

local function room_at(account, window, much)
    local some = redis.call('ZRANGEBYSCORE', account.times, '(' .. int(now - window), '+inf', 'LIMIT', 0, room_steps)
    if #some > 0 then
        for at, one in ipairs(redis.call('HMGET', account.key, unpack(some))) do
            if not more(much, amount(one)) then return int(some[at] + window) end
            much = minus(much, amount(one))
        end
    end
    local last = redis.call('ZREVRANGE', account.times, 0, 0)[1]
    return last and int(last + window) or ''
end

local session_accounts = 0
for _ = 1, tonumber(take()) do
    local place, kind, name, units, max = take(), take(), take(), amount(take()), amount(take())
    local first, last = take(), take()
    local account, sum
    if kind == 'sliding' then
        local window = tonumber(first)
        account = load_sliding(name)
        sum = account.total
        if window < account.keep then sum = sum_after(account.key, account.times, now - window) end
        if window > account.keep then
            account.keep = window
            local latest = redis.call('ZREVRANGE', account.times, 0, 0)[1]
            if latest then
                redis.call('HSET', account.key, 'keep', int(window))
                redis.call('PEXPIREAT', account.key, int(latest + window))
                redis.call('PEXPIREAT', account.times, int(latest + window))
            end
        end
        spots[#spots + 1] = table.concat({ kind, name, int(now), '-', text(units) }, ' ')
    elseif kind == 'session' then
        local key = session .. ' ' .. name
        account = accounts[key]
        if not account then
            local total = redis.call('HGET', session, 'account:' .. name)
            account = { kind = kind, key = key, field = 'account:' .. name, total = amount(total or '0'), added = ZERO }
            if not total then session_accounts = session_accounts + 1 end
        end
        sum = account.total
        spots[#spots + 1] = table.concat({ kind, name, '-', '-', text(units) }, ' ')
    else
        if now < tonumber(first) or now >= tonumber(last) then return { 'outside', int(now) } end
        local key = period(name, first, last)
        account = accounts[key] or { kind = kind, key = key, last = last, total = amount(redis.call('GET', key) or '0'), added = ZERO }
        sum = account.total
        ends = math.max(ends, tonumber(last))
        spots[#spots + 1] = table.concat({ kind, name, first, last, text(units) }, ' ')
    end
    local added = plus(account.added, units)
    local all = plus(sum, added)
    if more(all, max) then
        local room = ''
        if not more(added, max) then
            if kind == 'sliding' then room = room_at(account, tonumber(first), minus(all, max)) end
            if kind == 'period' then room = last end
        end
        return { 'over', int(now), place, room }
    end
    account.added = added
    if not accounts[account.key] then
        accounts[account.key] = account
        order[#order + 1] = account
    end
end

for _, account in ipairs(order) do
    if account.kind == 'sliding' and redis.call('ZCARD', account.times) >= max_entries then
        return { 'full', 'charges' }
    end
end
if session_accounts > 0 or #labels > 0 then
    local count = { account = session_accounts, label = 0 }
    local there = {}
    for _, field in ipairs(redis.call('HKEYS', session)) do
        there[field] = true
        local kind = string.match(field, '^%l+')
        count[kind] = count[kind] + 1
    end
    for _, label in ipairs(labels) do
        if not there[label] then
            there[label] = true
            count.label = count.label + 1
        end
    end
    if count.account > max_session_accounts and session_accounts > 0 then return { 'full', 'session accounts' } end
    if count.label > max_labels then return { 'full', 'labels' } end
end

for _, account in ipairs(order) do
    if account.kind == 'sliding' then
        local at = int(now)
        local before = redis.call('HGET', account.key, at)
        local entry = plus(amount(before or '0'), account.added)
        local total = plus(account.total, account.added)
        redis.call('HSET', account.key, 'total', text(total), 'keep', int(account.keep), at, text(entry))
        redis.call('ZADD', account.times, at, at)
        redis.call('PEXPIREAT', account.key, int(now + account.keep))
        redis.call('PEXPIREAT', account.times, int(now + account.keep))
    elseif account.kind == 'session' then
        redis.call('HSET', session, account.field, text(plus(account.total, account.added)))
    else
        redis.call('SET', account.key, text(plus(account.total, account.added)))
        redis.call('PEXPIREAT', account.key, account.last)
    end
end
for _, label in ipairs(labels) do redis.call('HSET', session, label, '') end
if session ~= '' then redis.call('PEXPIREAT', session, int(now + session_kept)) end
if approval ~= '' then redis.call('HSET', approval, 'state', 'used') end
if fingerprint ~= '' then
    local till = now + math.min(math.max(remember, ends - now), most)
    redis.call('HSET', call, 'fingerprint', fingerprint, 'at', int(now), 'until', int(till), 'session', session,
        'spots', table.concat(spots, '\n'))
    redis.call('PEXPIREAT', call, int(till))
end
seen(now)
return { 'done', int(now) }
