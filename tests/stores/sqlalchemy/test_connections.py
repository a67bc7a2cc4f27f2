"""The app's engine: what is refused, what is tried again, and that no word of a driver gets out."""

from __future__ import annotations

import sqlite3
import traceback
from typing import TYPE_CHECKING, Any

import pytest
from sqlalchemy import create_engine, event, exc, select, text, update
from sqlalchemy.ext.asyncio import AsyncEngine
from sqlalchemy.pool import StaticPool

from magiclink.errors import BadArgumentError, ConfigurationError, StoreError
from magiclink.stores.sqlalchemy import SQLAlchemyStore
from magiclink.stores.sqlalchemy.connections import RETRIES, AppEngine
from magiclink.stores.sqlalchemy.schema import meta, metadata
from magiclink.testing.contract import record, terms
from magiclink.testing.contract.bench import AUDIENCE, NOW, race
from tests.stores.sqlalchemy.engines import STORES, new_engine

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from sqlalchemy import Connection, Engine


@pytest.fixture
def engine(tmp_path: Path) -> Iterator[Engine]:
    """Return an engine on an empty file of SQLite."""
    with new_engine("sqlite", tmp_path) as engine:
        yield engine


class DriverError(Exception):
    """What a driver raises: its code where drivers put it, and words with a value in them."""

    def __init__(self, code: object, **told: str) -> None:
        super().__init__(code, "a secret value")
        vars(self).update(told)


def failing(times: int, error: DriverError) -> Callable[[Connection], int]:
    """Return some work that fails so many times, and then tells how often it was begun."""
    begun = 0

    def work(db: Connection) -> int:
        nonlocal begun
        begun += 1
        if begun <= times:
            raise exc.OperationalError("INSERT", {"subject": "a secret value"}, error)
        return begun

    return work


UNDONE = [
    DriverError(1213),
    DriverError(1205),
    DriverError(1020),
    DriverError("", sqlstate="40001"),
    DriverError("", pgcode="40P01"),
]


@pytest.mark.parametrize("error", UNDONE, ids=str)
def test_undone_for_another(engine: Engine, error: DriverError) -> None:
    """E15: a transaction that was undone for another one's sake is run again, three times."""
    ours = AppEngine(engine, create=True)
    assert ours.write(failing(RETRIES, error)) == RETRIES + 1 == 4
    with pytest.raises(StoreError, match="DriverError"):
        ours.write(failing(RETRIES + 1, error))


@pytest.mark.parametrize(
    "error", [DriverError(2013), DriverError("", sqlstate="08006"), DriverError({"C": "40001"})], ids=str
)
def test_unknown_outcome(engine: Engine, error: DriverError) -> None:
    """E04: a call whose outcome isn't known is StoreError at once: run again, it might be done twice."""
    ours = AppEngine(engine, create=True)
    work = failing(1, error)
    with pytest.raises(StoreError):
        ours.write(work)
    with engine.connect() as db:
        assert work(db) == 2


def test_no_word_of_the_driver(engine: Engine) -> None:
    """What a driver says stays inside, values and statement too: the error tells its class and code."""
    ours = AppEngine(engine, create=True)
    with pytest.raises(StoreError, match="DriverError 08006") as raised:
        ours.write(failing(1, DriverError("", sqlstate="08006")))
    told = "".join(traceback.format_exception(raised.value))
    assert "secret" not in told
    assert "INSERT" not in told


def test_value_that_does_not_fit(engine: Engine) -> None:
    """What a column refuses is BadArgumentError, where a value is read by as well, and nothing of it is told."""
    ours = AppEngine(engine, create=True)
    for run in (ours.read, ours.write):
        with pytest.raises(BadArgumentError, match="32 bytes") as raised:
            run(lambda db: db.execute(select(meta).where(meta.c.name == "x" * 33)))
        assert "xx" not in str(raised.value)


def test_closed(engine: Engine) -> None:
    """What was closed takes no call; only an engine of the store's own is disposed of."""
    opened: list[sqlite3.Connection] = []
    event.listen(engine, "connect", lambda connection, _: opened.append(connection))
    for dispose in (False, True):
        ours = AppEngine(engine, create=True)
        assert ours.read(lambda db: db.scalar(select(1))) == 1
        ours.close(dispose=dispose)
        with pytest.raises(StoreError, match="closed"):
            ours.read(lambda db: None)
        if not dispose:
            opened[-1].execute("SELECT 1")
    with pytest.raises(sqlite3.ProgrammingError, match="closed"):
        opened[-1].execute("SELECT 1")


def test_no_engine() -> None:
    """What isn't an engine is refused, an engine of asyncio and a URL too."""
    for other in ("sqlite://", AsyncEngine, None):
        with pytest.raises(ConfigurationError, match="create_engine"):
            AppEngine(other, create=True)  # type: ignore[arg-type]


def test_unknown_database(engine: Engine) -> None:
    """A database whose locks aren't known is refused: its FOR UPDATE may lock nothing."""
    engine.dialect.name = "mssql"
    with pytest.raises(ConfigurationError, match="mssql"):
        AppEngine(engine, create=True)


def test_database_in_memory() -> None:
    """A connection that all threads share has one transaction for all: refused."""
    for engine in (create_engine("sqlite://"), create_engine("sqlite://", poolclass=StaticPool)):
        with pytest.raises(ConfigurationError, match="MemoryStore"):
            AppEngine(engine, create=True)
        engine.dispose()


