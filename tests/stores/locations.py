"""Where the stores of the races lie: each store that processes can share, on a server or file of its own.

A location is text alone, so that another process can open the same. What else a race needs is here too: the app's
policies, links over a store, and the lock that a test holds while calls queue behind it.
"""

from __future__ import annotations

import os
import time
from contextlib import contextmanager
from dataclasses import dataclass, replace
from datetime import timedelta
from functools import partial
from hashlib import sha256
from typing import TYPE_CHECKING, Any, TypeVar

import psycopg
import redis
from psycopg.conninfo import make_conninfo
from sqlalchemy import NullPool, create_engine, text

from magiclink import CONFIRM_EMAIL, INVOICE, Key, KeyRing, MagicLinks, ReissueRefusedError, RejectedLinkError
from magiclink.records import Supersede
from magiclink.stores.postgres import PostgresStore
from magiclink.stores.redis import RedisStore
from magiclink.stores.sqlalchemy import SQLAlchemyStore
from magiclink.stores.sqlite import SQLiteStore
from magiclink.testing import FrozenClock
from tests.services import TIMEOUT, new_schema, postgres, valkey
from tests.stores.postgres.sandboxes import LEVELS, Call
from tests.stores.sqlalchemy.engines import new_database

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from magiclink.stores.base import Store

T = TypeVar("T")

ROUNDS = int(os.environ.get("MAGICLINK_TEST_ROUNDS", "20"))
"""How often each race is run; `python -m tests.long` runs two hundred."""

IS_LONG = "MAGICLINK_TEST_LARGE" in os.environ
"""Whether the large runs are as large as they can be; `python -m tests.long` says so."""

LEVELLED = tuple(f"PostgreSQL, {level}" for level in LEVELS)
LOCKING = (*LEVELLED, "SQLAlchemy, PostgreSQL", "SQLAlchemy, MariaDB")
"""The stores whose rows a test can lock."""

SHARED = (*LOCKING, "Valkey")
"""The stores that several machines share."""

EVERY = (*SHARED, "SQLite", "SQLAlchemy, SQLite")
"""The stores that several processes share."""

BILL = INVOICE
"""Opens any number of times; delivery ends what it replaces."""

PROMPT = replace(INVOICE, purpose="prompt", supersede=Supersede.ON_ISSUE)
"""The same, but issue ends what it replaces."""

ONCE = CONFIRM_EMAIL
THRICE = replace(CONFIRM_EMAIL, purpose="thrice", max_uses=3)

_LONG = timedelta(minutes=2)
_WAITING_ON_POSTGRESQL = """
    SELECT count(*) FROM pg_stat_activity WHERE application_name = :name AND wait_event_type = 'Lock'
"""
# The table of transactions that wait is no help: InnoDB doesn't bring it up to date for whoever asks without a pause.
_WAITING_ON_MARIADB = """
    SELECT CAST(variable_value AS SIGNED) FROM information_schema.global_status
    WHERE variable_name = 'INNODB_ROW_LOCK_CURRENT_WAITS'
"""
_RING = KeyRing(signing=Key(id=1, secret=sha256(b"the key of the races").digest()))


@dataclass(frozen=True)
class Location:
    """Where a store lies: its store, the URL of its server or file, and its schema, prefix or path."""

    store_name: str
    url: str
    name: str

    def open(self, connections: int = 8) -> Store:
        """Open the store, with connections for so many threads."""
        if self.store_name == "SQLite":
            return SQLiteStore(self.url, timeout=_LONG)
        if self.store_name == "Valkey":
            return RedisStore(self.url, prefix=self.name)
        if self.store_name == "PostgreSQL":
            return PostgresStore(self.url, schema=self.name, pool_size=connections, timeout=_LONG)
        engine = create_engine(self.url, pool_size=connections, pool_timeout=_LONG.total_seconds())
        return SQLAlchemyStore(engine, create=True, dispose=True)


@contextmanager
def new_location(label: str, folder: Path) -> Iterator[Location]:
    """Make an empty location for a store of `EVERY`, and remove it afterwards."""
    store_name, _, more = label.partition(", ")
    name = new_schema()
    if store_name == "SQLAlchemy":
        with new_database(more.lower(), folder) as given:
            schema = str(given.query.get("options", "")).removeprefix("-csearch_path=")
            database = given.update_query_dict({"application_name": schema} if schema else {})
            yield Location(
                store_name, database.render_as_string(hide_password=False), schema or database.database or ""
            )
    elif store_name == "Valkey":
        yield Location(store_name, valkey(), name)
        with redis.Redis.from_url(valkey()) as client:
            for key in client.scan_iter(f"{name}:*", count=10_000):
                client.unlink(key)
    elif store_name == "PostgreSQL":
        level = more.replace(" ", "\\ ")
        url = make_conninfo(postgres(), application_name=name, options=f"-c default_transaction_isolation={level}")
        yield Location(store_name, url, name)
        with psycopg.connect(postgres(), autocommit=True) as admin:
            admin.execute(f"DROP SCHEMA IF EXISTS {name} CASCADE".encode())
    else:
        path = str(folder / f"{name}.db")
        yield Location(store_name, path, path)


def links_on(store: Store, **changed: Any) -> MagicLinks:
    """Return an app's links over a store, by a clock that stands still; each process makes its own."""
    plain: dict[str, Any] = {"policies": (BILL, PROMPT, ONCE, THRICE), "base_url": "https://billing.example/l/"}
    return MagicLinks(**{"keys": _RING, "store": store, "clock": FrozenClock(), **plain, **changed})


def outcome(call: Callable[[], T]) -> T | RejectedLinkError | ReissueRefusedError:
    """Return what a call returns, or with which verdict it was refused; any other error passes through."""
    try:
        return call()
    except (RejectedLinkError, ReissueRefusedError) as error:
        return error


class Bolt:
    """The lock of every subject's row of a location of `LOCKING`, held by a test while calls queue behind it."""

    def __init__(self, location: Location) -> None:
        self._table, self._waiting = "magiclink_subjects", text(_WAITING_ON_MARIADB)
        how: dict[str, Any] = {"poolclass": NullPool, "isolation_level": "READ COMMITTED"}
        if location.store_name == "PostgreSQL":
            self._table = f"{location.name}.subjects"
            self._engine = create_engine("postgresql+psycopg://", creator=lambda: psycopg.connect(location.url), **how)
        else:
            self._engine = create_engine(location.url, **how)
        if self._engine.dialect.name == "postgresql":
            self._waiting = text(_WAITING_ON_POSTGRESQL).bindparams(name=location.name)

    @contextmanager
    def shut(self) -> Iterator[None]:
        """Hold it."""
        with self._engine.connect() as holder:
            holder.execute(text(f"SELECT 1 FROM {self._table} FOR UPDATE")).all()
            yield

    def wait_for(self, waiting: int) -> None:
        """Return when so many calls wait for it."""
        deadline = time.monotonic() + TIMEOUT
        with self._engine.connect().execution_options(isolation_level="AUTOCOMMIT") as watch:
            while watch.execute(self._waiting).scalar_one() < waiting:
                assert time.monotonic() < deadline, "nobody waits for the lock"

    def queued(self, *calls: Callable[[], Any]) -> list[Any]:
        """Let calls begin in this order, each while those before it wait, and give each one's `outcome`."""
        waiting = []
        with self.shut():
            for call in calls:
                waiting.append(Call(partial(outcome, call)))
                self.wait_for(len(waiting))
        return [call.result() for call in waiting]
