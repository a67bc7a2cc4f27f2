"""Every store gives the model's answers, in whatever order it is asked, on whatever clocks.

A short run is part of the suite. A long one, of one store or of all:

    MAGICLINK_TEST_EXAMPLES=2000 MAGICLINK_TEST_STEPS=80 pytest -n0 tests/stores/test_state_machine.py -k SQLite
"""

from __future__ import annotations

import os
import tempfile
from contextlib import ExitStack
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING
from uuid import uuid4

import pytest
from hypothesis import HealthCheck, settings
from hypothesis.stateful import run_state_machine_as_test
from sqlalchemy import delete

from magiclink.stores.memory import MemoryStore
from magiclink.stores.postgres import PostgresStore
from magiclink.stores.redis import RedisStore
from magiclink.stores.sqlalchemy import SQLAlchemyStore, metadata
from magiclink.stores.sqlite import SQLiteStore
from magiclink.testing.machine import StoreMachine
from tests.services import empty_schema, postgres, spare_schema, valkey
from tests.stores.sqlalchemy.engines import new_engine

if TYPE_CHECKING:
    from collections.abc import Callable

    from magiclink.stores.base import Store

    MakeStore = Callable[[], Store]

PROFILE = settings(
    max_examples=int(os.environ.get("MAGICLINK_TEST_EXAMPLES", "30")),
    stateful_step_count=int(os.environ.get("MAGICLINK_TEST_STEPS", "30")),
    deadline=None,
    # A database is slow to draw from, and no reason to fail.
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.filter_too_much],
)


def _memory(stack: ExitStack) -> MakeStore:
    return MemoryStore


def _sqlite(stack: ExitStack) -> MakeStore:
    folder = Path(stack.enter_context(tempfile.TemporaryDirectory()))
    return lambda: SQLiteStore(folder / f"{uuid4()}.db")


def _postgres(stack: ExitStack) -> MakeStore:
    # The machine makes one store an example: each gets tables of its own, which go with the server.
    url = postgres()
    schema = stack.enter_context(spare_schema())

    def make_store() -> PostgresStore:
        empty_schema(schema)
        return PostgresStore(url, schema=schema)

    return make_store


def _valkey(stack: ExitStack) -> MakeStore:
    url = valkey()
    return lambda: RedisStore(url, prefix=f"test-{uuid4()}")


def _sqlalchemy(store_name: str, stack: ExitStack) -> MakeStore:
    folder = Path(stack.enter_context(tempfile.TemporaryDirectory()))
    engine = stack.enter_context(new_engine(store_name, folder))
    metadata.create_all(engine)

    def make_store() -> SQLAlchemyStore:
        with engine.begin() as db:
            for table in metadata.sorted_tables:
                db.execute(delete(table))
        return SQLAlchemyStore(engine)

    return make_store


STORES: dict[str, Callable[[ExitStack], MakeStore]] = {
    "memory": _memory,
    "SQLite": _sqlite,
    "PostgreSQL": _postgres,
    "Valkey": _valkey,
    "SQLAlchemy-SQLite": partial(_sqlalchemy, "sqlite"),
    "SQLAlchemy-PostgreSQL": partial(_sqlalchemy, "postgresql"),
    "SQLAlchemy-MariaDB": partial(_sqlalchemy, "mariadb"),
}
"""Every store by its name: what it needs is put on the stack, and what makes a new, empty store is given back."""


@pytest.mark.parametrize("store_name", STORES)
def test_any_order_of_calls(store_name: str) -> None:
    """No order of calls, and no clock, brings a store to another answer than the model's, or to other links."""
    with ExitStack() as stack:
        make = STORES[store_name](stack)

        class Machine(StoreMachine):
            def make_store(self) -> Store:
                return make()

        run_state_machine_as_test(Machine, settings=PROFILE)
