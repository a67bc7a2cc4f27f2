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

    from tests.stores.grounds import Ground


def contents(ground: Ground, table: str = "") -> set[tuple[str, int]]:
    """Return all that a ground holds, or one of its tables: each row as the table's name and a digest."""
    database = (
        make_url(ground.url).get_backend_name() if ground.store_name == "SQLAlchemy" else ground.store_name.lower()
    )
    rows = _ROWS[database](ground)
    return {(name, hash(row)) for name, row in rows if table in ("", name)}


def _of_sqlite(ground: Ground) -> Iterator[tuple[str, str]]:
    with closing(sqlite3.connect(ground.name)) as db:
        for line in db.iterdump():
            yield line.partition('"')[2].partition('"')[0], line


def _of_postgresql(ground: Ground) -> Iterator[tuple[str, str]]:
    # With the transaction that wrote it: a row that is written anew with what it held is another row.
    with psycopg.connect(postgres()) as db:
        tables = db.execute("SELECT tablename FROM pg_tables WHERE schemaname = %s", [ground.name]).fetchall()
        for (table,) in tables:
            statement = f"SELECT t.xmin::text || t::text FROM {ground.name}.{table} t"
            yield from ((table, row) for (row,) in db.execute(statement.encode()))


def _of_mariadb(ground: Ground) -> Iterator[tuple[str, str]]:
    engine = create_engine(ground.url, poolclass=NullPool)
    with engine.connect() as db:
        for (table,) in db.execute(text("SHOW TABLES")).all():
            yield from ((table, repr(row)) for row in db.execute(text(f"SELECT * FROM {table}")))


def _of_valkey(ground: Ground) -> Iterator[tuple[str, str]]:
    with redis.Redis.from_url(ground.url) as client:
        for key in client.scan_iter(f"{ground.name}:*", count=10_000):
            yield repr(key), repr(client.dump(key))


_ROWS = {
    "sqlite": _of_sqlite,
    "postgresql": _of_postgresql,
    "mariadb": _of_mariadb,
    "valkey": _of_valkey,
}
