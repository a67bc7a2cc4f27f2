"""The SQLite store's file: opening it, lending its connections, and telling SQLite's trouble in our words.

The only room that imports `sqlite3`. It knows no record and no rule. One connection writes and a few read, each lent to
one thread at a time: writers queue here rather than in SQLite, and no read waits for a writer's fsync.

No connection may be open across a fork. SQLite keeps one table of file locks per process, so a forked child believes
that it holds its parent's; the parent then deletes the log that the child writes to, and what the child wrote is lost.
So every connection is closed before a fork, and a child that inherits one nevertheless is refused.
"""

from __future__ import annotations

import os
import sqlite3
import time
import weakref
from contextlib import contextmanager, suppress
from datetime import timedelta
from pathlib import Path
from queue import Empty, SimpleQueue
from threading import Lock
from typing import TYPE_CHECKING, Any

from ...errors import BadArgumentError, ConfigurationError, StoreError
from . import schema

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    Parameters = Mapping[str, object] | Sequence[object]
    Rows = list[tuple[Any, ...]]
    Trouble = type[ConfigurationError | StoreError]

READERS = 8
"""How many connections read at once, at most."""

LONGEST_WAIT = timedelta(hours=1)
"""The longest `timeout`."""

_RETRY = 0.01
"""Seconds between two tries where SQLite answers `locked` at once."""


class DatabaseFile:
    """One SQLite file of ours, made where it is missing, and proved. Raises ConfigurationError where it can't be."""

    def __init__(self, path: str | os.PathLike[str], *, timeout: timedelta) -> None:
        schema.require(sqlite3.sqlite_version_info)
        if not timedelta(0) <= timeout <= LONGEST_WAIT:
            raise ConfigurationError("timeout must lie between nothing and an hour")
        self._timeout = timeout.total_seconds()
        self._uri = _made(path)
        self.closed: bool = False
        self._begin()
        with _FORKING:
            _FILES.add(self)
        try:
            self._prepare()
        except ConfigurationError as error:
            raise ConfigurationError(f"the database {os.fspath(path)!r} can't be used: {error}") from error
        finally:
            # Nothing stays open until the first use: a server that builds its store and then forks shares nothing.
            self.pause()
            self.resume()

    @contextmanager
    def transaction(self, trouble: Trouble = StoreError) -> Iterator[sqlite3.Connection]:
        """Lend the writer inside a transaction, committed at the end unless the caller has rolled it back."""
        self._check()
        with _Loan(self, self._writer, trouble) as db:
            db.execute("BEGIN IMMEDIATE")
            yield db
            db.commit()

    def change(self, statement: str, parameters: Parameters) -> Rows:
        """Run one statement that writes, as a transaction of its own, and give the rows that it returns."""
        self._check()
        with _Loan(self, self._writer, StoreError) as db:
            # All rows are fetched: a statement that returns some is committed by reading past the last.
            return db.execute(statement, parameters).fetchall()

    def read(self, statement: str, parameters: Parameters) -> Rows:
        """Run one statement that only reads, and give its rows."""
        self._check()
        with _Loan(self, self._readers, StoreError) as db:
            return db.execute(statement, parameters).fetchall()

    def close(self) -> None:
        """Close every connection; a later call is StoreError."""
        self.closed = True
        self.pause()
        self.resume()

    def pause(self) -> None:
        """Close every connection that comes back in time, and lend none until `resume`."""
        self._turn.acquire()
        for db in (*self._writer.emptied(), *self._readers.emptied()):
            self.shut(db)

    def resume(self) -> None:
        """Lend again."""
        self._writer.fill()
        self._readers.fill()
        self._turn.release()

    def adopt(self) -> None:
        """Begin anew in a forked child, unless a connection was open during the fork: then every call is refused."""
        if self._opened:
            # Not even closed: SQLite would write back, from this process, what its parent has meanwhile gone beyond.
            _INHERITED.append(self._opened)
        else:
            self._begin()

    def connect(self) -> sqlite3.Connection:
        """Open a connection, for a place that has none. Raises SQLite's own errors."""
        wait = self._timeout
        db = sqlite3.connect(self._uri, uri=True, timeout=wait, isolation_level=None, check_same_thread=False)
        self._opened.add(db)
        try:
            db.execute("PRAGMA synchronous = FULL")
            # Some builds of SQLite write freed pages once more, as zeros: a purge would write three times as much.
            db.execute("PRAGMA secure_delete = FAST").fetchall()
        except sqlite3.Error:
            self.shut(db)
            raise
        return db

    def shut(self, db: sqlite3.Connection) -> None:
        """Close a connection, and undo what it had begun."""
        with suppress(sqlite3.Error):
            db.rollback()
        db.close()
        self._opened.discard(db)

    def _begin(self) -> None:
        self._turn = Lock()
        self._opened: set[sqlite3.Connection] = set()
        self._writer = _Places(1, self._timeout)
        self._readers = _Places(READERS, self._timeout)
        self._process = os.getpid()

    def _check(self) -> None:
        if self.closed:
            raise StoreError("the store is closed")
        if os.getpid() != self._process:
            self.adopt()
            if self._opened:
                raise StoreError("a connection to the SQLite file was open when the process forked")

    def _prepare(self) -> None:
        with _Loan(self, self._writer, ConfigurationError) as db:
            db.execute("BEGIN IMMEDIATE")
            if schema.prepare(db):
                db.commit()
            db.rollback()
            self._write_ahead(db)

    def _write_ahead(self, db: sqlite3.Connection) -> None:
        """Switch to the write-ahead log. SQLite doesn't wait here while another process opens the file: we do."""
        deadline = time.monotonic() + self._timeout
        while True:
            try:
                db.execute("PRAGMA journal_mode = WAL").fetchall()
            except sqlite3.OperationalError as error:
                if error.sqlite_errorcode != sqlite3.SQLITE_BUSY or time.monotonic() >= deadline:
                    raise
                time.sleep(_RETRY)
            else:
                return


