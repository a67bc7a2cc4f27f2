"""The tables of SQLite and PostgreSQL, said once: the columns of a record, keys that exist, and versions refused."""

from __future__ import annotations

from typing import get_args, get_type_hints

import pytest

from magiclink.errors import ConfigurationError
from magiclink.records import Record
from magiclink.stores.tables import COLUMNS, KEYS, VERSION, Column, read_columns, require_version


def test_columns_of_a_record() -> None:
    """The columns of `links` are the fields of a record, in their order and of their kinds; the store numbers it."""
    kinds = {str: "text", bytes: "bytes", int: "integer"}
    hints = {name: {hint, *get_args(hint)} for name, hint in get_type_hints(Record).items()}
    numbered = {"number", "generation"}
    expected = {
        name: Column(next(kinds[each] for each in hint if each in kinds), type(None) not in hint or name in numbered)
        for name, hint in hints.items()
    }
    assert list(COLUMNS["links"].items()) == list(expected.items())


def test_keys() -> None:
    """Each table has a key, of columns that are never null."""
    assert KEYS.keys() == COLUMNS.keys()
    assert all(COLUMNS[table][column].is_required for table, key in KEYS.items() for column in key)


def test_column() -> None:
    """A kind with a question mark may be null."""
    assert read_columns("a text, b bytes?") == {"a": Column("text", True), "b": Column("bytes", False)}


def test_this_version() -> None:
    """Tables of this version pass."""
    require_version(VERSION, "move it away")


@pytest.mark.parametrize(
    ("found", "message"),
    [
        (1, "version 1, this library reads 2 and migrates nothing: move it away, and issue the links anew"),
        (None, "version None, this library reads 2 and migrates nothing: move it away, and issue the links anew"),
        (3, "version 3, this library reads 2: a newer library has made it, install that one"),
    ],
)
def test_other_version(found: int | None, message: str) -> None:
    """Tables of another version are refused with what was found, what is wanted, and the way out."""
    with pytest.raises(ConfigurationError) as raised:
        require_version(found, "move it away")
    assert str(raised.value) == f"the tables have {message}"
