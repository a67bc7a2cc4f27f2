"""A record as the tables have it, and back: digests and link ids are lower-case hex there, so that all is text.

What a column can't hold is refused here, before a database that isn't strict cuts it or clamps it.
"""

from __future__ import annotations

from functools import lru_cache
from typing import TYPE_CHECKING, Any

from django.apps import apps

from ...errors import BadArgumentError, StoreError
from ...records import Record
from ...stores import lookup_keys
from ...stores.selftest import LARGEST

if TYPE_CHECKING:
    from collections.abc import Mapping

    Values = dict[str, Any]

COLUMNS = tuple("id" if field == "link_id" else field for field in Record._fields)
"""The columns of `magiclink_links` in the order of a record's fields."""

_DIGESTS = (
    "recipient",
    "stamp",
    "browser",
    "series",
    "parent",
    "mac",
    "issued_to",
    "code",
    "attempt",
    "superseded_by",
)

_ID, *_PLACES = map(Record._fields.index, ("link_id", *_DIGESTS))

_PREFIX = 12


def link_key(audience: str, link_id: bytes) -> str:
    """Return a link's primary key: a short digest of its audience, then its link id, in hex."""
    return prefix(audience) + link_id.hex()


def prefix(audience: str) -> str:
    """Return what the keys and buckets of an audience begin with. The audience is compared again, whole, in the row."""
    return lookup_keys.derive_prefix(audience).hex()


def link_id_of(link: str) -> bytes:
    """Return the link id that a primary key ends with."""
    return bytes.fromhex(link[_PREFIX:])


def hexed(value: object) -> Any:
    """Return a value as a column has it: bytes in hex."""
    return value.hex() if isinstance(value, bytes) else value


def record(row: tuple[Any, ...]) -> Record:
    """Make a record of a row of `COLUMNS`. Raises StoreError where somebody has written into it by hand."""
    values = list(row)
    try:
        values[_ID] = link_id_of(values[_ID])
        for place in _PLACES:
            if values[place] is not None:
                values[place] = bytes.fromhex(values[place])
    except ValueError:
        raise StoreError("a row of magiclink_links holds what the store never wrote") from None
    return Record._make(values)


def row(link: Record) -> Values:
    """Return what is written of a record, by column. Raises BadArgumentError for what doesn't fit."""
    values = {column: hexed(value) for column, value in zip(COLUMNS, link, strict=True)}
    values["id"] = link_key(link.audience, link.link_id)
    return fitting("Link", values)


def fitting(model: str, values: Values) -> Values:
    """Return values that fit into the columns of a model's table. Raises BadArgumentError for others."""
    sizes = _sizes(model)
    for column, value in values.items():
        if isinstance(value, str):
            _require_text(value, sizes.get(column))
        elif isinstance(value, int) and abs(value) > LARGEST:
            raise BadArgumentError("an integer has more than 63 bits")
    return values


def _require_text(value: str, size: int | None) -> None:
    # With `replace` a lone surrogate becomes a question mark.
    if "\0" in value or value.encode("utf-8", "replace").decode() != value:
        raise BadArgumentError("a text must be Unicode without U+0000")
    if size is not None and len(value) > size:
        raise BadArgumentError(f"a text has more than {size} characters")


@lru_cache(maxsize=8)
def _sizes(model: str) -> Mapping[str, int | None]:
    fields = apps.get_model("magiclink", model)._meta.concrete_fields
    return {field.attname: getattr(field, "max_length", None) for field in fields}
