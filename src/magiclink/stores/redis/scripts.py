"""What the Redis store says to Redis: one script for each call, in Lua. Text only; values are arguments, never text.

A condition here restates a rule of `records.py`, which is the reference: `State`, `Terms.met_by`, `Selector.matches`.

- A script runs alone and whole, but what it wrote before an error stays: so it refuses first and writes then.
- Reading, withdrawing and forgetting go on where the server has no memory left: `allow-oom`.
- No key ever gets a time to live: nothing goes but by `PURGE`, and a `volatile-` eviction policy finds nothing here.
"""

from __future__ import annotations

from .lua import (
    ANSWER,
    BEFORE,
    COMMON,
    LISTED,
    LISTS,
    OUTSTANDING,
    PLACE,
    PLUS_ONE,
    REFUSE,
    RENAME,
    SAVE,
    STANDING,
    SUPERSEDE,
    SUPERSEDE_REPLACED,
    WALK,
    script,
)

OLDEST_REDIS = (7, 0)
"""The first Redis that reads `#!lua`."""

GET = script(COMMON, ANSWER, "return answer(read(ARGV[1]))", writes=False, flags="allow-oom")

NEWEST = script(
    COMMON,
    LISTS,
    BEFORE,
    PLACE,
    ANSWER,
    """
local last, id = ZERO, nil
for i = 2, #ARGV do
  local series = list('s', ARGV[i])
  local member = last_member(series)
  if member then
    local number = place(sub(member, #series + 1, #series + 8))
    if before(last, number) then last, id = number, sub(member, #series + 9) end
  end
end
return {generation(ARGV[1]), id and answer(read(id)) or false}
""",
    writes=False,
    flags="allow-oom",
)

_INSERT = """
for _, link in ipairs(links) do
  save(link)
  local scored = {}
  for _, member in ipairs(listed(link)) do
    scored[#scored + 1] = 0
    scored[#scored + 1] = member
  end
  call('ZADD', index, unpack(scored))
  if link.supersede == 'on-issue' then supersede_replaced(link, now) end
end
return 1
"""

_ADD = (BEFORE, PLUS_ONE, PLACE, SAVE, STANDING, SUPERSEDE, SUPERSEDE_REPLACED, LISTED)
ADD = script(COMMON, LISTS, *_ADD, REFUSE, RENAME, _INSERT)
"""All of a batch in one script: staged in parts it would still be listed in one, and only one script is all or none."""

CONSUME = script(
    COMMON,
    LISTS,
    BEFORE,
    PLUS_ONE,
    SAVE,
    STANDING,
    OUTSTANDING,
    SUPERSEDE,
    """
local id, purpose, stamp, attempt, ends_others, terms = unpack(ARGV)
local now, issued_after, issued_until, max_uses, reclick_after = struct.unpack('>c8c8c8c8c8', terms)
local link = read(id)
if not link or link.purpose ~= purpose or not outstanding(link, now)
  or not before(issued_after, link.issued_at) or before(issued_until, link.issued_at)
  or (max_uses ~= NONE and not before(link.uses, max_uses)) or link.stamp ~= stamp
  or (attempt ~= '' and link.attempt == attempt and link.last_used_at ~= NONE
    and before(reclick_after, link.last_used_at))
then return false end
if ends_others == '1' then
  local name = list('u', link.subject)
  for _, member in ipairs(members(name)) do
    local other = read(sub(member, #name + 9))
    if other.purpose == purpose and other.recipient == link.recipient and other.link_id ~= id
      and outstanding(other, now)
    then supersede(other, now) end
  end
end
if link.first_used_at == NONE then link.first_used_at = now end
link.uses, link.last_used_at, link.attempt = plus_one(link.uses), now, attempt
return save(link)
""",
)
"""One use, where `Terms.met_by` holds."""

COUNT_ATTEMPT = script(
    COMMON,
    BEFORE,
    PLUS_ONE,
    SAVE,
    STANDING,
    OUTSTANDING,
    """
local id, now, limit = unpack(ARGV)
local link = read(id)
if not link or not outstanding(link, now) or not before(link.attempts, limit) then return false end
link.attempts = plus_one(link.attempts)
return save(link)
""",
)

