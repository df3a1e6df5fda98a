#!lua flags=allow-key-locking
-- KEYS: this window's counter. ARGV: the window in milliseconds. Answers what is used, this request included.
local used = redis.call('incr', KEYS[1])
if used == 1 then
  redis.call('pexpire', KEYS[1], ARGV[1])
end
return used
