"""The tables hold what a record holds, in the database's own types, and refuse what these would cut."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
from sqlalchemy.dialects import mysql, postgresql, sqlite
from sqlalchemy.schema import CreateTable

from magiclink.errors import BadArgumentError
from magiclink.records import Record
from magiclink.stores.sqlalchemy import schema as tables
from magiclink.stores.sqlalchemy.schema import Bytes, Integer, Text

if TYPE_CHECKING:
    from sqlalchemy import Dialect

DIALECTS: dict[str, Dialect] = {
    "mysql": mysql.dialect(),
    "postgresql": postgresql.dialect(),  # type: ignore[no-untyped-call]
    "sqlite": sqlite.dialect(),
}


def made(name: str) -> str:
    """Return the statement that makes the table of links."""
    return str(CreateTable(tables.links).compile(dialect=DIALECTS[name]))


def test_columns_in_the_order_of_a_record() -> None:
    """A row of the table of links is a record."""
    assert tuple(tables.links.c.keys()) == Record._fields


def test_every_table_is_published() -> None:
    """`metadata` has every table, and each name begins with the library's."""
    names = {"links", "subjects", "names", "notes", "buckets", "meta"}
    assert set(tables.metadata.tables) == {f"magiclink_{name}" for name in names}


def test_text_on_mysql() -> None:
    """E25: MariaDB and MySQL keep text as bytes, as long as the library takes it, in a table with transactions."""
    statement = made("mysql")
    assert "subject VARBINARY(1020) NOT NULL" in statement
    assert "link_id VARBINARY(20) NOT NULL" in statement
    assert "ENGINE=InnoDB" in statement
    assert "CHAR(" not in statement


def test_text_on_postgresql() -> None:
    """E25: PostgreSQL compares text by its bytes, whatever the collation of the database."""
    assert 'subject VARCHAR COLLATE "C" NOT NULL' in made("postgresql")


def test_text_on_sqlite() -> None:
    """SQLite compares text by its bytes unless it's told otherwise, and keeps links in the order of their ids."""
    statement = made("sqlite")
    assert "subject TEXT NOT NULL" in statement
    assert "link_id BLOB NOT NULL" in statement
    assert "WITHOUT ROWID" in statement


@pytest.mark.parametrize("name", DIALECTS)
@pytest.mark.parametrize(
    ("kind", "value"),
    [
        (Text(4), "\ud800"),
        (Text(4), "a\0"),
        (Text(4), "äää"),
        (Bytes(4), b"12345"),
        (Integer(), 2**63),
        (Integer(), -(2**63)),
    ],
)
def test_value_that_does_not_fit(name: str, kind: Any, value: Any) -> None:
    """E25: what a column can't hold is BadArgumentError, whether or not the database is strict."""
    with pytest.raises(BadArgumentError):
        kind.process_bind_param(value, DIALECTS[name])


@pytest.mark.parametrize("name", DIALECTS)
@pytest.mark.parametrize(
    ("kind", "value"),
    [(Text(4), "ää"), (Text(4), ""), (Bytes(4), b"1234"), (Integer(), 2**63 - 1), (Integer(), 1 - 2**63)],
)
def test_value_that_fits(name: str, kind: Any, value: Any) -> None:
    """A value comes back from what it was bound to, and nothing stays nothing."""
    for each in (value, None):
        bound = kind.process_bind_param(each, DIALECTS[name])
        back = kind.process_result_value(bound, DIALECTS[name]) if isinstance(kind, Text) else bound
        assert back == each


@pytest.mark.parametrize("kind", [Text(32), Bytes(20), Integer()])
def test_shown_as_it_is_written(kind: Any) -> None:
    """A type is shown as a migration must write it, with its size."""
    again = eval(repr(kind), {"Text": Text, "Bytes": Bytes, "Integer": Integer})
    assert getattr(again, "size", None) == getattr(kind, "size", None)


def test_insert_unless_there() -> None:
    """Each database has its own words for an INSERT that leaves what is there, and none that hides other errors."""
    statements = {
        name: str(tables.unless_there(tables.meta, each).compile(dialect=each)) for name, each in DIALECTS.items()
    }
    assert "ON DUPLICATE KEY UPDATE name = magiclink_meta.name" in statements["mysql"]
    assert "IGNORE" not in statements["mysql"]
    assert all("ON CONFLICT DO NOTHING" in statements[name] for name in ("postgresql", "sqlite"))
