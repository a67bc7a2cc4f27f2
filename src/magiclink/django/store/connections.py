"""Django's connection, as the store uses it: transactions, and a database's trouble in our words.

It knows no record and no rule. The connection is Django's: it's never closed here, unless an error has broken it. What
an error of a driver says stays here: it may hold the values of a statement.
"""

from __future__ import annotations

import re
from contextlib import suppress
from typing import TYPE_CHECKING, Any, NamedTuple, TypeVar

from django.apps import apps
from django.core.exceptions import AppRegistryNotReady, ImproperlyConfigured, SynchronousOnlyOperation
from django.db import DataError, Error, IntegrityError, connections, router
from django.db.transaction import atomic
from django.utils.connection import ConnectionDoesNotExist

from ...errors import BadArgumentError, ConfigurationError, MagicLinkError, StoreError
from .dialects import dialect_of

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping

    from django.db.models import Model

    from .dialects import Dialect

    Rows = list[tuple[Any, ...]]

Trouble = type[ConfigurationError] | type[StoreError]
T = TypeVar("T")

RETRIES = 3
"""How often a transaction is run again that the database has undone for another one's sake."""

_UNDONE = frozenset({"40001", "40P01", "1020", "1205", "1213"})
"""Serialization failure and deadlock: SQLSTATE on PostgreSQL, numbers of errors on MariaDB and MySQL."""

_CODE = re.compile("[0-9][0-9A-Z]{3,4}|SQLITE_[A-Z_]+")

_IN_ATOMIC = (
    "this can't be done inside transaction.atomic, nor with autocommit off: a rollback would undo the use, and leave"
    " what it opened. Where ATOMIC_REQUESTS is on, put transaction.non_atomic_requests on the view"
)


class NotWrittenError(Exception):
    """Undoes what a transaction wrote; who began it turns this into an answer."""


class Session:
    """What may be said while a cursor is open, and in whose words."""

    __slots__ = ("_cursor", "dialect")

    def __init__(self, cursor: Any, dialect: Dialect) -> None:
        self._cursor = cursor
        self.dialect: Dialect = dialect

    def ask(self, statement: str, values: Mapping[str, object]) -> Rows:
        """Run a statement and give its rows."""
        self._cursor.execute(statement, values)
        found: Rows = self._cursor.fetchall()
        return found

    def change(self, statement: str, values: Mapping[str, object]) -> int:
        """Run a statement and tell how many rows it has met."""
        self._cursor.execute(statement, values)
        return int(self._cursor.rowcount)

    def change_each(self, statement: str, values: Iterable[Mapping[str, object]]) -> None:
        """Run a statement for each of some values."""
        self._cursor.executemany(statement, list(values))


class _Way(NamedTuple):
    """How some work is done."""

    writes: bool = True
    alone: bool = False
    """It's one statement, where the database returns what an UPDATE wrote: then it needs no transaction."""
    decides: bool = False
    """What it wrote must be committed when it returns."""
    trouble: Trouble = StoreError


_READ, _CHANGE, _WRITE = _Way(writes=False), _Way(alone=True), _Way()


