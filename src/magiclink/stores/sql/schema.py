"""The tables of the SQLAlchemy and Django stores, whose names begin with `magiclink_`: their keys and columns.

Instants and spans are integer microseconds; digests and link ids are lower-case hex, since drivers don't agree on
bytes. So a column is text or an integer, and every database keeps the same and compares it byte for byte. No row holds
a token, its secret or an address. SQLAlchemy's `metadata` is built of this; Django's models say the same for its
migrations and its admin.
"""

from __future__ import annotations

from typing import NamedTuple

from .. import tables

TEXT = 255
"""Characters of a text that the library takes from the app."""

WORD = 32
"""Characters of a word of the library's own."""

DIGEST = 128
"""Characters of a digest in hex, as long as any may come to be."""

LINK_ID = 40
"""Characters of a link id in hex."""

KEY = 12 + LINK_ID
"""Characters of a link's key: a digest of its audience, then its link id."""


class Column(NamedTuple):
    """What a column holds."""

    size: int | None = None
    """Characters of its text, at most; None is an integer."""
    null: bool = False


class Table(NamedTuple):
    """The primary key of a table, in its order, and its columns by their names."""

    key: tuple[str, ...]
    columns: dict[str, Column]


_SIZES = {"text": TEXT, "bytes": DIGEST, "integer": None}

_OTHER_SIZES = {"id": KEY, "link": KEY, "destination": 2_000, "metadata": 1_024, "period": 16, "key": 32}
_OTHER_SIZES |= dict.fromkeys(("parent", "superseded_by", "last_link"), LINK_ID)
_OTHER_SIZES |= dict.fromkeys(("origin", "supersede", "opens"), WORD)

# A link's key holds what its audience and its link id say in other stores.
_COLUMNS = {
    "links": {"id" if name == "link_id" else name: column for name, column in tables.COLUMNS["links"].items()},
    # `last_link` is the highest link id that the subject ever had: the row goes when purging has passed it.
    "subjects": tables.COLUMNS["subjects"] | tables.read_columns("last_link bytes"),
    "lookups": tables.read_columns("period bytes, key bytes, link bytes"),
    "notes": tables.read_columns("link bytes, kind text, hour integer, at integer, reason text"),
    "limits": tables.COLUMNS["limits"],
    "settlements": tables.COLUMNS["settlements"],
    "closings": tables.read_columns("link bytes, redeemed_at integer, until integer"),
    "waits": tables.read_columns("link bytes, nonce bytes, until integer, failures integer"),
}

_KEYS = tables.KEYS | {
    # It goes on with the expiry, with which a link id begins: purging goes along the key.
    "links": ("id",),
    "lookups": ("period", "key", "link"),
    "notes": ("link", "kind", "hour"),
    "closings": ("link", "redeemed_at"),
    "waits": ("link", "nonce"),
}

TABLES = {
    table: Table(
        _KEYS[table],
        {
            name: Column(_OTHER_SIZES.get(name, _SIZES[kind]), not required)
            for name, (kind, required) in columns.items()
        },
    )
    for table, columns in _COLUMNS.items()
}
"""Every table by its name without `magiclink_`."""
