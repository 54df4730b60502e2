-- What all scripts begin with. KEYS[1] is the clock, and all other keys begin as it does: they are in one slot of a cluster.
-- Times are milliseconds since 1970. Amounts are texts of whole numbers with up to 39 digits, in units of 10^-18. Lua's numbers are
-- doubles, so a sum is added in three parts of 13 digits.
local prefix = string.sub(KEYS[1], 1, -6)
local argument = 0

-- The next argument.
local function take()
    argument = argument + 1
    return ARGV[argument]
end

local function int(number)
    return string.format('%.0f', number)
end

-- The server's time, but never less than the latest time that was seen.
local function clock()
    local time = redis.call('TIME')
    local now = tonumber(time[1]) * 1000 + math.floor(tonumber(time[2]) / 1000)
    local latest = tonumber(redis.call('GET', KEYS[1]) or '0')
    return math.max(now, latest)
end

local function seen(now)
    redis.call('SET', KEYS[1], int(now))
end

local PART = 10000000000000

local function amount(text)
    local digits = string.rep('0', 39 - #text) .. text
    return { tonumber(string.sub(digits, 1, 13)), tonumber(string.sub(digits, 14, 26)), tonumber(string.sub(digits, 27, 39)) }
end

local function text(sum)
    local digits = string.format('%013.0f%013.0f%013.0f', sum[1], sum[2], sum[3])
    return (string.gsub(digits, '^0+(%d)', '%1'))
end

local function plus(a, b)
    local low, middle, high = a[3] + b[3], a[2] + b[2], a[1] + b[1]
    if low >= PART then low, middle = low - PART, middle + 1 end
    if middle >= PART then middle, high = middle - PART, high + 1 end
    return { high, middle, low }
end

local function more(a, b)
    if a[1] ~= b[1] then return a[1] > b[1] end
    if a[2] ~= b[2] then return a[2] > b[2] end
    return a[3] > b[3]
end

-- a - b, or zero if b is more.
local function minus(a, b)
    if more(b, a) then return { 0, 0, 0 } end
    local low, middle, high = a[3] - b[3], a[2] - b[2], a[1] - b[1]
    if low < 0 then low, middle = low + PART, middle - 1 end
    if middle < 0 then middle, high = middle + PART, high - 1 end
    return { high, middle, low }
end

local ZERO = { 0, 0, 0 }

-- An account with a sliding window is a hash: its sum `total`, the longest window `keep` that was asked for, and an amount for each
-- time at which something was charged. A sorted set has the times.
local function sliding(account)
    local key = prefix .. 'account:' .. account
    return key, prefix .. 'times:' .. account
end

-- The sum of the charges after a time.
local function sum_after(key, times, after)
    local sum, from = ZERO, '(' .. int(after)
    local at = 0
    repeat
        local some = redis.call('ZRANGEBYSCORE', times, from, '+inf', 'LIMIT', at, 1000)
        if #some > 0 then
            for _, one in ipairs(redis.call('HMGET', key, unpack(some))) do sum = plus(sum, amount(one)) end
        end
        at = at + 1000
    until #some < 1000
    return sum
end

local function period(account, first, last)
    return prefix .. 'period:' .. account .. ':' .. first .. ':' .. last
end

local function session_key(session)
    return prefix .. 'session:' .. session
end
