"""Django's connection, as the store uses it: transactions, and Django's own conditions.

It knows no record and no rule. The connection is Django's: it's never closed here, unless an error has broken it.
"""

from __future__ import annotations

from contextlib import suppress
from typing import TYPE_CHECKING, Any, ClassVar, TypeVar

from django.apps import apps
from django.core.exceptions import AppRegistryNotReady, ImproperlyConfigured, SynchronousOnlyOperation
from django.db import DataError, Error, IntegrityError, connections, router
from django.db.transaction import atomic
from django.utils.connection import ConnectionDoesNotExist

from ...errors import ConfigurationError
from ...stores.sql.connections import Database, Errors, Session
from ...stores.sql.dialects import find_dialect

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from django.db.models import Model

    from ...stores.sql.connections import Way
    from ...stores.sql.dialects import Dialect

T = TypeVar("T")

_IN_ATOMIC = (
    "this can't be done inside transaction.atomic, nor with autocommit off: a rollback would undo the use, and leave"
    " what it opened. Where ATOMIC_REQUESTS is on, put transaction.non_atomic_requests on the view"
)

_STALE = (
    "inside transaction.atomic the store needs the isolation level READ COMMITTED: set"
    ' OPTIONS["isolation_level"] = "read committed" in DATABASES, or call it outside the block'
)

_OLDER = (
    "the tables are of an older version, and no migration leads from there: run manage.py migrate magiclink zero"
    " --fake, drop the tables whose names begin with magiclink_, and run manage.py migrate"
)


class CursorSession(Session):
    """A cursor of Django's."""

    __slots__ = ("_cursor",)

    def __init__(self, cursor: Any, dialect: Dialect) -> None:
        super().__init__(dialect)
        self._cursor = cursor

    def change_each(self, statement: str, rows: Sequence[Mapping[str, object]]) -> None:
        """Run a statement for each of some rows, whose values have been checked."""
        self._cursor.executemany(statement, rows)

    def _execute(self, statement: str, values: Mapping[str, object]) -> Any:
        self._cursor.execute(statement, values)
        return self._cursor


class AppDatabase(Database):
    """The database that the app has chosen for links: by an alias, or by its routers."""

    unfit: ClassVar[Errors] = (DataError, ValueError, OverflowError)
    refused: ClassVar[Errors] = (IntegrityError,)
    faults: ClassVar[Errors] = (Error,)
    way_out: ClassVar[str] = "run manage.py migrate"

    def __init__(self, using: str | None) -> None:
        super().__init__()
        self._using = using
        self._link: type[Model] | None = None

    @property
    def alias(self) -> str:
        """The name of the database in the app's settings. Raises ConfigurationError before Django is set up."""
        model = self._find_model()
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
        """The database's words. Raises ConfigurationError for one whose locks aren't known."""
        return find_dialect(self.connection.vendor)

    @property
    def tables(self) -> Mapping[str, Sequence[str]]:
        """The columns of every table of the app's models, by its name."""
        models = apps.get_app_config("magiclink").get_models()
        return {
            model._meta.db_table: [field.column for field in model._meta.concrete_fields if field.column]
            for model in models
        }

    def require_newest(self) -> None:
        """Raise ConfigurationError where the tables are those of 0.1.0 before its release, whose migration has run."""
        names = self.read(lambda _: self.connection.introspection.table_names(), ConfigurationError)
        if "magiclink_buckets" in names:
            raise ConfigurationError(_OLDER)

    def _find_model(self) -> type[Model]:
        if self._link is None:
            try:
                self._link = apps.get_model("magiclink", "Link")
            except LookupError:
                raise ConfigurationError('add "magiclink.django" to INSTALLED_APPS: it is missing there') from None
            except (AppRegistryNotReady, ImproperlyConfigured):
                raise ConfigurationError(
                    "Django isn't set up yet: call django.setup(), or use the store once the apps are ready"
                ) from None
        return self._link

    def _run(self, work: Callable[[Session], T], way: Way) -> T:
        connection = self.connection
        try:
            return _run(connection, self.dialect, work, way)
        except SynchronousOnlyOperation:
            raise ConfigurationError(
                "the store waits for the database, and can't in an event loop: use magiclink.aio"
            ) from None

    def _may_retry(self) -> bool:
        """Return whether nobody's transaction is open; then a connection that an error has broken is closed."""
        connection = self.connection
        if connection.in_atomic_block or not connection.autocommit:
            return False
        with suppress(Error):
            if connection.connection is not None and not connection.is_usable():
                connection.close()
        return True


def _run(connection: Any, dialect: Dialect, work: Callable[[Session], T], way: Way) -> T:
    joins = not connection.get_autocommit()
    if joins and way.decides and not _is_of_a_test(connection):
        raise ConfigurationError(_IN_ATOMIC)
    if not way.writes or (way.alone and dialect.returning and not joins):
        with connection.cursor() as cursor:
            return work(CursorSession(cursor, dialect))
    with atomic(using=connection.alias), connection.cursor() as cursor:
        if dialect.isolates and connection.isolation_level != "read committed":
            if joins:
                raise ConfigurationError(_STALE)
            cursor.execute(dialect.isolates)
        if dialect.begins:
            cursor.execute(dialect.begins)
        return work(CursorSession(cursor, dialect))


def _is_of_a_test(connection: Any) -> bool:
    """Return whether the innermost block is one that Django's TestCase rolls back, which `durable` lets pass too."""
    return bool(connection.atomic_blocks) and bool(connection.atomic_blocks[-1]._from_testcase)
