"""The names under which SQL stores find links: by subject, resource, recipient and series, in one table.

A name is a digest of a kind and a value. Names lie in buckets, one for each audience and 28 days of expiry: a bucket
is forgotten whole, and a look-up walks the few buckets that an audience has. No I/O here, and no key: a name hides
nothing that its record doesn't say.
"""

from __future__ import annotations

from functools import lru_cache
from hashlib import blake2b, sha256
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from ..records import Record

PERIOD = 28 * 24 * 60 * 60
"""Seconds of expiry that share a bucket."""

FIRST, LAST = b"\0\0", b"\xff\xff"
"""The bounds of a bucket's period: 4 bytes of seconds are 1776 periods, which 2 bytes hold."""

_KINDS = {
    kind: blake2b(digest_size=16, person=kind.encode()) for kind in ("subject", "resource", "recipient", "series")
}


def derive_key(kind: str, value: bytes | str) -> bytes:
    """Return the 16 bytes that name a value of a kind: `subject`, `resource`, `recipient` or `series`."""
    digest = _KINDS[kind].copy()
    digest.update(_encoded(value))
    return digest.digest()


def derive_keys(record: Record) -> list[bytes]:
    """Return every name of a record: two to four."""
    given = [derive_key("subject", record.subject), derive_key("series", record.series)]
    if record.resource is not None:
        given.append(derive_key("resource", record.resource))
    if record.recipient is not None:
        given.append(derive_key("recipient", record.recipient))
    return given


def list_rows(record: Record) -> list[tuple[bytes, bytes, bytes]]:
    """Return the rows of a record: its bucket, each of its names, its link id."""
    place = derive_period(record.audience, record.link_id)
    return [(place, each, record.link_id) for each in derive_keys(record)]


def derive_period(audience: str, link_id: bytes) -> bytes:
    """Return the bucket of a link: 6 bytes for its audience, 2 for the period in which it expires."""
    return derive_prefix(audience) + number_period(link_id)


@lru_cache(maxsize=128)
def derive_prefix(audience: str) -> bytes:
    """Return what the buckets of an audience begin with. The audience is compared again, whole, in the record."""
    return sha256(_encoded(audience)).digest()[:6]


def number_period(link_id: bytes) -> bytes:
    """Return the period in which a link expires: a link id begins with its expiry in seconds."""
    return (int.from_bytes(link_id[:4], "big") // PERIOD).to_bytes(2, "big")


def _encoded(value: bytes | str) -> bytes:
    # A lone surrogate is refused by the driver, which sees the value itself; here it must not raise.
    return value.encode("utf-8", "surrogatepass") if isinstance(value, str) else value
