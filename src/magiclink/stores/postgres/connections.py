"""The PostgreSQL store's connections: lending them, trying again, and turning PostgreSQL's errors into ours.

The only module that imports psycopg. It knows no record and no rule. A call is one autocommit statement, or one
transaction under READ COMMITTED whatever the server's default is. A statement that the default makes fail with 40001
(it waited for a row that changed), and a deadlock (40P01), are known to have written nothing: both are tried again, in
such a transaction, three times at most. Nothing else ever is: a lost connection leaves it unknown what was written.

Nothing of the session is used: no SET, no session lock, no temporary table, no LISTEN. A message of PostgreSQL's that
may quote a value (its DETAIL, and any text of the classes that quote them) goes into none of ours.
"""

from __future__ import annotations

import os
import struct
import weakref
from collections import deque
from contextlib import nullcontext, suppress
from threading import Semaphore
from typing import TYPE_CHECKING, Any, TypeVar

import psycopg
from psycopg import conninfo, errors, rows
from psycopg.types.numeric import Int8BinaryDumper

from ...errors import BadArgumentError, ConfigurationError, StoreError
from ..bindings import UNFIT, NotWrittenError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping, Sequence
    from datetime import timedelta

    Connection = psycopg.Connection[Any]
    Source = str | Callable[[], Connection]
    Rows = list[tuple[Any, ...]]
    Trouble = type[ConfigurationError | StoreError]

T = TypeVar("T")

RETRIES = 3
"""How often a call that is known to have written nothing is tried again."""

OLDEST_SERVER = 14
"""The first PostgreSQL that tells each connection whether it may write."""

# After these errors a connection is as good as before. After any other it is closed: what a session has prepared may be
# stale for ever, and a server that became a replica must be left.
_HARMLESS = frozenset({"22", "23", "40", "55", "57014"})

# Classes whose messages name tables, roles and settings, and never a value.
_QUOTABLE = frozenset({"25", "28", "3D", "3F", "40", "42", "53", "55", "57", "58"})


class Session:
    """A connection in a transaction, by which its work runs statements."""

    def __init__(self, database: Database, cursor: psycopg.Cursor[tuple[Any, ...]]) -> None:
        self._database, self._cursor = database, cursor

    def run(self, statement: str, values: Mapping[str, object] | None = None) -> Rows:
        """Run one statement, and return its rows."""
        self._cursor.execute(self._database.text(statement), values, prepare=self._database.prepared, binary=True)  # type: ignore[call-overload,unused-ignore]
        # Not `description`, which builds a value for each column.
        result = self._cursor.pgresult
        return self._cursor.fetchall() if result and result.nfields else []

    def copy(self, statement: str, types: Sequence[str], lines: Iterable[Sequence[object]]) -> None:
        """Write lines by binary COPY."""
        with self._cursor.copy(self._database.text(statement)) as copy:  # type: ignore[arg-type,unused-ignore]
            copy.set_types(types)
            for line in lines:
                copy.write_row(line)


class Database:
    """The tables of one schema, and a few connections to them. In a statement, `@` stands before a table's name."""

    def __init__(self, source: Source, *, schema: str, prepared: bool, pool_size: int, timeout: timedelta) -> None:
        self._connect = _make_connect(source, timeout) if isinstance(source, str) else _wrap_connect(source)
        self._prefix = f'"{schema}".'
        self._texts: dict[str, str] = {}
        self.prepared: bool = prepared
        self._size, self._timeout = pool_size, timeout.total_seconds()
        self.closed: bool = False
        self.begin()
        _DATABASES.add(self)

    def begin(self) -> None:
        """Begin with no connection: when it is made, and in a forked child, whose parent goes on using its own."""
        self._idle: deque[Connection] = deque()
        self._slots = Semaphore(self._size)

    def run(self, statement: str, values: Mapping[str, object] | None = None) -> Rows:
        """Run one statement as a transaction of its own, and return its rows."""
        return self._retry(lambda session: session.run(statement, values), StoreError, in_transaction=False)

    def transaction(self, work: Callable[[Session], T], trouble: Trouble = StoreError) -> T:
        """Do some work in one transaction, and all of it again where PostgreSQL says that nothing was written."""
        return self._retry(work, trouble, in_transaction=True)

    def text(self, statement: str) -> str:
        """Return a statement with the names of this schema's tables."""
        known = self._texts.get(statement)
        if known is None:
            known = self._texts[statement] = statement.replace("@", self._prefix)
        return known

    def close(self) -> None:
        """Close every connection, those that are lent when they come back; a later call is StoreError."""
        self.closed = True
        self.drain()

    def drain(self) -> None:
        """Close every connection that isn't lent."""
        for connection in _drain(self._idle):
            connection.close()

    def inherited(self) -> list[Connection]:
        """Return the idle connections; in a forked child, to be kept and never touched: closing ends the parent's."""
        return list(self._idle)

    def _retry(self, work: Callable[[Session], T], trouble: Trouble, *, in_transaction: bool) -> T:
        for left in reversed(range(RETRIES + 1)):
            try:
                return self._run_once(work, in_transaction=in_transaction)
            except (errors.SerializationFailure, errors.DeadlockDetected) as error:
                if not left:
                    raise trouble(_describe(error)) from None
                in_transaction = True
            except errors.UniqueViolation:
                raise NotWrittenError("a row with this key is there already") from None
            except (psycopg.DataError, UnicodeError, OverflowError, struct.error):
                raise BadArgumentError(f"{UNFIT} without U+0000") from None
            except psycopg.Error as error:
                raise trouble(_describe(error)) from None
        raise AssertionError  # pragma: no cover - the last turn returns or raises

    def _run_once(self, work: Callable[[Session], T], *, in_transaction: bool) -> T:
        connection = self._acquire()
        error: BaseException | None = None
        try:
            session = Session(self, psycopg.Cursor(connection, row_factory=rows.tuple_row))
            with connection.transaction() if in_transaction else nullcontext():
                return work(session)
        except BaseException as raised:
            error = raised
            raise
        finally:
            self._release(connection, error)

    def _acquire(self) -> Connection:
        if self.closed:
            raise StoreError("the store is closed: open a new one")
        # Kept: after a fork in between the child has slots of its own.
        slots = self._slots
        if not slots.acquire(timeout=self._timeout):
            busy = f"other threads kept all {self._size} connections busy for {self._timeout:g} s"
            raise StoreError(f"{busy}: raise `pool_size` or `timeout`")
        try:
            return self._find_idle() or self._open()
        except BaseException:
            slots.release()
            raise

    def _find_idle(self) -> Connection | None:
        """Return an idle connection that the server has not closed: a restart is no trouble of the next call."""
        for connection in _drain(self._idle):
            with suppress(psycopg.Error):
                # Read what has come, without waiting: a server that is gone has said so, and then ended the stream.
                connection.pgconn.consume_input()
                connection.pgconn.consume_input()
                return connection
            connection.close()
        return None

    def _open(self) -> Connection:
        connection = self._connect()
        try:
            connection.rollback()
            connection.autocommit = True
            connection.isolation_level = psycopg.IsolationLevel.READ_COMMITTED
            connection.prepare_threshold = 0 if self.prepared else None
            # One type each, whatever the value's size: else the server prepares the same text for every combination.
            connection.adapters.register_dumper(int, Int8BinaryDumper)
            _require_writable(connection)
        except BaseException:
            connection.close()
            raise
        return connection

    def _release(self, connection: Connection, error: BaseException | None) -> None:
        idle = connection.info.transaction_status == psycopg.pq.TransactionStatus.IDLE
        if idle and not self.closed and _is_harmless(error):
            self._idle.append(connection)
        else:
            connection.close()
        self._slots.release()


