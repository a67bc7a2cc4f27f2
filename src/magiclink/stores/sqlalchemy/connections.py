"""The app's engine, as the SQLAlchemy store uses it: transactions of its own, and a database's trouble in our words.

It knows no record and no rule. Nothing is set on the app's engine, its pool or its events. What an error of SQLAlchemy
says stays here: it may hold the values of a statement.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Literal, TypeVar

from sqlalchemy import Engine, exc, false, select, update
from sqlalchemy.pool import SingletonThreadPool, StaticPool

from ...errors import BadArgumentError, ConfigurationError, StoreError
from .schema import MYSQL, VERSION, meta, metadata, unless_there

if TYPE_CHECKING:
    from collections.abc import Callable

    from sqlalchemy import Connection

    Trouble = type[ConfigurationError | StoreError]

T = TypeVar("T")

KNOWN = frozenset({"sqlite", "postgresql"}) | MYSQL
"""The databases whose locks this store knows."""

RETRIES = 3
"""How often a transaction is run again that the database has undone for another one's sake."""

_UNDONE = frozenset({"40001", "40P01", "1020", "1205", "1213"})
"""Serialization failure and deadlock: SQLSTATE on PostgreSQL, numbers of errors on MariaDB and MySQL."""

_CODE = re.compile("[0-9][0-9A-Z]{3,4}|SQLITE_[A-Z_]+")

_ISOLATION: Literal["READ COMMITTED"] = "READ COMMITTED"


class AppEngine:
    """An engine of the app's, fit for the store. Raises ConfigurationError where it isn't."""

    def __init__(self, engine: Engine, *, create: bool) -> None:
        self._closed = self._isolates = False
        self._engine = _fitting(engine)
        self._locks_file = engine.dialect.name == "sqlite"
        # Under REPEATABLE READ, what is read after waiting for a lock is as old as the transaction's first read.
        self._isolates = not self._locks_file and self.prove(_isolation, writes=False) != _ISOLATION
        if create:
            self._create()

    def write(self, work: Callable[[Connection], T]) -> T:
        """Run one transaction and give what it gives; again, where another one stood in its way. Raises StoreError."""
        return self._run(work, StoreError, writes=True)

    def read(self, work: Callable[[Connection], T]) -> T:
        """Run one transaction that only reads. Raises StoreError."""
        return self._run(work, StoreError, writes=False)

    def prove(self, work: Callable[[Connection], T], *, writes: bool = True) -> T:
        """Run one transaction that proves something, on a connection of its own. Raises ConfigurationError."""
        return self._run(work, ConfigurationError, writes=writes)

    def close(self, *, dispose: bool) -> None:
        """Take no more calls, and close the pool if it's to be disposed of."""
        self._closed = True
        if dispose:
            self._engine.dispose()

    def _run(self, work: Callable[[Connection], T], trouble: Trouble, *, writes: bool, left: int = RETRIES) -> T:
        if self._closed:
            raise StoreError("the store is closed")
        try:
            with self._engine.connect() as db:
                if self._isolates:
                    # Until the connection goes back. Options of an engine are set in no order over those of the app's.
                    db.execution_options(isolation_level=_ISOLATION)
                if trouble is ConfigurationError:
                    # A server that builds its store and then forks would share what went back to the pool.
                    db.detach()
                return self._transact(db, work, writes=writes)
        except exc.SQLAlchemyError as error:
            if not left or not _codes(error) & _UNDONE:
                raise _told(error, trouble) from None
        return self._run(work, trouble, writes=writes, left=left - 1)

    def _transact(self, db: Connection, work: Callable[[Connection], T], *, writes: bool) -> T:
        if writes and self._locks_file:
            # A write that changes nothing takes SQLite's write lock before anything is read, whatever the driver and
            # the app's events make of BEGIN: of two that read first and write then, one is refused.
            db.execute(update(meta).where(false()).values(value=0))
        given = work(db)
        db.commit()
        return given

    def _create(self, left: int = RETRIES) -> None:
        """Make the tables that are missing. Another process may be making the same ones: then it's tried again."""
        try:
            self.prove(metadata.create_all, writes=False)
        except ConfigurationError:
            if not left:
                raise
            self._create(left - 1)


def see_tables(db: Connection) -> None:
    """See that every table and column is there. Raises ConfigurationError."""
    for table in metadata.sorted_tables:
        try:
            db.execute(select(table).limit(0)).all()
        except exc.SQLAlchemyError:
            told = "is missing, lacks a column or can't be read: run the app's migrations, or give create=True"
            raise ConfigurationError(f"the table {table.name} {told}") from None


def see_version(db: Connection) -> None:
    """See that the tables are of this version; new tables are from now on. Raises ConfigurationError."""
    db.execute(unless_there(meta, db.dialect).values(name="version", value=VERSION))
    version = db.scalars(select(meta.c.value).where(meta.c.name == "version")).one()
    if version != VERSION:
        raise ConfigurationError(f"the tables have version {version}, this library reads {VERSION}")


def _fitting(engine: object) -> Engine:
    if not isinstance(engine, Engine):
        raise ConfigurationError("engine: a sqlalchemy.Engine, made by create_engine")
    if engine.dialect.name not in KNOWN:
        raise ConfigurationError(f"of {engine.dialect.name} it isn't known how it locks; known: {sorted(KNOWN)}")
    if isinstance(engine.pool, StaticPool | SingletonThreadPool):
        raise ConfigurationError("a database in memory isn't shared by threads: take a file, or MemoryStore")
    return engine


def _isolation(db: Connection) -> str:
    return db.get_isolation_level()


def _codes(error: exc.SQLAlchemyError) -> set[str]:
    cause = getattr(error, "orig", None)
    told = [getattr(cause, name, None) for name in ("sqlstate", "pgcode", "sqlite_errorname")]
    return {str(code) for code in (*told, *getattr(cause, "args", ())[:1]) if _CODE.fullmatch(str(code))}


def _told(error: exc.SQLAlchemyError, trouble: Trouble) -> BadArgumentError | ConfigurationError | StoreError:
    """Tell what happened by names and codes; in the words of a driver there are values."""
    cause = getattr(error, "orig", None)
    if isinstance(cause, BadArgumentError):
        return BadArgumentError(str(cause))
    return trouble(" ".join(["the database failed:", type(cause or error).__name__, *sorted(_codes(error))]))
