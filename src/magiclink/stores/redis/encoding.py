"""How the Redis store writes a record: one value, which its scripts read in part and Python reads whole.

Integers stand first, 8 bytes each in two's complement, so that both sides read them all in one call. Texts follow, each
behind its length in 2 bytes. What the scripts read comes first of each kind; the rest they carry along unread. Names
of audiences and the bytes by which links are sorted are made here too. No I/O here.
"""

from __future__ import annotations

from functools import lru_cache
from hashlib import sha256
from operator import itemgetter
from struct import Struct, error
from typing import TYPE_CHECKING, Any

from ...errors import BadArgumentError
from ...records import Record

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

LARGEST = 2**63 - 1

LONGEST = 2**16 - 2
"""Bytes of the longest text: with a mark before it, its length still has 2 bytes."""

NONE = -(2**63)
"""What stands for None among integers: the one that 63 bits and a sign don't reach."""

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
OTHER_INTEGERS = (
    "series_started_at",
    "reminded_at",
    "renewed_at",
    "reminders",
    "renewals",
    "session_lifetime",
    "code_expires_at",
    "bound",
    "ends_with",
    "openings",
    "first_opened_at",
    "last_opened_at",
    "evidence",
    "bounced_at",
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
OTHER_TEXTS = (
    "audience",
    "destination",
    "browser",
    "mac",
    "issued_to",
    "opens",
    "language",
    "metadata",
    "issued_by",
    "code",
    "passphrase",
    "bounce",
    "superseded_by",
    "revoked_by",
)

_UNFIT = "a value doesn't fit: integers have 63 bits, text is UTF-8 of less than 64 KiB"

_OPTIONAL = b"="
"""Before a text that may be None: nothing at all is None, this alone is the empty text."""


def optional(value: str | bytes | None) -> bytes:
    """Write a text that may be None. Raises BadArgumentError where it doesn't fit."""
    return fitting(_optional, value)


def fitting(write: Callable[[Any], bytes], value: str | bytes | None) -> bytes:
    """Write a text. Raises BadArgumentError where it isn't UTF-8, or too long for its length in 2 bytes."""
    try:
        raw = write(value)
    except UnicodeError:
        raise BadArgumentError(_UNFIT) from None
    if len(raw) > LONGEST:
        raise BadArgumentError(_UNFIT)
    return raw


def _optional(value: str | bytes | None) -> bytes:
    return b"" if value is None else _OPTIONAL + (value.encode() if isinstance(value, str) else value)


def _text(raw: bytes) -> str:
    return raw.decode()


def _optional_text(raw: bytes) -> str | None:
    return raw[1:].decode() if raw else None


def _optional_bytes(raw: bytes) -> bytes | None:
    return raw[1:] if raw else None


def hexed(link_id: bytes) -> bytes:
    """Write a link id: in Redis, where people read keys, it is text, and in lower-case hex."""
    return link_id.hex().encode()


def unhexed(raw: bytes) -> bytes:
    """Read a link id."""
    return bytes.fromhex(raw.decode())


def _hexed_parent(link_id: bytes | None) -> bytes:
    return _optional(link_id and link_id.hex())


def _unhexed_parent(raw: bytes) -> bytes | None:
    return unhexed(raw[1:]) if raw else None


_INTEGERS = SEEN_INTEGERS + OTHER_INTEGERS
_TEXTS = SEEN_TEXTS + OTHER_TEXTS
_HEAD = Struct(f">{len(_INTEGERS)}q")
_LENGTH = Struct(">H")
_INTEGER = Struct(">q")
_TEXT_WAYS: tuple[Callable[[str], bytes], Callable[[bytes], str]] = (str.encode, _text)
_WAYS: dict[str, tuple[Callable[[Any], bytes], Callable[[bytes], object]]] = {
    **dict.fromkeys(
        ("audience", "purpose", "subject", "origin", "supersede", "opens", "issued_by", "revoked_by", "revoke_reason"),
        _TEXT_WAYS,
    ),
    **dict.fromkeys(
        ("resource", "destination", "language", "metadata", "passphrase", "bounce"), (_optional, _optional_text)
    ),
    **dict.fromkeys(
        ("recipient", "stamp", "browser", "mac", "issued_to", "code", "attempt", "superseded_by"),
        (_optional, _optional_bytes),
    ),
    "link_id": (hexed, unhexed),
    "parent": (_hexed_parent, _unhexed_parent),
    "series": (bytes, bytes),
}
_WRITE = tuple(_WAYS[name][0] for name in _TEXTS)
_READ = tuple(_WAYS[name][1] for name in _TEXTS)
_integers_of = itemgetter(*map(Record._fields.index, _INTEGERS))
_texts_of = itemgetter(*map(Record._fields.index, _TEXTS))
_in_order = itemgetter(*map((_INTEGERS + _TEXTS).index, Record._fields))


def packed(record: Record) -> bytes:
    """Write a record as one value. Raises BadArgumentError where a field doesn't fit."""
    try:
        parts = [_HEAD.pack(*[NONE if each is None else each for each in _integers_of(record)])]
    except error:
        raise BadArgumentError(_UNFIT) from None
    for write, value in zip(_WRITE, _texts_of(record), strict=True):
        raw = fitting(write, value)
        parts += (_LENGTH.pack(len(raw)), raw)
    return b"".join(parts)


def unpacked(value: bytes) -> Record:
    """Read a record."""
    fields: list[object] = [None if each == NONE else each for each in _HEAD.unpack_from(value)]
    start = _HEAD.size + 2
    for read in _READ:
        end = start + (value[start - 2] << 8 | value[start - 1])
        fields.append(read(value[start:end]))
        start = end + 2
    return Record._make(_in_order(fields))


def integer(value: int | None) -> bytes:
    """Write an integer or None as 8 bytes. Raises BadArgumentError where it has more than 63 bits."""
    try:
        return _INTEGER.pack(NONE if value is None else value)
    except error:
        raise BadArgumentError(_UNFIT) from None


def integers(values: Sequence[int | None]) -> bytes:
    """Write some integers as one text. Raises BadArgumentError where one has more than 63 bits."""
    return b"".join(map(integer, values))


def read_integer(raw: bytes) -> int:
    """Read an integer."""
    return int(_INTEGER.unpack(raw)[0])


def encoded(value: str) -> bytes:
    """Write a text. Raises BadArgumentError where it doesn't fit."""
    return fitting(str.encode, value)


def place(value: int) -> bytes:
    """Write an integer so that bytes sort as integers do: the sign's bit the other way round."""
    raw = integer(value)
    return bytes((raw[0] ^ 0x80,)) + raw[1:]


def clipped(value: int) -> int:
    """Bring a sum back to 8 bytes: past the first instant of all, so that none is bounded by it, or to the last."""
    return max(NONE, min(value, LARGEST))


def listed(letter: bytes, name: bytes) -> bytes:
    """Write the name of a list in the index: a letter for its kind, a length, a name."""
    return letter + _LENGTH.pack(len(name)) + name


@lru_cache(maxsize=128)
def tag(audience: str) -> bytes:
    """Return the hash tag of an audience: every key that holds it lies on one slot of a cluster."""
    return b"{%s}" % sha256(encoded(audience)).hexdigest()[:32].encode()
