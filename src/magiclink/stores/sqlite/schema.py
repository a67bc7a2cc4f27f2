"""The tables of the SQLite store, and whether a file has them. No record is read or written here."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ...errors import ConfigurationError
from .. import tables

if TYPE_CHECKING:
    import sqlite3

APPLICATION_ID = 0x6D6C6E6B
"""`mlnk`, in the file's header: tells a file of ours from any other SQLite database."""

OLDEST_SQLITE = (3, 37)
"""The first SQLite with STRICT tables."""

COLUMNS = tables.COLUMNS | {
    # `last_link` is the highest link id that the subject ever had: the row goes when purging has passed it.
    "subjects": tables.COLUMNS["subjects"] | tables.read_columns("last_link bytes"),
    "lookups": tables.read_columns("period bytes, key bytes, link_id bytes"),
}
KEYS = tables.KEYS | {"lookups": ("period", "key", "link_id")}

_KINDS = {"text": "TEXT", "bytes": "BLOB", "integer": "INTEGER"}


def write_table(name: str) -> str:
    """Return the statement that makes a table, in the words by which SQLite remembers it."""
    lines = [f'"{column}" {_KINDS[kind]}{" NOT NULL" * required}' for column, (kind, required) in COLUMNS[name].items()]
    lines.append(f"PRIMARY KEY ({', '.join(KEYS[name])})")
    return f"CREATE TABLE {name} (\n    " + ",\n    ".join(lines) + "\n) STRICT, WITHOUT ROWID"


TABLES = {name: write_table(name) for name in COLUMNS}
"""Every table by its name, with the statement that makes it."""


def require_sqlite(version: tuple[int, ...]) -> None:
    """Raise ConfigurationError where SQLite is too old."""
    if version < OLDEST_SQLITE:
        found = ".".join(map(str, version))
        raise ConfigurationError(f"SQLite {found} is too old: use a Python with SQLite 3.37 or newer")


def prepare(db: sqlite3.Connection) -> bool:
    """Make the tables where the database is empty, in the caller's transaction, and return so; else check them."""
    is_empty = _read_identity(db) == 0 and not _read_tables(db)
    if is_empty:
        _make(db)
    check(db)
    return is_empty


def check(db: sqlite3.Connection) -> None:
    """Raise ConfigurationError unless the database is ours, of this version, and whole."""
    if _read_identity(db) != APPLICATION_ID:
        raise ConfigurationError("this is the database of another application: give the store a file of its own")
    found = _read_tables(db)
    tables.require_version(_read_version(db, found), "move the file away, so that a new one is made")
    # The whole text, not the columns alone: a collation that folds case would make two link ids one.
    for table, text in TABLES.items():
        if found.get(table) != text:
            raise ConfigurationError(
                f"its table {table} is missing or differs from what this library makes:"
                " restore the file, or move it away and issue the links anew"
            )


def _make(db: sqlite3.Connection) -> None:
    for text in TABLES.values():
        db.execute(text)
    db.execute("INSERT INTO meta VALUES ('version', ?)", (tables.VERSION,))
    db.execute(f"PRAGMA application_id = {APPLICATION_ID}")


def _read_identity(db: sqlite3.Connection) -> int:
    [(identity,)] = db.execute("PRAGMA application_id").fetchall()
    return int(identity)


def _read_tables(db: sqlite3.Connection) -> dict[str, str]:
    return dict(db.execute("SELECT name, sql FROM sqlite_schema WHERE type = 'table'").fetchall())


def _read_version(db: sqlite3.Connection, found: dict[str, str]) -> int | None:
    if "meta" not in found:
        return None
    row = db.execute("SELECT value FROM meta WHERE name = 'version'").fetchone()
    return row and int(row[0])
