#!lua flags=allow-key-locking
-- KEYS: the bucket. ARGV: its size, the interval in milliseconds, what an interval refills, now in milliseconds.
-- Answers what is left, or -1, and when the next refill is. A bucket that is not there is full.
local size, interval = tonumber(ARGV[1]), tonumber(ARGV[2])
local refill, now = tonumber(ARGV[3]), tonumber(ARGV[4])
local found = redis.call('hmget', KEYS[1], 'refilledAt', 'tokens')
local refilled, tokens = tonumber(found[1] or now), tonumber(found[2] or size)
if now >= refilled + interval then
  local refills = math.floor((now - refilled) / interval)
  tokens = math.min(size, tokens + refills * refill)
  refilled = refilled + refills * interval
end
if tokens < 1 then
  return {-1, refilled + interval}
end
tokens = tokens - 1
redis.call('hset', KEYS[1], 'refilledAt', refilled, 'tokens', tokens)
-- By then it is full again. Who shares it and thinks it larger may have left more in it than we would.
local full = math.ceil((size - tokens) / refill) * interval
if full > 0 then
  redis.call('pexpire', KEYS[1], full)
end
return {tokens, refilled + interval}