class AppDatabase:
    """The database that the app has chosen for links: by an alias, or by its routers."""

    def __init__(self, using: str | None) -> None:
        self._using = using
        self._closed = False
        self._link: type[Model] | None = None

    def read(self, work: Callable[[Session], T], trouble: Trouble = StoreError) -> T:
        """Do some work that only reads, in no transaction but the one that is open."""
        return self._tried(work, _READ._replace(trouble=trouble))

    def change(self, work: Callable[[Session], T]) -> T:
        """Do some work that is one statement, and so its own transaction."""
        return self._tried(work, _CHANGE)

    def write(self, work: Callable[[Session], T], trouble: Trouble = StoreError) -> T:
        """Do some work in one transaction, or in a savepoint of the one that is open."""
        return self._tried(work, _WRITE._replace(trouble=trouble))

    def decide(self, work: Callable[[Session], T], *, alone: bool) -> T:
        """Do some work that must be committed when it returns. Raises ConfigurationError where it wouldn't be."""
        return self._tried(work, _Way(alone=alone, decides=True))

    def close(self) -> None:
        """Take no more calls."""
        self._closed = True

    @property
    def alias(self) -> str:
        """The name of the database in the app's settings. Raises ConfigurationError before Django is set up."""
        model = self._model()
        return self._using or str(router.db_for_write(model))

    @property
    def connection(self) -> Any:
        """This thread's connection, as Django has it. Raises ConfigurationError where there is none to be had."""
        try:
            return connections[self.alias]
        except (ConnectionDoesNotExist, ImproperlyConfigured) as error:
            raise ConfigurationError(f"Django has no such database for the store: {error}") from None

    @property
    def dialect(self) -> Dialect:
        """The words of the database."""
        return dialect_of(self.connection)

    def _model(self) -> type[Model]:
        if self._link is None:
            try:
                self._link = apps.get_model("magiclink", "Link")
            except LookupError:
                raise ConfigurationError("magiclink.django isn't in INSTALLED_APPS") from None
            except (AppRegistryNotReady, ImproperlyConfigured):
                raise ConfigurationError("Django isn't set up yet: the store works once its apps are ready") from None
        return self._link

    def _tried(self, work: Callable[[Session], T], way: _Way, left: int = RETRIES) -> T:
        if self._closed:
            raise StoreError("the store is closed")
        connection = self.connection
        try:
            return _run(connection, work, way)
        except (MagicLinkError, NotWrittenError):
            raise
        except SynchronousOnlyOperation:
            raise ConfigurationError("the store waits for the database: in an event loop, take magiclink.aio") from None
        except (DataError, ValueError, OverflowError):
            raise BadArgumentError("a value doesn't fit: integers have 63 bits, text is UTF-8, no U+0000") from None
        except IntegrityError:
            raise NotWrittenError from None
        except Error as error:
            again = _is_left_to_us(connection) and left and _codes(error) & _UNDONE
            if not again:
                raise way.trouble(_told(error)) from None
        return self._tried(work, way, left - 1)


def _run(connection: Any, work: Callable[[Session], T], way: _Way) -> T:
    dialect = dialect_of(connection)
    joins = not connection.get_autocommit()
    if joins and way.decides and not _is_of_a_test(connection):
        raise ConfigurationError(_IN_ATOMIC)
    if not way.writes or (way.alone and dialect.returning and not joins):
        with connection.cursor() as cursor:
            return work(Session(cursor, dialect))
    with atomic(using=connection.alias), connection.cursor() as cursor:
        if dialect.isolates and connection.isolation_level != "read committed":
            if joins:
                raise ConfigurationError("inside transaction.atomic the store needs the isolation level READ COMMITTED")
            cursor.execute(dialect.isolates)
        if dialect.begins:
            cursor.execute(dialect.begins)
        return work(Session(cursor, dialect))


def _is_of_a_test(connection: Any) -> bool:
    """Return whether the innermost block is one that Django's TestCase rolls back, which `durable` lets pass too."""
    return bool(connection.atomic_blocks) and bool(connection.atomic_blocks[-1]._from_testcase)


def _is_left_to_us(connection: Any) -> bool:
    """Return whether nobody's transaction is open; then a connection that an error has broken is closed for another."""
    if connection.in_atomic_block or not connection.autocommit:
        return False
    with suppress(Error):
        if connection.connection is not None and not connection.is_usable():
            connection.close()
    return True


def _codes(error: Error) -> set[str]:
    told = [getattr(error.__cause__, name, None) for name in ("sqlstate", "pgcode", "sqlite_errorname")]
    return {str(code) for code in (*told, *error.args[:1]) if _CODE.fullmatch(str(code))}


def _told(error: Error) -> str:
    """Tell what happened by names and codes; in the words of a driver there are values."""
    return " ".join(["the database failed:", type(error).__name__, *sorted(_codes(error))])
