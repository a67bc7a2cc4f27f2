"""What the scripts of the Redis store are made of: how Lua reads, compares and writes a record. Text only.

- Integers stay 8 bytes, compared in two halves: a number of Lua is a double, which can't tell 2^53 from 2^53 + 1, and
  `<` between texts follows the server's locale.
- `#!lua` alone keeps a script from a read-only replica and from a server without memory, before it begins.
"""

from __future__ import annotations

import re
from hashlib import sha1
from typing import NamedTuple

from ...records import Record
from .encoding import OTHER_INTEGERS, SEEN_INTEGERS, SEEN_TEXTS


class Script(NamedTuple):
    """A script, the digest by which a server knows it, and whether it may write."""

    text: bytes
    sha: bytes
    writes: bool


_PLACES = {name: place for place, name in enumerate((*SEEN_INTEGERS, "unread", *SEEN_TEXTS, "tail"), start=1)}
_FORMAT = f">{'c8' * len(SEEN_INTEGERS)}c{8 * len(OTHER_INTEGERS)}{'Hc0' * len(SEEN_TEXTS)}"
_FIELD = re.compile(rf"\.({'|'.join(sorted({*_PLACES, *Record._fields}))})\b")


def script(*parts: str, writes: bool = True, flags: str = "") -> Script:
    """Put parts together; the names of fields become their places."""
    # Fields have names here and places there: a table of Lua is faster with numbers.
    body = _FIELD.sub(lambda found: f"[{_PLACES[found[1]]}]", "".join(parts))
    text = f"#!lua{flags and f' flags={flags}'}\n{body}".encode()
    return Script(text, sha1(text, usedforsecurity=False).hexdigest().encode(), writes)


COMMON = f"""
local call, sub = redis.call, string.sub
local base = KEYS[1]
local index = base .. ':index'
-- What sorts behind every place and link id.
local END = '\\255\\255\\255\\255\\255\\255\\255\\255\\255'
local NONE, ZERO = '\\128\\0\\0\\0\\0\\0\\0\\0', '\\0\\0\\0\\0\\0\\0\\0\\0'

local function unpacked(value)
  local link = {{struct.unpack('{_FORMAT}', value)}}
  link.tail = sub(value, link.tail)
  return link
end

local function read(id)
  local value = call('GET', base .. ':link:' .. id)
  if value then return unpacked(value), value end
end

local function packed(link)
  return struct.pack('{_FORMAT}', {", ".join(f"link.{name}" for name in (*SEEN_INTEGERS, "unread"))},
    {", ".join(f"#link.{name}, link.{name}" for name in SEEN_TEXTS)}) .. link.tail
end

local function generation(subject)
  return call('HGET', base .. ':revoked:' .. subject, 'generation') or ZERO
end
"""

# The index is one sorted set of all lists: a letter, the length of a name, the name, a place, a link id. Its members
# are sorted as bytes; those of one list stand together, each at its place. The letters: (e)xpiry, (a)ll, s(u)bject,
# (s)eries, (r)esource, recipient's (m)ail.
LISTS = """
local function list(letter, name)
  return letter .. struct.pack('>H', #name) .. name
end

local function members(name)
  return call('ZRANGEBYLEX', index, '[' .. name, '(' .. name .. END)
end

local function last_member(name)
  local top = '(' .. name .. END
  return call('ZREVRANGEBYLEX', index, top, '[' .. name, 'LIMIT', 0, 1)[1]
end
"""

BEFORE = """
local function before(a, b)
  local a_high, a_low = struct.unpack('>i4I4', a)
  local b_high, b_low = struct.unpack('>i4I4', b)
  return a_high < b_high or (a_high == b_high and a_low < b_low)
end
"""

PLUS_ONE = """
local function plus_one(integer)
  local high, low = struct.unpack('>i4I4', integer)
  if low == 4294967295 then high, low = high + 1, -1 end
  return struct.pack('>i4I4', high, low + 1)
end
"""

PLACE = """
local function place(integer)
  return string.char((string.byte(integer) + 128) % 256) .. sub(integer, 2)
end
"""

SAVE = """
local function save(link)
  local value = packed(link)
  call('SET', base .. ':link:' .. link.link_id, value)
  return value
end
"""

STANDING = """
local function standing(link)
  return link.revoked_at == NONE and link.generation == generation(link.subject)
end
"""