def _make_connect(url: str, timeout: timedelta) -> Callable[[], Connection]:
    try:
        parameters = conninfo.conninfo_to_dict(url)
    except (psycopg.Error, UnicodeError):
        # What libpq says of it may quote a password.
        form = "postgresql://user@host/database, with % escapes for special characters"
        raise ConfigurationError(f"the URL of the PostgreSQL database can't be read: write {form}") from None
    seconds = max(2, int(timeout.total_seconds()))
    defaults = {"connect_timeout": seconds, "tcp_user_timeout": 1000 * seconds, "application_name": "magiclink"}
    settings: dict[str, Any] = {**defaults, **parameters, "client_encoding": "utf8"}

    def connect() -> Connection:
        try:
            return psycopg.connect(**settings)
        except psycopg.Error as error:
            # Where a URL was read otherwise than it was meant, a piece of the password may be what is called the host.
            message = str(error)
            for name, value in parameters.items():
                message = message.replace(str(value), f"<{name}>") if value else message
            raise psycopg.OperationalError(message) from None

    return connect


def _wrap_connect(connect: Callable[[], Connection]) -> Callable[[], Connection]:
    """Return the app's own function, of whose errors the message says the kind alone: the text may hold a password."""

    def connect_quietly() -> Connection:
        try:
            return connect()
        except psycopg.Error as error:
            raise psycopg.OperationalError(f"the app's own function raised {type(error).__name__}") from None

    return connect_quietly


def _require_writable(connection: Connection) -> None:
    """Refuse a replica, whose records may lag, and a session that can't write."""
    if connection.info.server_version < OLDEST_SERVER * 10_000:
        raise psycopg.OperationalError(f"the server is too old: PostgreSQL {OLDEST_SERVER} or newer is needed")
    if "on" in map(connection.info.parameter_status, ("in_hot_standby", "default_transaction_read_only")):
        raise psycopg.OperationalError("the server is a replica, or its sessions only read: connect to the primary")


def _is_harmless(error: BaseException | None) -> bool:
    if not isinstance(error, psycopg.Error):
        return True
    state = error.sqlstate or ""
    return state in _HARMLESS or state[:2] in _HARMLESS


def _describe(error: psycopg.Error) -> str:
    """Return the message of an error, without a value."""
    state, primary = error.sqlstate or "", error.diag.message_primary
    if primary and state[:2] in _QUOTABLE:
        return f"PostgreSQL: {primary} ({state})"
    if primary is None and isinstance(error, psycopg.OperationalError):
        return f"PostgreSQL: {str(error).strip()}"
    return f"PostgreSQL: {type(error).__name__} ({state})"


def _drain(connections: deque[Connection]) -> Iterable[Connection]:
    """Yield the connections while there are any, the last that came back first; other threads drain it too."""
    with suppress(IndexError):
        while True:
            yield connections.pop()


_DATABASES: weakref.WeakSet[Database] = weakref.WeakSet()
_INHERITED: list[Connection] = []


def _after_fork_in_child() -> None:
    for database in _DATABASES:
        _INHERITED.extend(database.inherited())
        database.begin()


# A system that can't fork has no such call.
getattr(os, "register_at_fork", dict)(after_in_child=_after_fork_in_child)
