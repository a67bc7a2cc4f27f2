"""The SQLite store's connections: opening the file, lending connections, and turning SQLite's errors into ours.

The only module that imports `sqlite3`. It knows no record and no rule. One connection writes and a few read, each lent
to one thread at a time: writers queue here rather than in SQLite, and no read waits for a writer's fsync.

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
from pathlib import Path
from queue import Empty, SimpleQueue
from threading import Lock
from typing import TYPE_CHECKING, Any

from ...errors import BadArgumentError, ConfigurationError, StoreError
from ..bindings import UNFIT, require_timeout
from . import schema

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence
    from datetime import timedelta

    Values = Mapping[str, object] | Sequence[object]
    Rows = list[tuple[Any, ...]]
    Trouble = type[ConfigurationError | StoreError]

READERS = 8
"""How many connections read at once, at most."""

_RETRY = 0.01
"""Seconds between two tries where SQLite answers `locked` at once."""


class Database:
    """One SQLite file of ours, made where it is missing, and checked. Raises ConfigurationError."""

    def __init__(self, path: str | os.PathLike[str], *, timeout: timedelta) -> None:
        schema.require_sqlite(sqlite3.sqlite_version_info)
        require_timeout(timeout)
        self._timeout = timeout.total_seconds()
        self._uri = _make_file(path)
        self.closed: bool = False
        self._begin()
        with _FORKING:
            _DATABASES.add(self)
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

    def run(self, statement: str, values: Values) -> Rows:
        """Run one statement that writes, as a transaction of its own, and return its rows."""
        self._check()
        with _Loan(self, self._writer, StoreError) as db:
            # All rows are fetched: a statement that returns some is committed by reading past the last.
            return db.execute(statement, values).fetchall()

    def read(self, statement: str, values: Values) -> Rows:
        """Run one statement that only reads, and return its rows."""
        self._check()
        with _Loan(self, self._readers, StoreError) as db:
            return db.execute(statement, values).fetchall()

    def close(self) -> None:
        """Close every connection; a later call is StoreError."""
        self.closed = True
        self.pause()
        self.resume()

    def pause(self) -> None:
        """Close every connection that comes back in time, and lend none until `resume`."""
        self._pausing.acquire()
        for db in (*self._writer.drain(), *self._readers.drain()):
            self.discard(db)

    def resume(self) -> None:
        """Lend again."""
        self._writer.refill()
        self._readers.refill()
        self._pausing.release()

    def adopt(self) -> None:
        """Begin anew in a forked child, unless a connection was open during the fork: then every call is refused."""
        if self._opened:
            # Not even closed: SQLite would write back, from this process, what its parent has since replaced.
            _INHERITED.append(self._opened)
        else:
            self._begin()

    def connect(self) -> sqlite3.Connection:
        """Open a connection. Raises SQLite's own errors."""
        db = sqlite3.connect(self._uri, uri=True, timeout=self._timeout, isolation_level=None, check_same_thread=False)
        self._opened.add(db)
        try:
            db.execute("PRAGMA synchronous = FULL")
            # Some builds of SQLite write freed pages once more, as zeros: a purge would write three times as much.
            db.execute("PRAGMA secure_delete = FAST").fetchall()
        except sqlite3.Error:
            self.discard(db)
            raise
        return db

    def discard(self, db: sqlite3.Connection) -> None:
        """Undo what a connection has begun, and close it."""
        with suppress(sqlite3.Error):
            db.rollback()
        db.close()
        self._opened.discard(db)

    def _begin(self) -> None:
        self._pausing = Lock()
        self._opened: set[sqlite3.Connection] = set()
        self._writer = _Pool(1, self._timeout)
        self._readers = _Pool(READERS, self._timeout)
        self._process = os.getpid()

    def _check(self) -> None:
        if self.closed:
            raise StoreError("the store is closed: open a new one")
        if os.getpid() != self._process:
            self.adopt()
            if self._opened:
                raise StoreError("a connection to the SQLite file was open at the fork: open a new store in the child")

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
    """One connection, lent for the length of a `with`. After any error it is closed; the next loan opens another."""

    __slots__ = ("_database", "_db", "_pool", "_trouble")

    def __init__(self, database: Database, pool: _Pool, trouble: Trouble) -> None:
        self._database, self._pool, self._trouble = database, pool, trouble

    def __enter__(self) -> sqlite3.Connection:
        try:
            self._db = self._pool.acquire(self._database.connect)
        except sqlite3.Error as error:
            raise self._trouble(f"SQLite: {_describe(error)}") from error
        return self._db

    def __exit__(self, kind: object, error: BaseException | None, trace: object) -> None:
        if error is None and not self._database.closed:
            self._pool.release(self._db)
            return
        self._database.discard(self._db)
        self._pool.release(None)
        if isinstance(error, sqlite3.Error):
            raise self._trouble(f"SQLite: {_describe(error)}") from error
        if isinstance(error, OverflowError | UnicodeError):
            raise BadArgumentError(UNFIT) from None


