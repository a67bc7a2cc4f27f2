"""The file of the SQLite store: who may read it, what can't be opened, and what trouble becomes."""

from __future__ import annotations

import os
import sqlite3
import stat
from contextlib import closing
from datetime import timedelta
from typing import TYPE_CHECKING, Any

import pytest

from magiclink.errors import BadArgumentError, ConfigurationError, StoreError
from magiclink.stores.sqlite.connections import Database

if TYPE_CHECKING:
    from pathlib import Path

AT_ONCE = timedelta(milliseconds=20)
MAKE = "INSERT INTO limits VALUES (1, ?, 1, 1)"
COUNT = "SELECT count(*) FROM limits"


def test_modes(tmp_path: Path) -> None:
    """The file, its log and its index are their owner's only, whatever the umask."""
    umask = os.umask(0)
    try:
        file = Database(tmp_path / "links.db", timeout=AT_ONCE)
        file.run(MAKE, (b"a",))
    finally:
        os.umask(umask)
    modes = {path.name: stat.S_IMODE(path.stat().st_mode) for path in tmp_path.iterdir()}
    file.close()
    assert modes == {"links.db": 0o600, "links.db-wal": 0o600, "links.db-shm": 0o600}


def test_durability(file: Database) -> None:
    """Every connection writes ahead and waits until the disk has it."""
    assert file.read("PRAGMA journal_mode", ()) == [("wal",)]
    assert file.read("PRAGMA synchronous", ()) == file.run("PRAGMA synchronous", ()) == [(2,)]


def test_freed_pages(file: Database) -> None:
    """However SQLite was built, purging doesn't write freed pages again."""
    assert file.run("PRAGMA secure_delete", ()) == [(2,)]


@pytest.mark.parametrize(
    "path", ["", ":memory:", "file:links.db", "file:///links.db?mode=memory", b"links.db", None, 7]
)
def test_path_of_no_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, path: object) -> None:
    """What isn't the path of a file is ConfigurationError, and nothing is made."""
    monkeypatch.chdir(tmp_path)
    with pytest.raises(ConfigurationError, match="path of a file"):
        Database(path, timeout=AT_ONCE)  # type: ignore[arg-type]
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("name", ["missing/links.db", "nul\0.db", "\ud800.db", "a" * 300])
def test_path_that_cannot_be_made(tmp_path: Path, name: str) -> None:
    """A missing folder, or a name that the system refuses, is ConfigurationError."""
    with pytest.raises(ConfigurationError, match="can't be made"):
        Database(str(tmp_path / name), timeout=AT_ONCE)


def test_folder_for_a_file(tmp_path: Path) -> None:
    """A folder is no database."""
    with pytest.raises(ConfigurationError, match="unable to open"):
        Database(tmp_path, timeout=AT_ONCE)


def test_odd_names(tmp_path: Path) -> None:
    """What a URI would take for a query, a fragment or an escape is part of the name."""
    path = tmp_path / "a?mode=memory&b#c%41 d.db"
    Database(path, timeout=AT_ONCE).close()
    assert list(tmp_path.iterdir()) == [path]


@pytest.mark.parametrize("timeout", [timedelta(microseconds=-1), timedelta(hours=1, microseconds=1), timedelta.max, 5])
def test_timeout_that_can_not_be(tmp_path: Path, timeout: Any) -> None:
    """A timeout below nothing or above an hour, or one that is no timedelta, is ConfigurationError."""
    with pytest.raises(ConfigurationError, match="timeout: wanted a timedelta from 0 to 1 hour, got"):
        Database(tmp_path / "links.db", timeout=timeout)


def test_locked_when_opened(tmp_path: Path) -> None:
    """A file that another process keeps locked is ConfigurationError when opened, once the wait is over."""
    path = tmp_path / "links.db"
    Database(path, timeout=AT_ONCE).close()
    with closing(sqlite3.connect(path, isolation_level=None)) as other:
        other.execute("BEGIN IMMEDIATE")
        with pytest.raises(ConfigurationError, match="locked"):
            Database(path, timeout=AT_ONCE)


def test_locked_before_the_log(tmp_path: Path) -> None:
    """Where the log can't be switched on because others read, opening tries until its wait is over."""
    path = tmp_path / "links.db"
    Database(path, timeout=AT_ONCE).close()
    with closing(sqlite3.connect(path, isolation_level=None)) as other:
        other.execute("PRAGMA journal_mode = DELETE")
        other.execute("BEGIN")
        other.execute(COUNT).fetchall()
        with pytest.raises(ConfigurationError, match="locked"):
            Database(path, timeout=AT_ONCE)