DELIVER = script(
    COMMON,
    LISTS,
    BEFORE,
    PLACE,
    SAVE,
    STANDING,
    OUTSTANDING,
    SUPERSEDE,
    SUPERSEDE_REPLACED,
    """
local now = ARGV[1]
for i = 2, #ARGV do
  local link = read(ARGV[i])
  if link then
    local ends = link.supersede == 'on-delivery' and outstanding(link, now)
    if link.delivered_at == NONE then
      link.delivered_at = now
      save(link)
    end
    if ends then supersede_replaced(link, now) end
  end
end
""",
)

REVOKE = script(
    COMMON,
    SAVE,
    STANDING,
    ANSWER,
    """
local id, now, reason = unpack(ARGV)
local link, value = read(id)
if not link or not standing(link) then return answer(link, value) end
link.revoked_at, link.revoke_reason = now, reason
return save(link)
""",
    flags="allow-oom",
)

REVOKE_SUBJECT = script(
    COMMON,
    LISTS,
    PLUS_ONE,
    """
local subject, now, reason = unpack(ARGV)
if last_member(list('u', subject)) then
  local raised = plus_one(generation(subject))
  call('HSET', base .. ':revoked:' .. subject, 'generation', raised, 'at', now, 'reason', reason)
end
""",
    flags="allow-oom",
)

FIND = script(
    COMMON,
    ANSWER,
    WALK,
    """
local limit, found, next_top = tonumber(ARGV[6]), {}, ''
for i = 7, #ARGV do
  local wanted = #found + limit
  next_top = walk(ARGV[i], function(link, value)
    found[#found + 1] = answer(link, value)
    return #found >= wanted
  end)
end
return {next_top, found}
""",
    writes=False,
    flags="allow-oom",
)

REVOKE_MATCHING = script(
    COMMON,
    SAVE,
    STANDING,
    WALK,
    """
local now, reason, next_top = ARGV[6], ARGV[7], ''
for i = 8, #ARGV do
  next_top = walk(ARGV[i], function(link)
    if standing(link) then
      link.revoked_at, link.revoke_reason = now, reason
      save(link)
    end
  end)
end
return {next_top, {}}
""",
    flags="allow-oom",
)

# Windows that ended are forgotten ten at a time, so that no call pays for a day's.
TAKE = script(
    BEFORE,
    PLUS_ONE,
    """
local call, ends, counts = redis.call, KEYS[1] .. ':ends', KEYS[1] .. ':counts'
local window, limit, ended = unpack(ARGV)
for _, past in ipairs(call('ZRANGEBYLEX', ends, '-', '(' .. ended, 'LIMIT', 0, 10)) do
  call('ZREM', ends, past)
  call('HDEL', counts, past)
end
local taken = call('HGET', counts, window)
if not before(taken or string.rep('\\0', 8), limit) then return 0 end
if not taken then call('ZADD', ends, 0, window) end
call('HSET', counts, window, plus_one(taken or string.rep('\\0', 8)))
return 1
""",
)

NOTE = script(
    """
local link, notes = KEYS[1] .. ':link:' .. ARGV[1], KEYS[1] .. ':notes:' .. ARGV[1]
if redis.call('EXISTS', link) == 1 and redis.call('HLEN', notes) < tonumber(ARGV[2]) then
  redis.call('HSETNX', notes, ARGV[3], ARGV[4])
end
"""
)

NOTES = script(
    """
local found = {}
for i, id in ipairs(ARGV) do found[i] = redis.call('HGETALL', KEYS[1] .. ':notes:' .. id) end
return found
""",
    writes=False,
    flags="allow-oom",
)

PURGE = script(
    COMMON,
    LISTS,
    PLACE,
    LISTED,
    """
local name = list('e', '')
local past = call('ZRANGEBYLEX', index, '[' .. name, '(' .. name .. ARGV[1], 'LIMIT', 0, tonumber(ARGV[2]))
for _, member in ipairs(past) do
  local id = sub(member, #name + 9)
  local link = read(id)
  call('ZREM', index, unpack(listed(link)))
  call('DEL', base .. ':link:' .. id, base .. ':notes:' .. id)
  if not last_member(list('u', link.subject)) then call('DEL', base .. ':revoked:' .. link.subject) end
end
return #past
""",
    flags="allow-oom",
)
