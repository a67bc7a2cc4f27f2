"""Only a whole file of ours is opened; anything else is ConfigurationError, and stays as it was."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from pathlib import Path

import pytest

from magiclink.errors import ConfigurationError
from magiclink.stores.sqlite import SQLiteStore, schema

ORDERS = {
    "links": ("audience", "link_id"),
    "subjects": ("audience", "subject"),
    "lookups": ("period", "key", "link_id"),
    "notes": ("audience", "link_id", "kind", "hour"),
    "limits": ("ends_at", "limit_key", "span"),
    "settlements": ("audience", "resource"),
    "closings": ("audience", "link_id", "redeemed_at"),
    "waits": ("audience", "link_id", "nonce"),
    "meta": ("name",),
}

OLD = Path(__file__).with_name("version_1.sql")
"""What the store of schema version 1 made, without a link."""


def change(path: Path, *statements: str) -> None:
    """Change a file behind the store's back."""
    with closing(sqlite3.connect(path, isolation_level=None)) as db:
        for statement in statements:
            db.execute(statement)


@pytest.fixture
def path(tmp_path: Path) -> Path:
    """Return a file of ours, closed."""
    SQLiteStore(tmp_path / "links.db").close()
    return tmp_path / "links.db"


def refused(path: Path, why: str) -> None:
    """See that the file isn't opened, and says why."""
    with pytest.raises(ConfigurationError, match=why) as raised:
        SQLiteStore(path)
    assert str(path) in str(raised.value)


def test_opened_again(path: Path) -> None:
    """A file of ours opens again."""
    SQLiteStore(path).close()


def test_empty_file(tmp_path: Path) -> None:
    """A file that was made and left empty is as good as none."""
    path = tmp_path / "links.db"
    path.touch()
    store = SQLiteStore(path)
    store.check()
    store.close()


def test_no_database(tmp_path: Path) -> None:
    """A file that holds something else is refused, and not written to."""
    path = tmp_path / "links.db"
    path.write_text("Dear customer, " * 100)
    refused(path, "not a database")
    assert path.read_text() == "Dear customer, " * 100


def test_other_application(tmp_path: Path) -> None:
    """A database with tables of another application is refused, and stays byte for byte as it was."""
    path = tmp_path / "links.db"
    change(path, "CREATE TABLE links (id)")
    before = path.read_bytes()
    refused(path, "another application")
    assert path.read_bytes() == before


def test_other_application_id(path: Path) -> None:
    """A database that bears another application's id is refused, whatever its tables."""
    change(path, "PRAGMA application_id = 7")
    refused(path, "another application")


def test_older_schema(tmp_path: Path) -> None:
    """A file that an older library has made is refused with the way out, and stays byte for byte as it was."""
    path = tmp_path / "links.db"
    with closing(sqlite3.connect(path)) as db:
        db.executescript(OLD.read_text(encoding="utf-8"))
    before = path.read_bytes()
    refused(path, "the tables have version 1.* reads 2 and migrates nothing: move the file away, .* issue .* anew")
    assert path.read_bytes() == before


def test_newer_schema(path: Path) -> None:
    """A file that a newer library has made is refused, whatever else it has."""
    change(path, "UPDATE meta SET value = 3", "DROP TABLE waits")
    refused(path, "version 3, this library reads 2: a newer library has made it, install that one")


@pytest.mark.parametrize("statement", ["DELETE FROM meta", "DROP TABLE meta"])
def test_no_version(path: Path, statement: str) -> None:
    """A file of ours without a version is refused."""
    change(path, statement)
    refused(path, "version None")


@pytest.mark.parametrize("table", [table for table in schema.TABLES if table != "meta"])
def test_missing_table(path: Path, table: str) -> None:
    """E26: a missing table is found when the file is opened, not at the first click."""
    change(path, f"DROP TABLE {table}")
    refused(path, f"table {table} is missing")


def test_missing_column(path: Path) -> None:
    """E26: a missing column is found when the file is opened, not at the first click."""
    change(path, "ALTER TABLE links DROP COLUMN superseded_at")
    refused(path, "table links is missing or differs")


def test_folding_collation(path: Path) -> None:
    """E25: a column that compares without case is refused."""
    folding = schema.TABLES["subjects"].replace('"subject" TEXT NOT NULL', '"subject" TEXT COLLATE NOCASE NOT NULL')
    change(path, "DROP TABLE subjects", folding)
    refused(path, "table subjects is missing or differs")


def test_old_sqlite() -> None:
    """A SQLite without STRICT tables is refused in words, not by a syntax error."""
    with pytest.raises(ConfigurationError, match=r"3\.34\.1 is too old"):
        schema.require_sqlite((3, 34, 1))


@pytest.mark.parametrize("table", schema.TABLES)
def test_order_of_a_key(table: str) -> None:
    """The columns of a key are in this order: windows that end first and links that expire first stand first."""
    with closing(sqlite3.connect(":memory:")) as db:
        schema.prepare(db)
        found = db.execute(f"SELECT name FROM pragma_table_info('{table}') WHERE pk > 0 ORDER BY pk").fetchall()
    assert tuple(name for (name,) in found) == ORDERS[table]


def test_columns_of_a_record() -> None:
    """The columns of `links` are the fields of a record, in their order."""
    from magiclink.records import Record

    with closing(sqlite3.connect(":memory:")) as db:
        schema.prepare(db)
        columns = db.execute("SELECT name FROM pragma_table_info('links')").fetchall()
    assert tuple(name for (name,) in columns) == Record._fields
