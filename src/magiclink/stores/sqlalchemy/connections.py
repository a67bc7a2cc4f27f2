"""The app's engine, as the store uses it: transactions of its own, on connections of the app's pool.

It knows no record and no rule. Nothing is set on the app's engine, its pool or its events.
"""

from __future__ import annotations

import re
from functools import lru_cache
from typing import TYPE_CHECKING, Any, ClassVar, Literal, TypeVar, cast

from sqlalchemy import Engine, exc, inspect
from sqlalchemy.pool import SingletonThreadPool, StaticPool

from ...errors import ConfigurationError
from .. import tables
from ..bindings import NotWrittenError
from ..sql.connections import RETRIES, Database, Errors, Session
from ..sql.dialects import find_dialect
from .schema import meta, metadata

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from sqlalchemy import Connection, CursorResult

    from ..sql.connections import Way
    from ..sql.dialects import Dialect

T = TypeVar("T")

_ISOLATION: Literal["READ COMMITTED"] = "READ COMMITTED"

_NAME = re.compile(r"%\((\w+)\)s")

_STYLES = {"qmark": "?", "format": "%s", "named": r":\1", "pyformat": r"%(\1)s"}
"""What stands for a value in the words of each kind of driver (PEP 249); in the first two values go by their order."""


@lru_cache(maxsize=512)
def translate(statement: str, style: str, schema: str) -> tuple[str, tuple[str, ...] | None]:
    """Return a statement in a driver's style, its tables in a schema, and the names of its values in their order."""
    names = None if style in ("named", "pyformat") else tuple(_NAME.findall(statement))
    return _NAME.sub(_STYLES[style], statement.replace("magiclink_", f"{schema}magiclink_")), names


class EngineSession(Session):
    """A connection of an engine's."""

    __slots__ = ("_schema", "_style", "connection")

    def __init__(self, connection: Connection, schema: str) -> None:
        super().__init__(find_dialect(connection.dialect.name))
        self.connection: Connection = connection
        self._style, self._schema = connection.dialect.paramstyle, schema

    def change_each(self, statement: str, rows: Sequence[Mapping[str, object]]) -> None:
        """Run a statement for each of some rows, whose values have been checked."""
        text, names = translate(statement, self._style, self._schema)
        values: Any = [dict(row) if names is None else tuple(row[name] for name in names) for row in rows]
        self.connection.exec_driver_sql(text, values)

    def _execute(self, statement: str, values: Mapping[str, object]) -> CursorResult[Any]:
        text, names = translate(statement, self._style, self._schema)
        bound: Any = dict(values) if names is None else tuple(values[name] for name in names)
        return self.connection.exec_driver_sql(text, bound)


class AppEngine(Database):
    """An engine of the app's, fit for the store. Raises ConfigurationError where it isn't."""

    unfit: ClassVar[Errors] = (exc.DataError, ValueError, OverflowError)
    refused: ClassVar[Errors] = (exc.IntegrityError,)
    faults: ClassVar[Errors] = (exc.SQLAlchemyError,)
    way_out: ClassVar[str] = "run the app's migrations, or give SQLAlchemyStore create=True"

    def __init__(self, engine: Engine, *, create: bool, dispose: bool) -> None:
        super().__init__()
        self._engine, self._dispose = _require_engine(engine), dispose
        self._dialect = find_dialect(engine.dialect.name)
        schemas = engine.get_execution_options().get("schema_translate_map") or {}
        self._schema: str | None = schemas.get(None)
        self._before = f"{engine.dialect.identifier_preparer.quote_schema(self._schema)}." if self._schema else ""
        self._isolates = False
        # Under REPEATABLE READ, what is read after waiting for a lock is as old as the transaction's first read.
        self._isolates = self._dialect.name != "sqlite" and self._ask(_read_isolation) != _ISOLATION
        if create:
            self.require_version()
            self._create()

    @property
    def dialect(self) -> Dialect:
        """The database's words."""
        return self._dialect

    @property
    def tables(self) -> Mapping[str, Sequence[str]]:
        """The columns of every table, by its name."""
        return {table.name: table.c.keys() for table in metadata.sorted_tables}

    def close(self) -> None:
        """Take no more calls, and close the pool if it's to be disposed of."""
        super().close()
        if self._dispose:
            self._engine.dispose()

    def require_version(self) -> None:
        """Raise ConfigurationError where the tables are of another version; new ones are of this one from now on."""
        if self._ask(lambda db: inspect(db).has_table(meta.name, schema=self._schema)):
            self.write(_require_version, ConfigurationError)

    def _run(self, work: Callable[[Session], T], way: Way) -> T:
        with self._engine.connect() as db:
            if self._isolates:
                # Until the connection goes back. Options of an engine are set in no order over those of the app's.
                db.execution_options(isolation_level=_ISOLATION)
            elif way.alone and self._dialect.locks_in_place:
                # One statement is a transaction: to begin and to end another one would be two more round trips.
                db.execution_options(isolation_level="AUTOCOMMIT")
            if way.trouble is ConfigurationError:
                # A server that builds its store and then forks would share what went back to the pool.
                db.detach()
            session = EngineSession(db, self._before)
            if way.writes and self._dialect.begins:
                session.change(self._dialect.begins, {})
            result = work(session)
            db.commit()
            return result

    def _ask(self, work: Callable[[Connection], T]) -> T:
        """Do some work that asks what SQLAlchemy has words for. Raises ConfigurationError."""
        return self.read(lambda session: work(cast("EngineSession", session).connection), ConfigurationError)

    def _create(self, left: int = RETRIES) -> None:
        """Make the tables that are missing. Another process may be making the same ones: then it's tried again."""
        try:
            self._ask(metadata.create_all)
        except (ConfigurationError, NotWrittenError):
            if not left:
                raise
            self._create(left - 1)


def _require_engine(engine: object) -> Engine:
    if not isinstance(engine, Engine):
        raise ConfigurationError(
            f"engine: wanted a sqlalchemy.Engine, got a value of type {type(engine).__name__}: create_engine(…) makes"
            " one, and SQLAlchemyStore.from_url reads a URL"
        )
    if isinstance(engine.pool, StaticPool | SingletonThreadPool):
        raise ConfigurationError(
            "an engine of a database in memory: its threads would share one transaction. Give the engine a file, or"
            " take magiclink.stores.memory.MemoryStore"
        )
    return engine


def _read_isolation(db: Connection) -> str:
    return db.get_isolation_level()


def _require_version(db: Session) -> None:
    insert = "INSERT INTO magiclink_meta (name, value) VALUES ('version', %(version)s)"
    db.change(f"{insert} {db.dialect.ignore_conflict('name')}", {"version": tables.VERSION})
    [(version,)] = db.ask("SELECT value FROM magiclink_meta WHERE name = 'version'", {})
    tables.require_version(version, "drop those whose names begin with magiclink_, so that they are made anew")