class _Pool:
    """A fixed number of slots, each with an open connection or with none yet."""

    def __init__(self, size: int, timeout: float) -> None:
        self._timeout = timeout
        self._free: SimpleQueue[sqlite3.Connection | None] = SimpleQueue()
        self._size = self._drained = size
        self.refill()

    def acquire(self, connect: Callable[[], sqlite3.Connection]) -> sqlite3.Connection:
        """Return the connection of a free slot, opened where it has none yet."""
        db = self._take_slot()
        try:
            return db or connect()
        except BaseException:
            self.release(None)
            raise

    def release(self, db: sqlite3.Connection | None) -> None:
        """Free a slot, with the connection that it keeps."""
        self._free.put(db)

    def drain(self) -> list[sqlite3.Connection]:
        """Keep every slot that becomes free in time, and return the connections in them."""
        found = []
        with suppress(StoreError):
            while self._drained < self._size:
                found.append(self._take_slot())
                self._drained += 1
        return [db for db in found if db is not None]

    def refill(self) -> None:
        """Free every slot that `drain` has kept, without a connection."""
        for _ in range(self._drained):
            self.release(None)
        self._drained = 0

    def _take_slot(self) -> sqlite3.Connection | None:
        try:
            return self._free.get(timeout=self._timeout)
        except Empty:
            seconds = f"{self._timeout:g} s"
            raise StoreError(f"other threads kept the SQLite file busy for {seconds}: raise its `timeout`") from None


def _make_file(path: str | os.PathLike[str]) -> str:
    """Make the file where it is missing, readable by its owner only, and return the URI that opens it."""
    with suppress(TypeError):
        path = os.fspath(path)
    if not isinstance(path, str) or path in {"", ":memory:"} or path.startswith("file:"):
        found = repr(path) if isinstance(path, str) else f"a {type(path).__name__}"
        raise ConfigurationError(f"a SQLite store needs the path of a file, got {found}; MemoryStore needs none")
    try:
        # Made here and not by SQLite, which follows the umask; its log and index take over the file's mode.
        os.close(os.open(path, os.O_RDWR | os.O_CREAT | os.O_EXCL, 0o600))
    except FileExistsError:
        pass
    except (OSError, ValueError) as error:
        raise ConfigurationError(f"the database {path!r} can't be made: {_describe(error)}") from error
    return Path(path).absolute().as_uri() + "?mode=rw"


def _describe(error: Exception) -> str:
    return f"{error} ({getattr(error, 'sqlite_errorname', type(error).__name__)})"


_DATABASES: weakref.WeakSet[Database] = weakref.WeakSet()
_FORKING = Lock()
_PAUSED: list[Database] = []
_INHERITED: list[set[sqlite3.Connection]] = []


def _before_fork() -> None:
    _FORKING.acquire()
    _PAUSED.extend(_DATABASES)
    for database in _PAUSED:
        database.pause()


def _after_fork_in_parent() -> None:
    for database in _PAUSED:
        database.resume()
    _PAUSED.clear()
    _FORKING.release()


def _after_fork_in_child() -> None:
    for database in _DATABASES:
        database.adopt()
    _PAUSED.clear()
    _FORKING.release()


# A system that can't fork has no such call.
_register = getattr(os, "register_at_fork", dict)
_register(before=_before_fork, after_in_parent=_after_fork_in_parent, after_in_child=_after_fork_in_child)