OUTSTANDING = """
local function outstanding(link, now)
  return link.superseded_at == NONE and (link.max_uses == NONE or before(link.uses, link.max_uses))
    and before(now, link.expires_at) and standing(link)
end
"""

# A record of an older generation comes as revoked, with that revocation's instant and reason.
ANSWER = """
local function answer(link, value)
  if not link then return false end
  if link.revoked_at == NONE then
    local now, at, reason = unpack(call('HMGET', base .. ':revoked:' .. link.subject, 'generation', 'at', 'reason'))
    if now and now ~= link.generation then
      link.revoked_at, link.revoke_reason = at, reason
      return packed(link)
    end
  end
  return value
end
"""

SUPERSEDE = """
local function supersede(link, now)
  if link and link.superseded_at == NONE and standing(link) then
    link.superseded_at = now
    save(link)
  end
end
"""

SUPERSEDE_REPLACED = """
local function supersede_replaced(link, now)
  if link.origin == 'renew' then return supersede(read(sub(link.parent, 2)), now) end
  local series = list('s', link.series)
  local older = call('ZRANGEBYLEX', index, '[' .. series, '(' .. series .. place(link.number))
  for _, member in ipairs(older) do supersede(read(sub(member, #series + 9)), now) end
end
"""

LISTED = """
local function listed(link)
  local id = link.link_id
  local issued = place(link.issued_at) .. id
  local found = {
    list('e', '') .. place(link.expires_at) .. id, list('a', '') .. issued, list('u', link.subject) .. issued,
    list('s', link.series) .. place(link.number) .. id,
  }
  if link.resource ~= '' then found[5] = list('r', link.resource) .. issued end
  if link.recipient ~= '' then found[#found + 1] = list('m', link.recipient) .. issued end
  return found
end
"""

# Numbers and generations are given, and what may not be written is found, before the first write.
REFUSE = """
local now, names = ARGV[1], tonumber(ARGV[2])
local new_name, old_names, newest, known, links = {}, {}, {}, {}, {}
for i = 3, 1 + 2 * names, 2 do
  new_name[ARGV[i]] = ARGV[i + 1]
  old_names[ARGV[i + 1]] = old_names[ARGV[i + 1]] or {}
  table.insert(old_names[ARGV[i + 1]], ARGV[i])
end

local function last_number(series)
  local name = list('s', series)
  local member = last_member(name)
  return member and place(sub(member, #name + 1, #name + 8)) or ZERO
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

RENAME = """
-- All are read before the first is written: a name may be one's old and another's new.
local function rename(letter, mark, change)
  local moved = {}
  for old, new in pairs(new_name) do
    local name = list(letter, mark .. old)
    for _, member in ipairs(members(name)) do table.insert(moved, {name, member, mark .. new}) end
  end
  for _, move in ipairs(moved) do call('ZREM', index, move[2]) end
  for _, move in ipairs(moved) do
    local rest = sub(move[2], #move[1] + 1)
    local link = read(sub(rest, 9))
    change(link, move[3])
    save(link)
    call('ZADD', index, 0, list(letter, move[3]) .. rest)
  end
end

if names > 0 then
  rename('s', '', function(link, new) link.series = new end)
  rename('m', '=', function(link, new) link.recipient = new end)
end
"""

# Walks some lists from a place downwards, as far as it may; gives where to go on, or nothing where all has been seen.
WALK = """
local most, top, purpose, subject, resource = tonumber(ARGV[1]), ARGV[2], ARGV[3], ARGV[4], ARGV[5]

local function matches(link)
  return (purpose == '' or purpose == '=' .. link.purpose) and (subject == '' or subject == '=' .. link.subject)
    and (resource == '' or resource == link.resource)
end

local function walk(name, meet)
  local seen, next_top = 0, '(' .. name .. (top == '' and END or top)
  while seen < most do
    local found = call('ZREVRANGEBYLEX', index, next_top, '[' .. name, 'LIMIT', 0, 100)
    for _, member in ipairs(found) do
      local link, value = read(sub(member, #name + 9))
      if matches(link) and meet(link, value) then return '' end
    end
    if #found < 100 then return '' end
    seen, next_top = seen + 100, '(' .. found[100]
  end
  return sub(next_top, #name + 2)
end
"""
