"""The tables hold what a record holds, in the database's own types, and compare text by its bytes."""

from __future__ import annotations

from typing import TYPE_CHECKING

from sqlalchemy.dialects import mysql, postgresql, sqlite
from sqlalchemy.schema import CreateTable

from magiclink.stores.sql.schema import TABLES
from magiclink.stores.sqlalchemy import metadata
from magiclink.stores.sqlalchemy.schema import Text

if TYPE_CHECKING:
    from sqlalchemy import Dialect


def compile_for(dialect: Dialect) -> str:
    """Return the statement that makes the table of links."""
    return str(CreateTable(metadata.tables["magiclink_links"]).compile(dialect=dialect))


def test_every_table_is_published() -> None:
    """`metadata` has every table, and each name begins with the library's."""
    assert set(metadata.tables) == {f"magiclink_{name}" for name in (*TABLES, "meta")}


def test_text_on_mysql() -> None:
    """E25: MariaDB and MySQL are told to compare bytes and to pad nothing, in a table with transactions."""
    for is_mariadb, collation in ((True, "utf8mb4_nopad_bin"), (False, "utf8mb4_0900_bin")):
        dialect = mysql.dialect(is_mariadb=is_mariadb)
        statement = compile_for(dialect)
        assert f"subject VARCHAR(255) COLLATE {collation} NOT NULL" in statement
        assert f"id VARCHAR(52) COLLATE {collation} NOT NULL" in statement
        assert "ENGINE=InnoDB" in statement


def test_text_on_postgresql() -> None:
    """E25: PostgreSQL compares text by its bytes, whatever the collation of the database."""
    statement = compile_for(postgresql.dialect())  # type: ignore[no-untyped-call]
    assert 'subject VARCHAR(255) COLLATE "C" NOT NULL' in statement


def test_text_on_sqlite() -> None:
    """SQLite compares text by its bytes unless it's told otherwise, and keeps links in the order of their keys."""
    statement = compile_for(sqlite.dialect())
    assert "subject VARCHAR(255) NOT NULL" in statement
    assert "WITHOUT ROWID" in statement


def test_shown_as_it_is_written() -> None:
    """A type is shown as a migration must write it, with its size."""
    assert eval(repr(Text(32)), {"Text": Text}).size == 32
