"""What the scripts of the Redis store are made of: how Lua reads, compares and writes a record. Text only.

- Integers are numbers of Lua, doubles: exact, since no integer has more than 53 bits. But `..` would round one to 14
  digits: only `struct.pack` and `call` write them.
- Texts are compared for equality alone: `<` between them follows the server's locale.
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


_SLOTS = {name: slot for slot, name in enumerate((*SEEN_INTEGERS, "unread", *SEEN_TEXTS, "tail"), start=1)}
_FORMAT = f">{'i8' * len(SEEN_INTEGERS)}c{8 * len(OTHER_INTEGERS)}{'Hc0' * len(SEEN_TEXTS)}"
_FIELD = re.compile(rf"\.({'|'.join(sorted({*_SLOTS, *Record._fields}))})\b")


def make_script(*parts: str, writes: bool = True, flags: str = "") -> Script:
    """Put parts together; the names of fields become their slots: a table of Lua is faster with numbers."""
    body = _FIELD.sub(lambda found: f"[{_SLOTS[found[1]]}]", "".join(parts))
    text = f"#!lua{flags and f' flags={flags}'}\n{body}".encode()
    return Script(text, sha1(text, usedforsecurity=False).hexdigest().encode(), writes)


COMMON = f"""
local call, sub = redis.call, string.sub
local base = KEYS[1]
local index = base .. ':index'
local NONE = -2^63

local function unpack_link(value)
  local link = {{struct.unpack('{_FORMAT}', value)}}
  link.tail = sub(value, link.tail)
  return link
end

local function pack_link(link)
  return struct.pack('{_FORMAT}', {", ".join(f"link.{name}" for name in (*SEEN_INTEGERS, "unread"))},
    {", ".join(f"#link.{name}, link.{name}" for name in SEEN_TEXTS)}) .. link.tail
end

local function read(id)
  local value = call('GET', base .. ':link:' .. id)
  if value then return unpack_link(value), value end
end

local function save(link)
  local value = pack_link(link)
  call('SET', base .. ':link:' .. link.link_id, value)
  return value
end

local function read_generation(subject)
  return tonumber(call('HGET', base .. ':revoked:' .. subject, 'generation') or 0)
end

local function is_live(link)
  return link.revoked_at == NONE and link.generation == read_generation(link.subject)
end

local function is_outstanding(link, now)
  return link.superseded_at == NONE and (link.max_uses == NONE or link.uses < link.max_uses)
    and now < link.expires_at and is_live(link)
end
"""

# The index is one sorted set of all lists: a letter, the length of a name, the name, a sortable integer, a link id. Its
# members are sorted as bytes, and those of one list stand together. The letters: (e)xpiry, (a)ll, s(u)bject, (s)eries,
# (r)esource, recipient's (m)ail.
INDEX = """
-- Behind every sortable integer, which begins with 0 or 1.
local END = '\\2'

local function sortable(integer)
  return (integer < 0 and '\\0' or '\\1') .. struct.pack('>i7', integer)
end

