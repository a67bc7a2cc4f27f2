"""All that a store wrote, read behind its back: so a test sees which rows a call has changed, and how many."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from typing import TYPE_CHECKING

import psycopg
import redis
from sqlalchemy import NullPool, create_engine, make_url, text

from tests.services import postgres

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.stores.locations import Location


def contents(location: Location, table: str = "") -> set[tuple[str, int]]:
    """Return all that a location holds, or one of its tables: each row as the table's name and a digest."""
    database = (
        make_url(location.url).get_backend_name()
        if location.store_name == "SQLAlchemy"
        else location.store_name.lower()
    )
    rows = _ROWS[database](location)
    return {(name, hash(row)) for name, row in rows if table in ("", name)}


def _of_sqlite(location: Location) -> Iterator[tuple[str, str]]:
    with closing(sqlite3.connect(location.name)) as db:
        for line in db.iterdump():
            yield line.partition('"')[2].partition('"')[0], line


def _of_postgresql(location: Location) -> Iterator[tuple[str, str]]:
    # With the transaction that wrote it: a row that is written anew with what it held is another row.
    with psycopg.connect(postgres()) as db:
        tables = db.execute("SELECT tablename FROM pg_tables WHERE schemaname = %s", [location.name]).fetchall()
        for (table,) in tables:
            statement = f"SELECT t.xmin::text || t::text FROM {location.name}.{table} t"
            yield from ((table, row) for (row,) in db.execute(statement.encode()))


def _of_mariadb(location: Location) -> Iterator[tuple[str, str]]:
    engine = create_engine(location.url, poolclass=NullPool)
    with engine.connect() as db:
        for (table,) in db.execute(text("SHOW TABLES")).all():
            yield from ((table, repr(row)) for row in db.execute(text(f"SELECT * FROM {table}")))


def _of_valkey(location: Location) -> Iterator[tuple[str, str]]:
    with redis.Redis.from_url(location.url) as client:
        for key in client.scan_iter(f"{location.name}:*", count=10_000):
            yield repr(key), repr(client.dump(key))


_ROWS = {
    "sqlite": _of_sqlite,
    "postgresql": _of_postgresql,
    "mariadb": _of_mariadb,
    "valkey": _of_valkey,
}