class _Loan:
    """One connection, lent for the length of a `with`. After any trouble it is shut; the next loan opens another."""

    __slots__ = ("_db", "_file", "_places", "_trouble")

    def __init__(self, file: DatabaseFile, places: _Places, trouble: Trouble) -> None:
        self._file, self._places, self._trouble = file, places, trouble

    def __enter__(self) -> sqlite3.Connection:
        db = self._places.acquire()
        try:
            db = db or self._file.connect()
        except sqlite3.Error as error:
            raise self._trouble(f"SQLite: {_said(error)}") from error
        finally:
            if db is None:
                self._places.give(None)
        self._db = db
        return db

    def __exit__(self, kind: object, error: BaseException | None, trace: object) -> None:
        if error is None and not self._file.closed:
            self._places.give(self._db)
            return
        self._file.shut(self._db)
        self._places.give(None)
        if isinstance(error, sqlite3.Error):
            raise self._trouble(f"SQLite: {_said(error)}") from error
        if isinstance(error, OverflowError | UnicodeError):
            raise BadArgumentError("a value doesn't fit: integers have 63 bits, text is UTF-8") from None


class _Places:
    """A fixed number of places, each with an open connection or with none yet."""

    def __init__(self, number: int, timeout: float) -> None:
        self._timeout = timeout
        self._free: SimpleQueue[sqlite3.Connection | None] = SimpleQueue()
        self._number = number
        self._missing = number
        self.fill()

    def acquire(self) -> sqlite3.Connection | None:
        try:
            return self._free.get(timeout=self._timeout)
        except Empty:
            raise StoreError("other threads have kept the SQLite file busy for too long") from None

    def give(self, db: sqlite3.Connection | None) -> None:
        self._free.put(db)

    def emptied(self) -> list[sqlite3.Connection]:
        """Take every place that comes back in time, and give the connections in them."""
        taken = []
        with suppress(StoreError):
            while self._missing < self._number:
                taken.append(self.acquire())
                self._missing += 1
        return [db for db in taken if db is not None]

    def fill(self) -> None:
        """Put back, without a connection, every place that was taken by `emptied`."""
        for _ in range(self._missing):
            self.give(None)
        self._missing = 0


def _made(path: str | os.PathLike[str]) -> str:
    """Make the file where it is missing, readable by its owner only, and give the URI that opens it."""
    with suppress(TypeError):
        path = os.fspath(path)
    if not isinstance(path, str) or path in {"", ":memory:"} or path.startswith("file:"):
        raise ConfigurationError("a SQLite store needs the path of a file; in memory there is MemoryStore")
    try:
        # Made here and not by SQLite, which follows the umask; its log and index take over the file's mode.
        os.close(os.open(path, os.O_RDWR | os.O_CREAT | os.O_EXCL, 0o600))
    except FileExistsError:
        pass
    except (OSError, ValueError) as error:
        raise ConfigurationError(f"the database {path!r} can't be made: {_said(error)}") from error
    return Path(path).absolute().as_uri() + "?mode=rw"


def _said(error: Exception) -> str:
    return f"{error} ({getattr(error, 'sqlite_errorname', type(error).__name__)})"


_FILES: weakref.WeakSet[DatabaseFile] = weakref.WeakSet()
_FORKING = Lock()
_PAUSED: list[DatabaseFile] = []
_INHERITED: list[set[sqlite3.Connection]] = []


def _before_fork() -> None:
    _FORKING.acquire()
    _PAUSED.extend(_FILES)
    for file in _PAUSED:
        file.pause()


def _after_fork_in_parent() -> None:
    for file in _PAUSED:
        file.resume()
    _PAUSED.clear()
    _FORKING.release()


def _after_fork_in_child() -> None:
    for file in _FILES:
        file.adopt()
    _PAUSED.clear()
    _FORKING.release()


# A system that can't fork has no such call.
_register = getattr(os, "register_at_fork", dict)
_register(before=_before_fork, after_in_parent=_after_fork_in_parent, after_in_child=_after_fork_in_child)