@pytest.mark.parametrize("store_name", STORES)
def test_autocommit(store_name: str, tmp_path: Path) -> None:
    """An engine that commits every statement is refused, and keeps nothing of the proof."""
    with new_engine(store_name, tmp_path) as plain:
        engine = plain.execution_options(isolation_level="AUTOCOMMIT")
        if store_name == "mariadb":
            # Its server's own level isn't ours, so that the store sets one, and with it transactions.
            SQLAlchemyStore(engine, create=True)
            return
        with pytest.raises(ConfigurationError, match="AUTOCOMMIT"):
            SQLAlchemyStore(engine, create=True)
        with engine.connect() as db:
            counted = {table.name: len(db.execute(select(table)).all()) for table in metadata.sorted_tables}
        # A window of one microsecond, which is forgotten with the next ones.
        assert counted.pop("magiclink_buckets") == 1
        assert {name for name, count in counted.items() if count} == {"magiclink_meta"}


@pytest.mark.parametrize("level", ["REPEATABLE READ", "SERIALIZABLE", "READ UNCOMMITTED", "READ COMMITTED"])
@pytest.mark.parametrize("store_name", ["postgresql", "mariadb"])
def test_isolation_of_the_apps(store_name: str, level: Any, tmp_path: Path) -> None:
    """7: whatever isolation the app has chosen, racers win as often as they may, and nobody fails."""
    with new_engine(store_name, tmp_path) as engine:
        store = SQLAlchemyStore(engine.execution_options(isolation_level=level), create=True)
        for turn in range(3):
            links = [record(max_uses=3, subject=f"customer-{turn}") for _ in range(2)]
            assert all(race(*[lambda link=link: store.add([link], now=NOW, renamed={}) for link in links]))
            won = race(*[lambda link=link: store.consume(link.link_id, terms()) for link in links * 6])
            assert sorted(used.uses for used in won if used) == [1, 1, 2, 2, 3, 3]


def test_isolation_of_the_apps_stays(tmp_path: Path) -> None:
    """The app's own connections keep the isolation that the app has chosen."""
    with new_engine("postgresql", tmp_path) as engine:
        app = engine.execution_options(isolation_level="SERIALIZABLE")
        store = SQLAlchemyStore(app, create=True)
        store.get(AUDIENCE, b"")
        with app.connect() as db:
            assert db.get_isolation_level() == "SERIALIZABLE"


def test_nothing_stays_open(engine: Engine) -> None:
    """A store that was just built has left no connection in the pool, which a fork would share."""
    opened: list[sqlite3.Connection] = []
    event.listen(engine, "connect", lambda connection, _: opened.append(connection))
    SQLAlchemyStore(engine, create=True)
    assert opened
    for connection in opened:
        with pytest.raises(sqlite3.ProgrammingError, match="closed"):
            connection.execute("SELECT 1")


@pytest.mark.parametrize("store_name", STORES)
def test_tables_made_at_once(store_name: str, tmp_path: Path) -> None:
    """Processes that make the same tables at once all open a store."""
    with new_engine(store_name, tmp_path) as engine:
        stores = race(*[lambda: SQLAlchemyStore(engine, create=True)] * 4)
        assert stores[0].add([record()], now=NOW, renamed={})


def test_tables_that_cannot_be_made(tmp_path: Path) -> None:
    """E11: a database that can't be written is ConfigurationError when the store is opened, without the path."""
    (tmp_path / "links.db").touch()
    engine = create_engine(f"sqlite:///file:{tmp_path}/links.db?mode=ro&uri=true")
    with pytest.raises(ConfigurationError, match="SQLITE_READONLY") as raised:
        SQLAlchemyStore(engine, create=True)
    assert str(tmp_path) not in str(raised.value)
    engine.dispose()


@pytest.mark.parametrize("column", ["revoked_at", "subject"])
def test_missing_column(engine: Engine, column: str) -> None:
    """E26: a migration that was half applied is ConfigurationError when opened, and StoreError later."""
    store = SQLAlchemyStore(engine, create=True)
    with engine.begin() as db:
        db.execute(text(f"ALTER TABLE magiclink_links RENAME COLUMN {column} TO gone"))
    with pytest.raises(ConfigurationError, match="magiclink_links"):
        SQLAlchemyStore(engine)
    with pytest.raises(StoreError, match="SQLITE_ERROR"):
        store.get(AUDIENCE, b"")


def test_newer_tables(engine: Engine) -> None:
    """Tables of another version are ConfigurationError."""
    store = SQLAlchemyStore(engine, create=True)
    with engine.begin() as db:
        db.execute(update(meta).values(value=3))
    with pytest.raises(ConfigurationError, match="version 3"):
        store.check()


def test_locked_by_another(tmp_path: Path) -> None:
    """E16: a SQLite that another one keeps locked is StoreError; once it's free, the store goes on."""
    with new_engine("sqlite", tmp_path) as engine:
        impatient = create_engine(engine.url.update_query_dict({"timeout": "0.05"}))
        store = SQLAlchemyStore(impatient, create=True)
        link = record(max_uses=1)
        assert store.add([link], now=NOW, renamed={})
        with engine.begin() as db:
            db.execute(update(meta).values(value=1))
            with pytest.raises(StoreError, match="SQLITE_BUSY"):
                store.consume(link.link_id, terms())
        assert store.consume(link.link_id, terms())
        impatient.dispose()
