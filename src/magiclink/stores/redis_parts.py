"""What the scripts of the Redis keeper are made of: how Lua reads, compares and writes a record. Text only.

- Integers stay 8 bytes, compared in two halves: a number of Lua is a double, which can't tell 2^53 from 2^53 + 1, and
  `<` between texts follows the server's locale.
- `#!lua` alone keeps a script from a read-only replica and from a server without memory, before it begins.
"""

from __future__ import annotations

import re
from hashlib import sha1
from typing import NamedTuple

from ..records import Record
from .redis_packing import OTHER_INTEGERS, SEEN_INTEGERS, SEEN_TEXTS

class Script(NamedTuple):
    """A script, the digest by which a server knows it, and whether it may write."""

    text: bytes
    sha: bytes
    writes: bool


_PLACES = {name: place for place, name in enumerate((*SEEN_INTEGERS, "unread", *SEEN_TEXTS, "tail"), start=1)}
_FORMAT = f">{'c8' * len(SEEN_INTEGERS)}c{8 * len(OTHER_INTEGERS)}{'Hc0' * len(SEEN_TEXTS)}"
_FIELD = re.compile(rf"\.({'|'.join(sorted({*_PLACES, *Record._fields}))})\b")


def script(*parts: str, writes: bool = True, flags: str = "") -> Script:
    # Fields have names here and places there: a table of Lua is faster with numbers.
    body = _FIELD.sub(lambda found: f"[{_PLACES[found[1]]}]", "".join(parts))
    text = f"#!lua{flags and f' flags={flags}'}\n{body}".encode()
    return Script(text, sha1(text, usedforsecurity=False).hexdigest().encode(), writes)


COMMON = f"""
local call, sub = redis.call, string.sub
local base = KEYS[1]
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
  local older = call('ZRANGEBYLEX', base .. ':series:' .. link.series, '-', '(' .. place(link.number))
  for _, member in ipairs(older) do supersede(read(sub(member, 9)), now) end
end
"""

# Where a link is listed; the place that sorts it stands before its id.
LISTS = """
local function lists(link)
  local issued, id = place(link.issued_at), link.link_id
  local found = {
    ':expiry', place(link.expires_at) .. id, ':all', issued .. id,
    ':series:' .. link.series, place(link.number) .. id, ':subject:' .. link.subject, issued .. id,
  }
  if link.resource ~= '' then
    found[9], found[10] = ':resource:' .. link.resource, issued .. id
  end
  if link.recipient ~= '' then
    found[#found + 1] = ':recipient:' .. link.recipient
    found[#found + 1] = issued .. id
  end
  return found
end
"""
