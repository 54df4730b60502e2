-- Whether the server keeps what it is given. The clock is read, so that this is asked of the node that has it.
redis.call('GET', KEYS[1])
local memory = redis.call('INFO', 'memory')
if string.match(memory, 'maxmemory_policy:(%S+)') == 'noeviction' then return { 'ready' } end
return { 'evicts' }
