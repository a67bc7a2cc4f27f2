"""The SQLite keeper's file: opening it, lending its connections, and turning SQLite's trouble into ours.

The only room that imports `sqlite3`. It knows no record and no rule. One connection writes, a few read, so that no read
waits for a writer's fsync; each is lent to one thread at a time. None may stay open across a fork: SQLite keeps one
table of locks per process, a forked child would believe that it holds its parent's, and what it wrote would be lost.
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
from typing import TYPE_CHECKING, Any

from ..errors import BadArgumentError, ConfigurationError, StoreError
from . import sqlite_schema

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    Slots = SimpleQueue[sqlite3.Connection | None]
    Parameters = Mapping[str, object] | Sequence[object]
    Rows = list[tuple[Any, ...]]

READERS = 8
"""How many connections read at once, at most."""

LONGEST_WAIT = timedelta(hours=1)
"""The longest `busy_timeout`."""

_RETRY = 0.01
"""Seconds between tries where SQLite answers `locked` without waiting."""


class DatabaseFile:
    """One SQLite file of ours, opened and proved when it is built. Raises ConfigurationError where it can't be."""

    def __init__(self, path: str | os.PathLike[str], *, busy_timeout: timedelta) -> None:
        sqlite_schema.require(sqlite3.sqlite_version_info)
        if not timedelta(0) <= busy_timeout <= LONGEST_WAIT:
            raise ConfigurationError("busy_timeout must lie between nothing and an hour")
        self._uri = _uri(path)
        self._patience = busy_timeout.total_seconds()
        self._closed = False
        self._refill()
        _FILES.add(self)
        with self._writing(ConfigurationError) as db:
            self._prepare(db)
        # Nothing stays open until the first use: a server that builds the store and then forks forks nothing of it.
        self._refill(self._drained())

    @contextmanager
    def transaction(self, trouble: type[ConfigurationError | StoreError] = StoreError) -> Iterator[sqlite3.Connection]:
        """Lend the writer, inside a transaction that is committed at the end unless the caller has rolled it back."""
        with self._writing(trouble) as db:
            db.execute("BEGIN IMMEDIATE")
            yield db
            db.commit()

    def change(self, statement: str, parameters: Parameters) -> Rows:
        """Run one statement that writes, as its own transaction, and give every row that it returns."""
        with self._writing(StoreError) as db:
            # A statement that returns rows is committed by reading the last of them.
            return db.execute(statement, parameters).fetchall()

    def read(self, statement: str, parameters: Parameters) -> Rows:
        """Run one statement that reads, and give its rows."""
        with self._lent(self._readers, StoreError) as db:
            return db.execute(statement, parameters).fetchall()

    def close(self) -> None:
        """Close every connection; the next call raises StoreError."""
        self._closed = True
        self._refill(self._drained())

    def pause(self) -> None:
        """Close every connection and lend none until `resume`; called before a fork."""
        self._kept_back = self._drained()

    def resume(self) -> None:
        """Lend again; called after a fork, in the parent."""
        self._refill_from(self._kept_back)

    @contextmanager
    def _lent(self, slots: Slots, trouble: type[Exception]) -> Iterator[sqlite3.Connection]:
        pass
