#!lua flags=allow-key-locking
-- KEYS: the counters of this window and of the one before. ARGV: the limit, now and the window in milliseconds.
-- Answers what is left, or -1. Of the window before counts the part that still lies within one window's length.
local limit, now, window = tonumber(ARGV[1]), tonumber(ARGV[2]), tonumber(ARGV[3])
local used = tonumber(redis.call('get', KEYS[1]) or 0)
local before = tonumber(redis.call('get', KEYS[2]) or 0)
before = math.floor((1 - (now % window) / window) * before)
if used + before >= limit then
  return -1
end
used = redis.call('incr', KEYS[1])
if used == 1 then
  -- It is the window before for as long again; the second is the official one's.
  redis.call('pexpire', KEYS[1], 2 * window + 1000)
end
return limit - used - before
