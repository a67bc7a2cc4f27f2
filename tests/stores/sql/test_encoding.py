"""A record as the tables have it: text that says the same, or is refused."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from magiclink.errors import BadArgumentError, StoreError
from magiclink.stores.base import LARGEST
from magiclink.stores.sql.encoding import (
    COLUMNS,
    check,
    fit,
    make_key,
    make_prefix,
    make_row,
    parse_key,
    read_record,
    to_hex,
)
from magiclink.testing.contract import record as link

if TYPE_CHECKING:
    from magiclink.records import Record


def _full() -> Record:
    digests = {
        name: bytes(range(17)) for name in ("recipient", "stamp", "browser", "series", "parent", "code", "attempt")
    }
    return link(**digests, number=1, generation=0)


@pytest.mark.parametrize("written", [_full(), link(number=1, generation=0, recipient=b"", stamp=None)])
def test_record_that_comes_back_otherwise(written: Record) -> None:
    """A record comes back from its row, bytes and all."""
    values = make_row(written)
    assert read_record(tuple(values[column] for column in COLUMNS)) == written


def test_bytes_in_a_row() -> None:
    """Nothing in a row is bytes: databases and drivers don't agree on them."""
    assert not [value for value in make_row(_full()).values() if isinstance(value, bytes)]


def test_keys_of_two_audiences() -> None:
    """The same link id under two audiences has two keys, and each ends with it."""
    keys = [make_key(audience, b"\xff" * 20) for audience in ("https://a.example", "https://A.example")]
    assert len(set(keys)) == 2
    assert [parse_key(key) for key in keys] == [b"\xff" * 20] * 2
    assert keys[0].startswith(make_prefix("https://a.example"))


@pytest.mark.parametrize("value", [None, "text", 7])
def test_value_that_is_no_bytes(value: object) -> None:
    """What isn't bytes is left as it is."""
    assert to_hex(value) == value


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
        make_row(link(number=1, generation=0)._replace(**{column: value}))


def test_value_that_just_fits() -> None:
    """16: what a column can hold is written, counted in characters and not in bytes."""
    values = {"subject": "😀" * 255, "uses": LARGEST, "issued_at": -LARGEST, "elsewhere": "x" * 9_999}
    assert fit("links", values) is values


def test_row_written_by_hand() -> None:
    """A row that isn't the store's own is trouble, and no record."""
    values = [*make_row(link(number=1, generation=0)).values()]
    for place in (COLUMNS.index("id"), COLUMNS.index("series")):
        with pytest.raises(StoreError, match="no store wrote"):
            read_record((*values[:place], "written by hand", *values[place + 1 :]))


@pytest.mark.parametrize("value", ["\0", "a\ud800", LARGEST + 2, -LARGEST - 2, True << 60])
def test_value_that_no_store_keeps(value: object) -> None:
    """16: what no store keeps is refused, whether or not its database would, and isn't repeated."""
    with pytest.raises(BadArgumentError) as caught:
        check({"value": value})
    assert str(value) not in str(caught.value)


def test_sum_that_was_clipped() -> None:
    """A sum may be one past the largest integer that is kept, so that a comparison comes out right."""
    check({"after": LARGEST + 1, "before": -LARGEST - 1, "text": "\U0001f600", "none": None, "bytes": b"\xff"})
    with pytest.raises(BadArgumentError, match="54 bits"):
        fit("links", {"uses": LARGEST + 1})
