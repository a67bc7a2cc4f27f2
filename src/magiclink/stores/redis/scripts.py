"""What the Redis store says to Redis: one script for each call, in Lua. Text only; values are arguments, never text.

A condition here restates a rule of `records.py`, which is the reference: `State`, `Terms.met_by`, `Selector.matches`.

- A script runs alone and whole, but what it wrote before an error stays: so it refuses first and writes then.
- Reading, withdrawing and forgetting go on where the server has no memory left: `allow-oom`.
- No key ever gets a time to live: nothing goes but by `PURGE`, and a `volatile-` eviction policy finds nothing here.
"""

from __future__ import annotations

from .lua import ANSWER, COMMON, INDEX, MEMBERS, REFUSE, RENAME, SUPERSEDE, SUPERSEDE_OLDER, WALK, make_script

OLDEST_REDIS = (7, 0)
"""The first Redis that reads `#!lua`."""

READ_VERSION = make_script("return redis.call('GET', KEYS[1])", writes=False, flags="allow-oom")

WRITE_VERSION = make_script("redis.call('SET', KEYS[1], ARGV[1], 'NX')", flags="allow-oom")

GET = make_script(COMMON, ANSWER, "return answer(read(ARGV[1]))", writes=False, flags="allow-oom")

NEWEST = make_script(
    COMMON,
    INDEX,
    ANSWER,
    """
local last, newest = 0, nil
for i = 2, #ARGV do
  local series = name_list('s', ARGV[i])
  local member = read_last(series)
  if member then
    local number, id = split(series, member)
    if number > last then last, newest = number, id end
  end
end
return {read_generation(ARGV[1]), newest and answer(read(newest)) or false}
""",
    writes=False,
    flags="allow-oom",
)

_INSERT = """
for _, link in ipairs(links) do
  save(link)
  local scored = {}
  for _, member in ipairs(name_members(link)) do
    scored[#scored + 1] = 0
    scored[#scored + 1] = member
  end
  call('ZADD', index, unpack(scored))
  if link.supersede == 'on-issue' then supersede_older(link, now) end
end
return 1
"""

ADD = make_script(COMMON, INDEX, MEMBERS, SUPERSEDE, SUPERSEDE_OLDER, REFUSE, RENAME, _INSERT)
"""All of a batch in one script: staged in parts it would still be listed in one, and only one script is all or none."""

CONSUME = make_script(
    COMMON,
    INDEX,
    SUPERSEDE,
    """
local id, purpose, stamp, attempt, ends_others, numbers = unpack(ARGV)
local now, issued_after, issued_until, max_uses, reclick_after = struct.unpack('>ddddd', numbers)
local link = read(id)
if not link or link.purpose ~= purpose or not is_outstanding(link, now)
  or link.issued_at <= issued_after or link.issued_at > issued_until
  or link.uses >= max_uses or link.stamp ~= stamp
  or (attempt ~= '' and link.attempt == attempt and link.last_used_at ~= NONE and link.last_used_at > reclick_after)
then return false end
if ends_others == '1' then
  local name = name_list('u', link.subject)
  for _, member in ipairs(read_members(name)) do
    local _, other_id = split(name, member)
    local other = read(other_id)
    if other.purpose == purpose and other.recipient == link.recipient and other_id ~= id
      and is_outstanding(other, now)
    then supersede(other, now) end
  end
end
if link.first_used_at == NONE then link.first_used_at = now end
link.uses, link.last_used_at, link.attempt = link.uses + 1, now, attempt
return save(link)
""",
)
"""One use, where `Terms.met_by` holds."""

COUNT_ATTEMPT = make_script(
    COMMON,
    """
local id, now, limit = ARGV[1], tonumber(ARGV[2]), tonumber(ARGV[3])
local link = read(id)
if not link or not is_outstanding(link, now) or link.attempts >= limit then return false end
link.attempts = link.attempts + 1
return save(link)
""",
)

