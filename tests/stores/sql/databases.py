"""What the tests of the one SQL text stand on: both stores that run it, and a way to look behind them."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from threading import Event
from typing import TYPE_CHECKING, Any

from django.db import connections

from magiclink.django.store import DjangoStore
from magiclink.stores.sql.schema import TABLES
from magiclink.stores.sqlalchemy import SQLAlchemyStore
from magiclink.testing.contract import record
from magiclink.testing.contract.bench import NOW
from tests.django.databases import database
from tests.stores.sqlalchemy.engines import new_engine

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from magiclink.records import Record
    from magiclink.stores.sql.connections import Session
    from magiclink.stores.sql.store import SQLStore

KINDS = ("Django", "SQLAlchemy")


@contextmanager
def open_store(kind: str, database_name: str, folder: Path) -> Iterator[SQLStore]:
    """Open a store of a kind on an empty database."""
    if kind == "Django":
        with database(database_name, folder) as alias:
            yield DjangoStore(using=alias)
    else:
        with new_engine(database_name, folder) as engine:
            yield SQLAlchemyStore(engine, create=True)


def ask(store: SQLStore, statement: str, **values: object) -> list[tuple[Any, ...]]:
    """Ask a store's database behind the store's back."""
    return [tuple(row) for row in store._database.write(lambda db: db.ask(statement, values))]


def run(store: SQLStore, *statements: str) -> None:
    """Do something in a store's database behind the store's back."""

    def work(db: Session) -> None:
        for statement in statements:
            db.change(statement, {})

    store._database.write(work)


def count(store: SQLStore, table: str) -> int:
    """Count the rows of a table."""
    [(rows,)] = ask(store, f"SELECT count(*) FROM magiclink_{table}")
    return int(rows)


def empty(store: SQLStore) -> None:
    """Take every row out of the store's tables."""
    run(store, *(f"DELETE FROM magiclink_{table}" for table in TABLES))


@contextmanager
def row_locked(store: SQLStore, subject: str) -> Iterator[None]:
    """Hold the row of a subject, as another process does that is slow."""
    held, done = Event(), Event()

    def hold(db: Session) -> None:
        db.ask("SELECT 1 FROM magiclink_subjects WHERE subject = %(subject)s FOR UPDATE", {"subject": subject})
        held.set()
        assert done.wait(60)

    def work() -> None:
        try:
            store._database.write(hold)
        finally:
            connections.close_all()

    with ThreadPoolExecutor(1) as pool:
        holder = pool.submit(work)
        assert held.wait(60)
        try:
            yield
        finally:
            done.set()
            holder.result(60)


def put(store: SQLStore, **changes: Any) -> Record:
    """Write one link, and return it as the store has it."""
    link = record(**changes)
    assert store.add([link], now=NOW, renamed={})
    found = store.get(link.audience, link.link_id)
    assert found is not None
    return found
