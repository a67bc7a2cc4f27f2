"""What the Redis keeper says to Redis: one script for each call, in Lua. Text only; values are arguments, never text.

A condition here restates a rule of `records.py`, which is the reference: `State`, `Terms.met_by`, `Selector.matches`.

- A script runs alone and whole, but what it wrote before an error stays: so it refuses first and writes then.
- Reading, withdrawing and forgetting go on where the server has no memory left: `allow-oom`.
- No key ever gets a time to live: nothing goes but by `PURGE`, and a `volatile-` eviction policy finds nothing here.
"""

from __future__ import annotations

from .redis_parts import (
    ANSWER,
    BEFORE,
    COMMON,
    LISTS,
    OUTSTANDING,
    PLACE,
    PLUS_ONE,
    SAVE,
    STANDING,
    SUPERSEDE,
    SUPERSEDE_REPLACED,
    script,
)

OLDEST_REDIS = (7, 0)
"""The first Redis that reads `#!lua`."""

GET = script(COMMON, ANSWER, "return answer(read(ARGV[1]))", writes=False, flags="allow-oom")

NEWEST = script(
    COMMON,
    BEFORE,
    PLACE,
    ANSWER,
    """
local last
for i = 2, #ARGV do
  local member = call('ZREVRANGEBYLEX', base .. ':series:' .. ARGV[i], '+', '-', 'LIMIT', 0, 1)[1]
  if member and not (last and before(place(sub(member, 1, 8)), place(sub(last, 1, 8)))) then last = member end
end
return {generation(ARGV[1]), last and answer(read(sub(last, 9))) or false}
""",
    writes=False,
    flags="allow-oom",
)

_REFUSE = """
local now, names = ARGV[1], tonumber(ARGV[2])
local new_name, old_names, newest, known, links = {}, {}, {}, {}, {}
for i = 3, 1 + 2 * names, 2 do
  new_name[ARGV[i]] = ARGV[i + 1]
  old_names[ARGV[i + 1]] = old_names[ARGV[i + 1]] or {}
  table.insert(old_names[ARGV[i + 1]], ARGV[i])
end

local function last_number(series)
  local member = call('ZREVRANGEBYLEX', base .. ':series:' .. series, '+', '-', 'LIMIT', 0, 1)[1]
  return member and place(sub(member, 1, 8)) or ZERO
end

local function newest_number(series)
  if newest[series] then return newest[series] end
  local last = new_name[series] and ZERO or last_number(series)
  for _, old in ipairs(old_names[series] or {}) do
    local number = last_number(old)
    if before(last, number) then last = number end
  end
  return last
end

for i = 3 + 2 * names, #ARGV do
  local link = unpacked(ARGV[i])
  local number, current = plus_one(newest_number(link.series)), generation(link.subject)
  if link.number == NONE then link.number, link.generation = number, current end
  if link.number ~= number or link.generation ~= current then return 0 end
  if known[link.link_id] or call('EXISTS', base .. ':link:' .. link.link_id) == 1 then return 0 end
  newest[link.series], known[link.link_id] = number, true
  links[#links + 1] = link
end
"""

_RENAME = """
-- All are read before the first is written: a name may be one's old and another's new.
local function rename(list, mark, change)
  local moved = {}
  for old, new in pairs(new_name) do
    for _, member in ipairs(call('ZRANGE', base .. list .. mark .. old, 0, -1)) do
      table.insert(moved, {mark .. new, member})
    end
  end
  for old in pairs(new_name) do call('DEL', base .. list .. mark .. old) end
  for _, move in ipairs(moved) do
    local link = read(sub(move[2], 9))
    change(link, move[1])
    save(link)
    call('ZADD', base .. list .. move[1], 0, move[2])
  end
end

if names > 0 then
  rename(':series:', '', function(link, new) link.series = new end)
  rename(':recipient:', '=', function(link, new) link.recipient = new end)
end
"""

_INSERT = """
for _, link in ipairs(links) do
  save(link)
  local found = lists(link)
  for i = 1, #found, 2 do call('ZADD', base .. found[i], 0, found[i + 1]) end
  if link.supersede == 'on-issue' then supersede_replaced(link, now) end
end
return 1
"""

_ADD = (BEFORE, PLUS_ONE, PLACE, SAVE, STANDING, SUPERSEDE, SUPERSEDE_REPLACED, LISTS)
ADD = script(COMMON, *_ADD, _REFUSE, _RENAME, _INSERT)
"""All of a batch in one script: staged in parts it would still be listed in one, and only one script is all or none."""

CONSUME = script(
    COMMON,
    BEFORE,
    PLUS_ONE,
    SAVE,
    STANDING,
    OUTSTANDING,
    SUPERSEDE,
    """
local id, now, purpose, issued_after, issued_until, max_uses, stamp, attempt, reclick_after, ends_others = unpack(ARGV)
local link = read(id)
if not link or link.purpose ~= purpose or not outstanding(link, now)
  or not before(issued_after, link.issued_at) or before(issued_until, link.issued_at)
  or (max_uses ~= NONE and not before(link.uses, max_uses)) or link.stamp ~= stamp
  or (attempt ~= '' and link.attempt == attempt and link.last_used_at ~= NONE
    and before(reclick_after, link.last_used_at))
then return false end
if ends_others == '1' then
  for _, member in ipairs(call('ZRANGE', base .. ':subject:' .. link.subject, 0, -1)) do
    local other = read(sub(member, 9))
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
    PLUS_ONE,
    """
local subject, now, reason = unpack(ARGV)
if call('EXISTS', base .. ':subject:' .. subject) == 1 then
  local raised = plus_one(generation(subject))
  call('HSET', base .. ':revoked:' .. subject, 'generation', raised, 'at', now, 'reason', reason)
end
""",
    flags="allow-oom",
)

# Walks some lists from a place downwards, as far as it may; gives where to go on, or nothing where all has been seen.
_WALK = """
local most, top, purpose, subject, resource = tonumber(ARGV[1]), ARGV[2], ARGV[3], ARGV[4], ARGV[5]

local function matches(link)
  return (purpose == '' or purpose == '=' .. link.purpose) and (subject == '' or subject == '=' .. link.subject)
    and (resource == '' or resource == link.resource)
end

local function walk(list, meet)
  local seen, next_top = 0, top
  while seen < most do
    local members = call('ZREVRANGEBYLEX', base .. list, next_top, '-', 'LIMIT', 0, 100)
    for _, member in ipairs(members) do
      local link, value = read(sub(member, 9))
      if matches(link) and meet(link, value) then return '' end
    end
    if #members < 100 then return '' end
    seen, next_top = seen + 100, '(' .. members[100]
  end
  return next_top
end
"""

FIND = script(
    COMMON,
    ANSWER,
    _WALK,
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
    _WALK,
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
return {next_top}
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
    PLACE,
    LISTS,
    """
local members = call('ZRANGEBYLEX', base .. ':expiry', '-', '(' .. ARGV[1], 'LIMIT', 0, tonumber(ARGV[2]))
for _, member in ipairs(members) do
  local id = sub(member, 9)
  local link = read(id)
  local found = lists(link)
  for i = 1, #found, 2 do call('ZREM', base .. found[i], found[i + 1]) end
  call('DEL', base .. ':link:' .. id, base .. ':notes:' .. id)
  if call('EXISTS', base .. ':subject:' .. link.subject) == 0 then call('DEL', base .. ':revoked:' .. link.subject) end
end
return #members
""",
    flags="allow-oom",
)
