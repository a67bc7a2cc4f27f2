"""The keys under which SQL stores find links: by subject, resource, recipient and series, in one table.

A lookup key is a digest of a kind and a value. The table's rows lie in periods, one for each audience and 28 days of
expiry: a period is forgotten whole, and a look-up walks the few periods that an audience has. No I/O here, and no
secret: a lookup key hides nothing that its record doesn't say.
"""

from __future__ import annotations

from functools import lru_cache
from hashlib import blake2b, sha256
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from ..records import Record

PERIOD = 28 * 24 * 60 * 60
"""Seconds of expiry that share a period."""

FIRST, LAST = b"\0\0", b"\xff\xff"
"""The bounds of a period's number: 4 bytes of seconds are 1776 periods, which 2 bytes hold."""

KEYS_A_LINK = 8
"""Rows that a purge forgets for each link it may forget: twice what a link has, so that it always catches up."""

_KINDS = {
    kind: blake2b(digest_size=16, person=kind.encode()) for kind in ("subject", "resource", "recipient", "series")
}


def derive_key(kind: str, value: bytes | str) -> bytes:
    """Return the 16 bytes that stand for a value of a kind: `subject`, `resource`, `recipient` or `series`."""
    digest = _KINDS[kind].copy()
    digest.update(_encode(value))
    return digest.digest()


def derive_keys(record: Record) -> list[bytes]:
    """Return every lookup key of a record: two to four."""
    keys = [derive_key("subject", record.subject), derive_key("series", record.series)]
    if record.resource is not None:
        keys.append(derive_key("resource", record.resource))
    if record.recipient is not None:
        keys.append(derive_key("recipient", record.recipient))
    return keys


def list_rows(record: Record) -> list[tuple[bytes, bytes, bytes]]:
    """Return the rows of a record: its period, each of its lookup keys, its link id."""
    period = derive_period(record.audience, record.link_id)
    return [(period, key, record.link_id) for key in derive_keys(record)]


def derive_period(audience: str, link_id: bytes) -> bytes:
    """Return the period of a link: 6 bytes for its audience, 2 for the number of the 28 days in which it expires."""
    return derive_prefix(audience) + number_period(link_id)


def derive_bounds(audience: str) -> tuple[bytes, bytes]:
    """Return the first and the last period that an audience can have."""
    prefix = derive_prefix(audience)
    return prefix + FIRST, prefix + LAST


@lru_cache(maxsize=128)
def derive_prefix(audience: str) -> bytes:
    """Return what the periods of an audience begin with. The audience is compared again, whole, in the record."""
    return sha256(_encode(audience)).digest()[:6]


def number_period(link_id: bytes) -> bytes:
    """Return the number of the 28 days in which a link expires: a link id begins with its expiry in seconds."""
    return (int.from_bytes(link_id[:4], "big") // PERIOD).to_bytes(2, "big")


def _encode(value: bytes | str) -> bytes:
    # A lone surrogate is refused by the driver, which sees the value itself; here it must not raise.
    return value.encode("utf-8", "surrogatepass") if isinstance(value, str) else value
