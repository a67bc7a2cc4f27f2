"""Faults under Django's connection: cut, locked, read-only, missing, stale. All fail closed, and end with the fault."""

from __future__ import annotations

from contextlib import contextmanager, suppress
from typing import TYPE_CHECKING, Any

import pytest
from django.db import OperationalError, connections, transaction

from magiclink.django.models import Subject
from magiclink.django.store import DjangoStore
from magiclink.django.store.connections import AppDatabase
from magiclink.errors import BadArgumentError, ConfigurationError, StoreError
from magiclink.records import Selector
from magiclink.testing.contract import record, terms
from magiclink.testing.contract.bench import AUDIENCE, NOW, raises
from tests.django.databases import alias_of, database, place, put, two_connections

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from pytest_django import DjangoDbBlocker

    from magiclink.stores.sql.connections import Session


@pytest.fixture(autouse=True)
def _unblocked(django_db_blocker: DjangoDbBlocker) -> Iterator[None]:
    with django_db_blocker.unblock():
        yield


@pytest.fixture
def alias(tmp_path: Path) -> Iterator[str]:
    """Return a file of SQLite."""
    with database("sqlite", tmp_path) as alias:
        yield alias


@pytest.fixture
def on_postgresql(tmp_path: Path) -> Iterator[str]:
    """Return a schema of PostgreSQL."""
    with database("postgresql", tmp_path) as alias:
        yield alias


def test_large_instants(on_postgresql: str) -> None:
    """An instant past 53 bits, or a text that PostgreSQL can't hold, is the caller's, and no trouble of the store."""
    store = DjangoStore(using=on_postgresql)
    link = put(store)
    assert raises(BadArgumentError, lambda: store.mark_delivered(AUDIENCE, [link.link_id], now=2**70))
    for subject in ("\0", "\ud800"):
        assert raises(BadArgumentError, lambda: store.find(Selector(audience=AUDIENCE, subject=subject), limit=1))  # noqa: B023
    assert store.get(AUDIENCE, link.link_id) == link


def test_connection_that_is_cut(on_postgresql: str) -> None:
    """A call whose connection is gone is StoreError, never a success; the next one has a connection again."""
    store = DjangoStore(using=on_postgresql)
    link = put(store)
    with two_connections(on_postgresql) as other, other.cursor() as cursor:
        pid = connections[on_postgresql].connection.info.backend_pid
        cursor.execute("SELECT pg_terminate_backend(%s)", [pid])
    assert raises(StoreError, lambda: store.consume(link.link_id, terms()))
    assert store.get(AUDIENCE, link.link_id) == link


def test_cut_inside_atomic(on_postgresql: str) -> None:
    """Inside the app's own block the connection is left to the block, which undoes all."""
    store = DjangoStore(using=on_postgresql)
    put(store)
    with suppress(OperationalError), transaction.atomic(using=on_postgresql):
        link = put(store)
        with two_connections(on_postgresql) as other, other.cursor() as cursor:
            pid = connections[on_postgresql].connection.info.backend_pid
            cursor.execute("SELECT pg_terminate_backend(%s)", [pid])
        assert raises(StoreError, lambda: put(store))
        assert raises(StoreError, lambda: store.get(AUDIENCE, link.link_id))
    assert store.get(AUDIENCE, link.link_id) is None


def test_block_that_is_broken(alias: str) -> None:
    """In a block that waits for its rollback nothing is said to the database."""
    store = DjangoStore(using=alias)
    link = put(store)
    with transaction.atomic(using=alias):
        transaction.set_rollback(True, using=alias)
        with pytest.raises(StoreError, match="TransactionManagementError"):
            store.get(AUDIENCE, link.link_id)


def test_database_that_only_reads(tmp_path: Path) -> None:
    """A database that takes no writes is StoreError at each write, and goes on reading."""
    with place("sqlite", tmp_path) as settings, alias_of(settings) as alias, database("sqlite", tmp_path) as full:
        connections[alias].settings_dict["NAME"] = connections[full].settings_dict["NAME"]
        connections[alias].settings_dict["OPTIONS"]["init_command"] = "PRAGMA query_only = ON"
        link = put(DjangoStore(using=full))
        store = DjangoStore(using=alias)
        assert raises(StoreError, lambda: put(store))
        assert raises(StoreError, lambda: store.consume(link.link_id, terms()))
        assert raises(ConfigurationError, store.check)
        assert store.get(AUDIENCE, link.link_id) == link


IMPATIENT = {"sqlite": "PRAGMA timeout = 50", "postgresql": "SET lock_timeout = '50ms'"}


