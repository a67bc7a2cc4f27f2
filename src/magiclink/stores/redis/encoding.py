"""How the Redis store writes a record: one value, which its scripts read in part and Python reads whole.

Integers stand first, 8 bytes each, so that both sides read them all in one call. Texts follow, each behind its length
in 2 bytes. What the scripts read comes first of each kind; the rest they carry along unread. Arguments of scripts, the
names of lists in the index and the hash tag of an audience are written here too. No I/O here.
"""

from __future__ import annotations

from functools import lru_cache
from hashlib import sha256
from operator import itemgetter
from struct import Struct
from typing import TYPE_CHECKING, Any

from ...errors import BadArgumentError
from ...records import Record
from .. import tables
from ..base import LARGEST

if TYPE_CHECKING:
    from collections.abc import Callable

LONGEST = 2**16 - 2
"""Bytes of the longest text: with a mark before it, its length still has 2 bytes."""

NONE = -(2**63)
"""What stands for None among the integers of a record: a power of two, which a double holds exactly."""

SEEN_INTEGERS = (
    "number",
    "generation",
    "issued_at",
    "expires_at",
    "max_uses",
    "attempts",
    "uses",
    "first_used_at",
    "last_used_at",
    "delivered_at",
    "superseded_at",
    "revoked_at",
)
SEEN_TEXTS = (
    "link_id",
    "purpose",
    "subject",
    "resource",
    "recipient",
    "stamp",
    "series",
    "origin",
    "parent",
    "supersede",
    "attempt",
    "revoke_reason",
)
_FIELDS = tables.COLUMNS["links"]
_UNSEEN = [name for name in _FIELDS if name not in {*SEEN_INTEGERS, *SEEN_TEXTS}]
OTHER_INTEGERS = tuple(name for name in _UNSEEN if _FIELDS[name].kind == "integer")
OTHER_TEXTS = tuple(name for name in _UNSEEN if _FIELDS[name].kind != "integer")


def encode_text(value: str) -> bytes:
    """Encode a text. Raises BadArgumentError where it isn't UTF-8, or too long for its length in 2 bytes."""
    return _encode(str.encode, value)


def encode_bytes(value: bytes) -> bytes:
    """Return bytes as they are. Raises BadArgumentError where they are too long for their length in 2 bytes."""
    return _encode(bytes, value)


def encode_optional(value: str | bytes | None) -> bytes:
    """Encode a text or bytes that may be None: None is empty, any other value stands behind `=`."""
    return _encode(_mark, value)


def encode_integer(value: int) -> bytes:
    """Encode an integer in decimal digits. Raises BadArgumentError beyond 53 bits."""
    return b"%d" % require_integer(value)


def require_integer(value: int) -> int:
    """Return an integer of 53 bits. Raises BadArgumentError beyond them."""
    if not -LARGEST <= value <= LARGEST:
        raise BadArgumentError(f"an integer is beyond 53 bits: instants and counts go from {-LARGEST} to {LARGEST}")
    return value


def encode_sortable(value: int) -> bytes:
    """Encode an integer so that bytes sort as integers do; one beyond 53 bits stands before or behind all others."""
    value = max(-LARGEST - 1, min(value, LARGEST + 1))
    return (b"\0" if value < 0 else b"\1") + value.to_bytes(7, signed=True)


def encode_id(link_id: bytes) -> bytes:
    """Encode a link id: in Redis, where people read keys, it is text, in lower-case hex."""
    return link_id.hex().encode()


def decode_id(raw: bytes) -> bytes:
    """Decode a link id."""
    return bytes.fromhex(raw.decode())


def name_list(letter: bytes, name: bytes) -> bytes:
    """Return how the index calls a list: a letter for its kind, the length of a name, the name."""
    return letter + _LENGTH.pack(len(name)) + name


@lru_cache(maxsize=128)
def derive_tag(audience: str) -> bytes:
    """Return the hash tag of an audience: every key that holds it lies on one slot of a cluster."""
    return b"{%s}" % sha256(encode_text(audience)).hexdigest()[:32].encode()


def _encode(encode: Callable[[Any], bytes], value: str | bytes | None) -> bytes:
    try:
        raw = encode(value)
    except UnicodeError:
        raise _refuse_surrogate() from None
    if len(raw) > LONGEST:
        raise _refuse_length(raw)
    return raw


def _refuse_length(raw: bytes) -> BadArgumentError:
    return BadArgumentError(f"a text has {len(raw)} bytes: shorten it, {LONGEST} are the most in Redis")


def _refuse_surrogate() -> BadArgumentError:
    return BadArgumentError("a text holds half a surrogate pair (U+D800 to U+DFFF): leave it out")


def _mark(value: str | bytes | None) -> bytes:
    return b"" if value is None else b"=" + (value.encode() if isinstance(value, str) else value)


def _mark_id(link_id: bytes | None) -> bytes:
    return _mark(link_id and link_id.hex())


def _read_text(raw: bytes) -> str | None:
    return raw[1:].decode() if raw else None


def _read_bytes(raw: bytes) -> bytes | None:
    return raw[1:] if raw else None


def _read_id(raw: bytes) -> bytes | None:
    return decode_id(raw[1:]) if raw else None


_INTEGERS = SEEN_INTEGERS + OTHER_INTEGERS
_TEXTS = SEEN_TEXTS + OTHER_TEXTS
_HEAD = Struct(f">{len(_INTEGERS)}q")
_LENGTH = Struct(">H")
_CODECS: dict[object, tuple[Callable[[Any], bytes], Callable[[bytes], object]]] = {
    ("text", True): (str.encode, bytes.decode),
    ("text", False): (_mark, _read_text),
    ("bytes", True): (bytes, bytes),
    ("bytes", False): (_mark, _read_bytes),
    "link_id": (encode_id, decode_id),
    "parent": (_mark_id, _read_id),
}
_ENCODE, _DECODE = zip(*(_CODECS.get(name) or _CODECS[_FIELDS[name]] for name in _TEXTS), strict=True)
_pick_integers = itemgetter(*map(Record._fields.index, _INTEGERS))
_pick_texts = itemgetter(*map(Record._fields.index, _TEXTS))
_put_in_order = itemgetter(*map((_INTEGERS + _TEXTS).index, Record._fields))


def pack_record(record: Record) -> bytes:
    """Pack a record into one value. Raises BadArgumentError where a field doesn't fit."""
    integers = _pick_integers(record)
    known = [*filter(None, integers), 0]
    require_integer(min(known))
    require_integer(max(known))
    parts = [_HEAD.pack(*[NONE if each is None else each for each in integers])]
    try:
        for encode, value in zip(_ENCODE, _pick_texts(record), strict=True):
            raw = encode(value)
            if len(raw) > LONGEST:
                raise _refuse_length(raw)
            parts += (_LENGTH.pack(len(raw)), raw)
    except UnicodeError:
        raise _refuse_surrogate() from None
    return b"".join(parts)


def unpack_record(value: bytes) -> Record:
    """Unpack a record."""
    fields: list[object] = [None if each == NONE else each for each in _HEAD.unpack_from(value)]
    start = _HEAD.size + 2
    for decode in _DECODE:
        end = start + (value[start - 2] << 8 | value[start - 1])
        fields.append(decode(value[start:end]))
        start = end + 2
    return Record._make(_put_in_order(fields))
