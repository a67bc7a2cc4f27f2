"""What the SQLAlchemy store does beyond the contract: it opens by URL, closes, and refuses what doesn't fit."""

from __future__ import annotations

import subprocess
import sys
from typing import TYPE_CHECKING, Any

import pytest
from sqlalchemy import event, func, inspect, select

from magiclink.errors import ConfigurationError, StoreError
from magiclink.stores import from_url
from magiclink.stores.sqlalchemy import SQLAlchemyStore, metadata
from magiclink.testing.contract import record, terms
from magiclink.testing.contract.bench import AUDIENCE, NOW
from tests.stores.sqlalchemy.engines import STORES, new_database, new_engine

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from sqlalchemy import Engine

    from magiclink.records import Record


@pytest.fixture
def engine(tmp_path: Path) -> Iterator[Engine]:
    """Return an engine on an empty file of SQLite."""
    with new_engine("sqlite", tmp_path) as engine:
        yield engine


@pytest.fixture
def store(engine: Engine) -> SQLAlchemyStore:
    """Return a store."""
    return SQLAlchemyStore(engine, create=True)


def put(store: SQLAlchemyStore, **changes: Any) -> Record:
    """Write one link."""
    link = record(**changes)
    assert store.add([link], now=NOW, renamed={})
    return link


def rows(engine: Engine) -> dict[str, int]:
    """Count the rows of every table that has some."""
    with engine.connect() as db:
        counted = {
            table.name: db.scalars(select(func.count()).select_from(table)).one() for table in metadata.sorted_tables
        }
    return {name: count for name, count in counted.items() if count}


@pytest.mark.parametrize("store_name", STORES)
def test_from_url(store_name: str, tmp_path: Path) -> None:
    """A URL that begins with `sqlalchemy+` opens a database of SQLAlchemy's, makes its tables, and finds them again."""
    with new_database(store_name, tmp_path) as place:
        url = "sqlalchemy+" + place.render_as_string(hide_password=False)
        first = from_url(url)
        link = record(max_uses=1)
        assert first.add([link], now=NOW, renamed={})
        assert first.consume(link.link_id, terms())
        first.close()
        second = from_url(url)
        assert second.consume(link.link_id, terms()) is None
        second.close()


@pytest.mark.parametrize(
    ("url", "message"),
    [
        ("sqlalchemy+", "can't read"),
        ("sqlalchemy+secret", "can't read"),
        ("sqlalchemy+secret://host", "knows no database"),
        ("sqlalchemy+sqlite:///secret/is/missing.db", "OperationalError"),
        ("sqlalchemy+sqlite://", "in memory"),
        ("sqlalchemy+postgresql+psycopg://host:secret/db", "can't read"),
        ("sqlalchemy+mysql+mysqldb://secret@host/db", "pip install mysqlclient"),
        ("sqlalchemy+oracle+oracledb://secret@host/db", "pip install oracledb"),
        ("sqlalchemy+mssql+pymssql://secret@host/db", "pip install pymssql"),
        ("sqlalchemy+postgresql+psycopg://secret@/db?host=/is/missing", "OperationalError"),
    ],
)
def test_url_that_opens_nothing(url: str, message: str) -> None:
    """A URL that can't be read, a driver that is missing and a server that is down are told apart, without the URL."""
    with pytest.raises(ConfigurationError, match=message) as raised:
        from_url(url)
    assert "secret" not in str(raised.value)


def test_sqlalchemy_is_missing() -> None:
    """Without SQLAlchemy its URL is ConfigurationError that names the extra."""
    code = """
import sys
sys.modules["sqlalchemy"] = None
from magiclink.stores import from_url
try:
    from_url("sqlalchemy+sqlite:///links.db")
except ValueError as error:
    print(error)
"""
    ran = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=60)
    assert "magiclink-auth[sqlalchemy]" in ran.stdout


def test_closed_engine_of_the_apps(engine: Engine, store: SQLAlchemyStore) -> None:
    """A store that is closed answers nothing, and the app's engine goes on with the connections that it has."""
    with engine.connect():
        pass
    store.close()
    with pytest.raises(StoreError, match="closed"):
        store.check()
    assert engine.pool.checkedin() == 1  # type: ignore[attr-defined]


def test_closed_engine_of_its_own(engine: Engine) -> None:
    """With `dispose` the pool is closed with the store."""
    store = SQLAlchemyStore(engine, create=True, dispose=True)
    store.get(AUDIENCE, b"")
    assert engine.pool.checkedin() == 1  # type: ignore[attr-defined]
    store.close()
    assert engine.pool.checkedin() == 0  # type: ignore[attr-defined]


def test_tables_of_the_apps(engine: Engine, store: SQLAlchemyStore) -> None:
    """Only tables that begin with `magiclink_` are made, and only where it's asked for."""
    with engine.connect() as db:
        assert all(name.startswith("magiclink_") for name in inspect(db).get_table_names())


def test_tables_are_missing(engine: Engine) -> None:
    """E26: without `create` a missing table is ConfigurationError that names it."""
    with pytest.raises(ConfigurationError, match="magiclink_"):
        SQLAlchemyStore(engine)
    with engine.connect() as db:
        assert inspect(db).get_table_names() == []


def test_check_leaves_nothing(engine: Engine, store: SQLAlchemyStore) -> None:
    """The proof is taken back, and can be repeated; only the version of the tables stays."""
    store.check()
    assert rows(engine) == {"magiclink_meta": 1}


def test_begin_of_the_apps(engine: Engine, store: SQLAlchemyStore) -> None:
    """An app whose events begin SQLite's transactions, as SQLAlchemy's documentation has it, is served as well."""

    @event.listens_for(engine, "connect")
    def leave_it(connection: Any, _: object) -> None:
        connection.isolation_level = None

    @event.listens_for(engine, "begin")
    def begin(db: Any) -> None:
        db.exec_driver_sql("BEGIN")

    engine.dispose()
    link = put(store, max_uses=1)
    assert store.consume(link.link_id, terms())
    store.check()
    assert store.consume(link.link_id, terms()) is None