@pytest.mark.parametrize("store_name", IMPATIENT)
def test_lock_that_is_held_too_long(tmp_path: Path, store_name: str) -> None:
    """Whoever waits longer for a lock than the database lets him gets StoreError; nothing is used."""
    with database(store_name, tmp_path) as alias, two_connections(alias) as other:
        store = DjangoStore(using=alias)
        link = put(store)
        with connections[alias].cursor() as cursor:
            cursor.execute(IMPATIENT[store_name])
        with _held(other):
            assert raises(StoreError, lambda: store.consume(link.link_id, terms()))
            assert raises(StoreError, lambda: put(store))
        assert store.get(AUDIENCE, link.link_id) == link
        assert store.consume(link.link_id, terms()) is not None


@contextmanager
def _held(other: Any) -> Iterator[None]:
    """Lock every subject, as another process does that is slow."""
    with other.cursor() as cursor:
        cursor.execute("BEGIN")
        cursor.execute(f"UPDATE {Subject._meta.db_table} SET number = number")
        yield
        cursor.execute("ROLLBACK")


def test_statement_that_takes_too_long(on_postgresql: str) -> None:
    """A statement that the server ends is StoreError."""
    with connections[on_postgresql].cursor() as cursor:
        cursor.execute("SET statement_timeout = '50ms'")
    with pytest.raises(StoreError, match="57014"):
        AppDatabase(on_postgresql).read(lambda db: db.ask("SELECT pg_sleep(9)", {}))


def test_tables_that_were_not_migrated(tmp_path: Path) -> None:
    """At the prompt, before `migrate`, a call and `check` say what to run."""
    with place("sqlite", tmp_path) as settings, alias_of(settings) as alias:
        store = DjangoStore(using=alias)
        with pytest.raises(StoreError, match=r"missing: run manage\.py migrate"):
            put(store)
        with pytest.raises(ConfigurationError, match=r"magiclink_.*run manage.py migrate"):
            store.check()


def test_read_before_the_write(alias: str) -> None:
    """SQLite: a call that reads before it writes has its lock from the first: another's write between is waited for."""
    refused: list[bool] = []
    with two_connections(alias) as other:

        def work(db: Session) -> None:
            with other.cursor() as cursor:
                cursor.execute("PRAGMA timeout = 0")
                refused.append(
                    raises(OperationalError, lambda: cursor.execute("UPDATE magiclink_links SET uses = uses"))
                )

        AppDatabase(alias).write(work)
    assert refused == [True]


LEVELS: list[tuple[str | None, bool]] = [("read committed", True), ("repeatable read", False), (None, False)]


@pytest.mark.parametrize(("level", "joins"), LEVELS)
def test_stale_reads_on_mariadb(tmp_path: Path, level: str | None, joins: bool) -> None:
    """Under REPEATABLE READ the store sets its own level in its transactions, and joins none of the app's."""
    with database("mariadb", tmp_path, isolation_level=level) as alias:
        store = DjangoStore(using=alias)
        link = put(store)
        assert AppDatabase(alias).write(_level) == "READ-COMMITTED"
        assert store.consume(link.link_id, terms()) is not None
        with transaction.atomic(using=alias):
            given = _answer(lambda: store.add([record()], now=NOW, renamed={}))
    assert given == (True if joins else ConfigurationError)


def _level(db: Session) -> str:
    """Tell under which level a transaction runs: InnoDB knows once it has begun."""
    db.ask("SELECT count(*) FROM magiclink_links", {})
    # InnoDB tells of its transactions out of a copy, which is as old as the last look until nobody looked for 0.1 s.
    db.ask("SELECT sleep(0.15)", {})
    found = db.ask(
        "SELECT trx_isolation_level FROM information_schema.innodb_trx WHERE trx_mysql_thread_id = connection_id()", {}
    )
    return str(found[0][0]).replace(" ", "-")


def _answer(call: Callable[[], object]) -> object:
    try:
        return call()
    except ConfigurationError as error:
        return type(error)


def test_server_that_is_down(tmp_path: Path) -> None:
    """A server that can't be reached is StoreError, without its address."""
    with alias_of({"ENGINE": "django.db.backends.postgresql", "HOST": str(tmp_path), "NAME": "secret"}) as alias:
        with pytest.raises(StoreError) as caught:
            DjangoStore(using=alias).get(AUDIENCE, b"")
        assert "secret" not in str(caught.value)
        with pytest.raises(ConfigurationError):
            DjangoStore(using=alias).check()


def test_engine_that_is_missing() -> None:
    """A database whose driver isn't there is ConfigurationError."""
    with alias_of({"ENGINE": "nowhere.backend", "NAME": "links"}) as alias:
        assert raises(ConfigurationError, lambda: DjangoStore(using=alias).get(AUDIENCE, b""))
        connections.settings[alias]["ENGINE"] = "django.db.backends.sqlite3"
