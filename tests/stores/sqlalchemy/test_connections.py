"""The app's engine: what is refused, what is tried again, and that no word of a driver gets out."""

from __future__ import annotations

import sqlite3
from typing import TYPE_CHECKING, Any

import pytest
from sqlalchemy import create_engine, event, inspect, select, text, update
from sqlalchemy.ext.asyncio import AsyncEngine
from sqlalchemy.pool import StaticPool

from magiclink.errors import ConfigurationError, StoreError
from magiclink.stores.sqlalchemy import SQLAlchemyStore
from magiclink.stores.sqlalchemy.connections import AppEngine, translate
from magiclink.stores.sqlalchemy.schema import meta, metadata
from magiclink.testing.contract import record, terms
from magiclink.testing.contract.bench import AUDIENCE, NOW, race
from tests.stores.sqlalchemy.engines import STORES, new_engine

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from sqlalchemy import Engine


@pytest.fixture
def engine(tmp_path: Path) -> Iterator[Engine]:
    """Return an engine on an empty file of SQLite."""
    with new_engine("sqlite", tmp_path) as engine:
        yield engine


def test_closed(engine: Engine) -> None:
    """What was closed takes no call; only an engine of the store's own is disposed of."""
    opened: list[sqlite3.Connection] = []
    event.listen(engine, "connect", lambda connection, _: opened.append(connection))
    for dispose in (False, True):
        ours = AppEngine(engine, create=True, dispose=dispose)
        assert [*ours.read(lambda db: db.ask("SELECT 1", {}))[0]] == [1]
        ours.close()
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
            AppEngine(other, create=True, dispose=False)  # type: ignore[arg-type]


def test_unknown_database(engine: Engine) -> None:
    """A database whose locks aren't known is refused: its FOR UPDATE may lock nothing."""
    engine.dialect.name = "mssql"
    with pytest.raises(ConfigurationError, match="mssql"):
        AppEngine(engine, create=True, dispose=False)


def test_database_in_memory() -> None:
    """A connection that all threads share has one transaction for all: refused."""
    for engine in (create_engine("sqlite://"), create_engine("sqlite://", poolclass=StaticPool)):
        with pytest.raises(ConfigurationError, match="MemoryStore"):
            AppEngine(engine, create=True, dispose=False)
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
        assert counted.pop("magiclink_limits") == 1
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


@pytest.mark.parametrize("create", [True, False])
@pytest.mark.parametrize(("version", "way_out"), [(1, "drop those"), (3, "install that one")])
def test_tables_of_another_version(engine: Engine, version: int, way_out: str, create: bool) -> None:
    """Tables of another version are ConfigurationError with the way out, and nothing is made beside them."""
    store = SQLAlchemyStore(engine, create=True)
    with engine.begin() as db:
        db.execute(update(meta).values(value=version))
        db.execute(text("DROP TABLE magiclink_waits"))
    with pytest.raises(ConfigurationError, match=f"version {version}.* {way_out}"):
        store.check()
    with pytest.raises(ConfigurationError, match=f"version {version}"):
        SQLAlchemyStore(engine, create=create)
    with engine.connect() as db:
        assert "magiclink_waits" not in inspect(db).get_table_names()


@pytest.mark.parametrize(
    ("style", "text", "names"),
    [
        ("qmark", "SELECT ?, ? FROM magiclink_links WHERE b = ?", ("b", "a", "b")),
        ("format", "SELECT %s, %s FROM magiclink_links WHERE b = %s", ("b", "a", "b")),
        ("named", "SELECT :b, :a FROM magiclink_links WHERE b = :b", None),
        ("pyformat", "SELECT %(b)s, %(a)s FROM magiclink_links WHERE b = %(b)s", None),
    ],
)
def test_style_of_a_driver(style: str, text: str, names: object) -> None:
    """Each kind of driver gets a statement in its own style, with values by name or by their order."""
    statement = "SELECT %(b)s, %(a)s FROM magiclink_links WHERE b = %(b)s"
    assert translate(statement, style, "") == (text, names)


def test_schema_of_its_own(tmp_path: Path) -> None:
    """With a `schema_translate_map` the tables lie in a schema of their own, and nothing in another."""
    with new_engine("postgresql", tmp_path) as engine:
        with engine.begin() as db:
            db.execute(text('DROP SCHEMA IF EXISTS "Links of ours" CASCADE'))
            db.execute(text('CREATE SCHEMA "Links of ours"'))
        mapped = engine.execution_options(schema_translate_map={None: "Links of ours"})
        store = SQLAlchemyStore(mapped, create=True)
        link = record()
        assert store.add([link], now=NOW, renamed={})
        assert store.consume(link.link_id, terms())
        with engine.begin() as db:
            assert inspect(db).get_table_names() == []
            db.execute(text('DROP SCHEMA "Links of ours" CASCADE'))


def test_locked_by_another(tmp_path: Path) -> None:
    """E16: a SQLite that another one keeps locked is StoreError; once it's free, the store goes on."""
    with new_engine("sqlite", tmp_path) as engine:
        impatient = create_engine(engine.url.update_query_dict({"timeout": "0.05"}))
        store = SQLAlchemyStore(impatient, create=True)
        link = record(max_uses=1)
        assert store.add([link], now=NOW, renamed={})
        with engine.begin() as db:
            db.execute(update(meta).values(value=meta.c.value))
            with pytest.raises(StoreError, match="SQLITE_BUSY"):
                store.consume(link.link_id, terms())
        assert store.consume(link.link_id, terms())
        impatient.dispose()