DELIVER = make_script(
    COMMON,
    INDEX,
    SUPERSEDE,
    SUPERSEDE_OLDER,
    """
local now = tonumber(ARGV[1])
for i = 2, #ARGV do
  local link = read(ARGV[i])
  if link then
    local ends = link.supersede == 'on-delivery' and is_outstanding(link, now)
    if link.delivered_at == NONE then
      link.delivered_at = now
      save(link)
    end
    if ends then supersede_older(link, now) end
  end
end
""",
)

REVOKE = make_script(
    COMMON,
    ANSWER,
    """
local id, now, reason = ARGV[1], tonumber(ARGV[2]), ARGV[3]
local link, value = read(id)
if not link or not is_live(link) then return answer(link, value) end
link.revoked_at, link.revoke_reason = now, reason
return save(link)
""",
    flags="allow-oom",
)

REVOKE_SUBJECT = make_script(
    COMMON,
    INDEX,
    """
local subject, now, reason = unpack(ARGV)
if read_last(name_list('u', subject)) then
  call('HINCRBY', base .. ':revoked:' .. subject, 'generation', 1)
  call('HSET', base .. ':revoked:' .. subject, 'at', now, 'reason', reason)
end
""",
    flags="allow-oom",
)

FIND = make_script(
    COMMON,
    INDEX,
    ANSWER,
    WALK,
    """
local limit, found, next_top = tonumber(ARGV[6]), {}, ''
for i = 7, #ARGV do
  local full = #found + limit
  next_top = walk(ARGV[i], function(link, value)
    found[#found + 1] = answer(link, value)
    return #found >= full
  end)
end
return {next_top, found}
""",
    writes=False,
    flags="allow-oom",
)

REVOKE_MATCHING = make_script(
    COMMON,
    INDEX,
    WALK,
    """
local now, reason, next_top = tonumber(ARGV[6]), ARGV[7], ''
for i = 8, #ARGV do
  next_top = walk(ARGV[i], function(link)
    if is_live(link) then
      link.revoked_at, link.revoke_reason = now, reason
      save(link)
    end
  end)
end
return {next_top, {}}
""",
    flags="allow-oom",
)

# Windows that ended are forgotten ten at a time, the earliest first, so that no call pays for a day's.
HIT = make_script(
    """
local call, ends, hits = redis.call, KEYS[1] .. ':ends_at', KEYS[1] .. ':hits'
local window, limit, ends_at, now = ARGV[1], tonumber(ARGV[2]), ARGV[3], ARGV[4]
for _, ended in ipairs(call('ZRANGEBYSCORE', ends, '-inf', '(' .. now, 'LIMIT', 0, 10)) do
  call('ZREM', ends, ended)
  call('HDEL', hits, ended)
end
if tonumber(call('HGET', hits, window) or 0) >= limit then return 0 end
if call('HINCRBY', hits, window, 1) == 1 then call('ZADD', ends, ends_at, window) end
return 1
"""
)

NOTE = make_script(
    """
local link, notes = KEYS[1] .. ':link:' .. ARGV[1], KEYS[1] .. ':notes:' .. ARGV[1]
if redis.call('EXISTS', link) == 1 and redis.call('HLEN', notes) < tonumber(ARGV[2]) then
  redis.call('HSETNX', notes, ARGV[3], ARGV[4])
end
"""
)

NOTES = make_script(
    """
local found = {}
for i, id in ipairs(ARGV) do found[i] = redis.call('HGETALL', KEYS[1] .. ':notes:' .. id) end
return found
""",
    writes=False,
    flags="allow-oom",
)

PURGE = make_script(
    COMMON,
    INDEX,
    MEMBERS,
    """
local name = name_list('e', '')
local past = call('ZRANGEBYLEX', index, '[' .. name, '(' .. name .. ARGV[1], 'LIMIT', 0, tonumber(ARGV[2]))
for _, member in ipairs(past) do
  local _, id = split(name, member)
  local link = read(id)
  call('ZREM', index, unpack(name_members(link)))
  call('DEL', base .. ':link:' .. id, base .. ':notes:' .. id)
  if not read_last(name_list('u', link.subject)) then call('DEL', base .. ':revoked:' .. link.subject) end
end
return #past
""",
    flags="allow-oom",
)
