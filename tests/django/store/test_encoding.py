"""A record as the tables have it: text that says the same, or is refused."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from magiclink.django.store.encoding import COLUMNS, fitting, hexed, link_id_of, link_key, prefix, record, row
from magiclink.errors import BadArgumentError, StoreError
from magiclink.testing.contract import record as link

if TYPE_CHECKING:
    from magiclink.records import Record

LARGEST = 2**63 - 1


def _full() -> Record:
    digests = {
        name: bytes(range(17)) for name in ("recipient", "stamp", "browser", "series", "parent", "code", "attempt")
    }
    return link(**digests, number=1, generation=0)


@pytest.mark.parametrize("written", [_full(), link(number=1, generation=0, recipient=b"", stamp=None)])
def test_record_that_comes_back_otherwise(written: Record) -> None:
    """A record comes back from its row, bytes and all."""
    values = row(written)
    assert record(tuple(values[column] for column in COLUMNS)) == written


def test_bytes_in_a_row() -> None:
    """Nothing in a row is bytes: databases and drivers don't agree on them."""
    assert not [value for value in row(_full()).values() if isinstance(value, bytes)]


def test_keys_of_two_audiences() -> None:
    """The same link id under two audiences has two keys, and each ends with it."""
    keys = [link_key(audience, b"\xff" * 20) for audience in ("https://a.example", "https://A.example")]
    assert len(set(keys)) == 2
    assert [link_id_of(key) for key in keys] == [b"\xff" * 20] * 2
    assert keys[0].startswith(prefix("https://a.example"))


@pytest.mark.parametrize("value", [None, "text", 7])
def test_value_that_is_no_bytes(value: object) -> None:
    """What isn't bytes is left as it is."""
    assert hexed(value) == value


@pytest.mark.parametrize(
    ("column", "value"),
    [
        ("subject", "x" * 256),
        ("subject", "\0"),
        ("subject", "\ud800"),
        ("destination", "x" * 2_001),
        ("uses", LARGEST + 1),
        ("issued_at", -LARGEST - 1),
    ],
)
def test_value_that_a_column_cuts(column: str, value: Any) -> None:
    """16: D16: what a database that isn't strict would cut or clamp is refused."""
    with pytest.raises(BadArgumentError):
        row(link(number=1, generation=0)._replace(**{column: value}))


def test_value_that_just_fits() -> None:
    """16: what a column can hold is written, counted in characters and not in bytes."""
    values = {"subject": "😀" * 255, "uses": LARGEST, "issued_at": -LARGEST, "elsewhere": "x" * 9_999}
    assert fitting("Link", values) is values


def test_row_written_by_hand() -> None:
    """A row that isn't the store's own is trouble, and no record."""
    values = [*row(link(number=1, generation=0)).values()]
    for place in (COLUMNS.index("id"), COLUMNS.index("series")):
        with pytest.raises(StoreError, match="never wrote"):
            record((*values[:place], "written by hand", *values[place + 1 :]))
