"""A record as the tables have it, and back: digests and link ids are lower-case hex there, so that all is text.

What a column can't hold is refused here, before a database that isn't strict cuts it or clamps it.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from ...errors import BadArgumentError, StoreError
from ...records import Record
from .. import lookup_keys, tables
from ..base import LARGEST
from .schema import KEY, LINK_ID, TABLES

if TYPE_CHECKING:
    from collections.abc import Mapping

    Values = dict[str, Any]

COLUMNS = tuple("id" if field == "link_id" else field for field in Record._fields)
"""The columns of `magiclink_links` in the order of a record's fields."""

_ID = Record._fields.index("link_id")

_HEX = [at for at, (kind, _) in enumerate(tables.COLUMNS["links"].values()) if kind == "bytes" and at != _ID]


def make_key(audience: str, link_id: bytes) -> str:
    """Return a link's primary key: a short digest of its audience, then its link id, in hex."""
    return make_prefix(audience) + link_id.hex()


def make_prefix(audience: str) -> str:
    """Return what the keys and periods of an audience begin with. The audience is compared again, whole, in the row."""
    return lookup_keys.derive_prefix(audience).hex()


def parse_key(key: str) -> bytes:
    """Return the link id that a primary key ends with."""
    return bytes.fromhex(key[KEY - LINK_ID :])


def to_hex(value: object) -> Any:
    """Return a value as a column has it: bytes in hex."""
    return value.hex() if isinstance(value, bytes) else value


def read_record(row: tuple[Any, ...]) -> Record:
    """Return the record of a row of `COLUMNS`. Raises StoreError where somebody has written into it by hand."""
    values = list(row)
    try:
        values[_ID] = parse_key(values[_ID])
        for index in _HEX:
            if values[index] is not None:
                values[index] = bytes.fromhex(values[index])
    except ValueError:
        raise StoreError("a row of magiclink_links holds what no store wrote: a digest there is hexadecimal") from None
    return Record._make(values)


def make_row(record: Record) -> Values:
    """Return what is written of a record, by column. Raises BadArgumentError for what doesn't fit."""
    values = {column: to_hex(value) for column, value in zip(COLUMNS, record, strict=True)}
    values["id"] = make_key(record.audience, record.link_id)
    return fit("links", values)


def fit(table: str, values: Values) -> Values:
    """Return values that fit into the columns of a table. Raises BadArgumentError for others."""
    columns = TABLES[table].columns
    check(values, LARGEST)
    for column, value in values.items():
        if isinstance(value, str) and column in columns and len(value) > (columns[column].size or 0):
            raise BadArgumentError(f"{column}: {len(value)} characters were given, {columns[column].size} are kept")
    return values


def check(values: Mapping[str, object], largest: int = LARGEST + 1) -> None:
    """Raise BadArgumentError for what stores don't keep; a sum may have been clipped to one past the largest."""
    for value in values.values():
        if isinstance(value, str):
            # With `replace` a lone surrogate becomes a question mark.
            if "\0" in value or (not value.isascii() and value.encode("utf-8", "replace").decode() != value):
                raise BadArgumentError("a text holds U+0000 or half a surrogate pair: stores keep all other Unicode")
        elif isinstance(value, int) and not -largest <= value <= largest:
            raise BadArgumentError(f"an integer of {value.bit_length()} bits was given: stores keep 53")