def test_log_without_waiting(file: Database, tmp_path: Path) -> None:
    """Where SQLite answers `locked` at once, as it does to two that open a fresh file, the switch is tried again."""
    path, tries = tmp_path / "links.db", []
    with (
        closing(sqlite3.connect(path, isolation_level=None, timeout=0)) as db,
        closing(sqlite3.connect(path, isolation_level=None)) as other,
    ):
        db.execute("PRAGMA journal_mode = DELETE")
        other.execute("BEGIN")
        other.execute(COUNT).fetchall()

        def end_at_the_second(statement: str) -> None:
            tries.append(statement)
            if len(tries) == 2:
                other.rollback()

        db.set_trace_callback(end_at_the_second)
        file._write_ahead(db)
        assert db.execute("PRAGMA journal_mode").fetchall() == [("wal",)]
    assert len(tries) == 3


def test_nothing_open_before_the_first_use(tmp_path: Path) -> None:
    """A file that was only opened and checked leaves no connection, no log and no index."""
    Database(tmp_path / "links.db", timeout=AT_ONCE)
    assert [path.name for path in tmp_path.iterdir()] == ["links.db"]


def test_transaction_that_fails(file: Database) -> None:
    """What a failed transaction had begun is undone, the lock is free again, and the trouble is StoreError."""

    def fail() -> None:
        with file.transaction() as db:
            db.execute(MAKE, (b"a",))
            db.execute("SELECT * FROM absent")

    with pytest.raises(StoreError, match="no such table") as raised:
        fail()
    assert isinstance(raised.value.__cause__, sqlite3.Error)
    file.run(MAKE, (b"b",))
    assert file.read("SELECT limit_key FROM limits", ()) == [(b"b",)]


def test_exception_of_the_caller(file: Database) -> None:
    """An exception that isn't SQLite's passes as it is, and undoes the transaction, though a cursor is held on to."""
    cursors = []

    def fail() -> None:
        with file.transaction() as db:
            db.execute(MAKE, (b"a",))
            cursors.append(db.execute("SELECT 1 UNION SELECT 2"))
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        fail()
    file.run(MAKE, (b"b",))
    assert file.read(COUNT, ()) == [(1,)]


def test_connection_that_breaks(file: Database) -> None:
    """A connection that can't even roll back is replaced."""
    with pytest.raises(StoreError, match="closed"), file.transaction() as db:
        db.close()
    file.run(MAKE, (b"a",))
    assert file.read(COUNT, ()) == [(1,)]


def test_rolled_back_by_the_caller(file: Database) -> None:
    """A transaction that the caller rolls back writes nothing and is no error."""
    with file.transaction() as db:
        db.execute(MAKE, (b"a",))
        db.rollback()
    assert file.read(COUNT, ()) == [(0,)]


@pytest.mark.parametrize("value", [2**63, -(2**63) - 1])
def test_integer_past_63_bits(file: Database, value: int) -> None:
    """An integer that SQLite can't hold is BadArgumentError, in writes and in reads, and isn't repeated."""
    for call in (file.run, file.read):
        with pytest.raises(BadArgumentError, match="53 bits") as raised:
            call("SELECT ?", (value,))
        assert str(value) not in str(raised.value)


def test_text_that_is_not_utf8(file: Database) -> None:
    """A lone surrogate is BadArgumentError, and neither the error nor its cause repeats the text."""
    with pytest.raises(BadArgumentError, match="UTF-8") as raised:
        file.read("SELECT ?", ("secret\ud800",))
    assert raised.value.__cause__ is None
    assert raised.value.__suppress_context__


def test_file_that_vanishes(tmp_path: Path) -> None:
    """A file that is gone is StoreError for writes and for reads: it isn't made anew, which would forget every use."""
    file = Database(tmp_path / "links.db", timeout=AT_ONCE)
    (tmp_path / "links.db").unlink()
    for _ in range(2):
        with pytest.raises(StoreError, match="unable to open"):
            file.run(MAKE, (b"a",))
        with pytest.raises(StoreError, match="unable to open"):
            file.read(COUNT, ())
    assert list(tmp_path.iterdir()) == []


def test_file_that_becomes_something_else(tmp_path: Path) -> None:
    """A file that is no database any more is StoreError, and a call later finds it mended."""
    path = tmp_path / "links.db"
    file = Database(path, timeout=AT_ONCE)
    whole = path.read_bytes()
    path.write_text("Dear customer, " * 1000)
    with pytest.raises(StoreError, match="not a database"):
        file.run(MAKE, (b"a",))
    path.write_bytes(whole)
    file.run(MAKE, (b"a",))
    file.close()