local function name_list(letter, name)
  return letter .. struct.pack('>H', #name) .. name
end

local function read_members(name, top)
  return call('ZRANGEBYLEX', index, '[' .. name, '(' .. name .. (top or END))
end

local function read_last(name)
  return call('ZREVRANGEBYLEX', index, '(' .. name .. END, '[' .. name, 'LIMIT', 0, 1)[1]
end

local function split(name, member)
  return struct.unpack('>i7', member, #name + 2), sub(member, #name + 9)
end
"""

MEMBERS = """
local function name_members(link)
  local id = link.link_id
  local issued = sortable(link.issued_at) .. id
  local found = {
    name_list('e', '') .. sortable(link.expires_at) .. id, name_list('a', '') .. issued,
    name_list('u', link.subject) .. issued, name_list('s', link.series) .. sortable(link.number) .. id,
  }
  if link.resource ~= '' then found[5] = name_list('r', link.resource) .. issued end
  if link.recipient ~= '' then found[#found + 1] = name_list('m', link.recipient) .. issued end
  return found
end
"""

# A record of an older generation is returned as revoked, with that revocation's instant and reason.
ANSWER = """
local function answer(link, value)
  if not link or link.revoked_at ~= NONE then return value end
  local raised, at, reason = unpack(call('HMGET', base .. ':revoked:' .. link.subject, 'generation', 'at', 'reason'))
  if not raised or tonumber(raised) == link.generation then return value end
  link.revoked_at, link.revoke_reason = tonumber(at), reason
  return pack_link(link)
end
"""

SUPERSEDE = """
local function supersede(link, now)
  if link and link.superseded_at == NONE and is_live(link) then
    link.superseded_at = now
    save(link)
  end
end
"""

SUPERSEDE_OLDER = """
local function supersede_older(link, now)
  if link.origin == 'renew' then return supersede(read(sub(link.parent, 2)), now) end
  local series = name_list('s', link.series)
  for _, member in ipairs(read_members(series, sortable(link.number))) do
    local _, id = split(series, member)
    supersede(read(id), now)
  end
end
"""

# Numbers and generations are assigned, and what may not be written is found, before the first write.
REFUSE = """
local now, names = tonumber(ARGV[1]), tonumber(ARGV[2])
local new_name, old_names, newest, known, links = {}, {}, {}, {}, {}
for i = 3, 1 + 2 * names, 2 do
  new_name[ARGV[i]] = ARGV[i + 1]
  old_names[ARGV[i + 1]] = old_names[ARGV[i + 1]] or {}
  table.insert(old_names[ARGV[i + 1]], ARGV[i])
end

local function read_number(series)
  local name = name_list('s', series)
  local member = read_last(name)
  return member and split(name, member) or 0
end

local function read_newest(series)
  if newest[series] then return newest[series] end
  local last = new_name[series] and 0 or read_number(series)
  for _, old in ipairs(old_names[series] or {}) do last = math.max(last, read_number(old)) end
  return last
end

for i = 3 + 2 * names, #ARGV do
  local link = unpack_link(ARGV[i])
  local number, generation = read_newest(link.series) + 1, read_generation(link.subject)
  if link.number == NONE then link.number, link.generation = number, generation end
  if link.number ~= number or link.generation ~= generation then return 0 end
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
    local name = name_list(letter, mark .. old)
    for _, member in ipairs(read_members(name)) do table.insert(moved, {name, member, mark .. new}) end
  end
  for _, move in ipairs(moved) do call('ZREM', index, move[2]) end
  for _, move in ipairs(moved) do
    local _, id = split(move[1], move[2])
    local link = read(id)
    change(link, move[3])
    save(link)
    call('ZADD', index, 0, name_list(letter, move[3]) .. sub(move[2], #move[1] + 1))
  end
end

if names > 0 then
  rename('s', '', function(link, new) link.series = new end)
  rename('m', '=', function(link, new) link.recipient = new end)
end
"""

# Walks a list downwards from `top`, as far as one script may; returns where to go on, or '' where all has been read.
WALK = """
local most, top, purpose, subject, resource = tonumber(ARGV[1]), ARGV[2], ARGV[3], ARGV[4], ARGV[5]

local function matches(link)
  return (purpose == '' or purpose == '=' .. link.purpose) and (subject == '' or subject == '=' .. link.subject)
    and (resource == '' or resource == link.resource)
end

local function walk(name, meet)
  local walked, next_top = 0, '(' .. name .. (top == '' and END or top)
  while walked < most do
    local found = call('ZREVRANGEBYLEX', index, next_top, '[' .. name, 'LIMIT', 0, 100)
    for _, member in ipairs(found) do
      local _, id = split(name, member)
      local link, value = read(id)
      if matches(link) and meet(link, value) then return '' end
    end
    if #found < 100 then return '' end
    walked, next_top = walked + 100, '(' .. found[100]
  end
  return sub(next_top, #name + 2)
end
"""
