"""The PostgreSQL store keeps the contract: all of it as the server comes, and what races under the other levels too.

`MAGICLINK_TEST_ROUNDS` says how often each race is run.
"""

from __future__ import annotations

import os
from contextlib import ExitStack
from typing import TYPE_CHECKING

import pytest
from psycopg.conninfo import make_conninfo

from magiclink.stores.postgres import PostgresStore
from magiclink.testing.contract import StoreContract
from magiclink.testing.contract.adding import Adding
from magiclink.testing.contract.consuming import Consuming
from magiclink.testing.contract.counting import Counting
from magiclink.testing.contract.racing import Racing
from magiclink.testing.contract.revoking import Revoking
from magiclink.testing.contract.superseding import Superseding
from tests.services import new_schema, postgres, spare_schema

if TYPE_CHECKING:
    from collections.abc import Iterator

ROUNDS = int(os.environ.get("MAGICLINK_TEST_ROUNDS", "5"))


class OnPostgres:
    """An empty schema each, under one isolation level as the role's default."""

    rounds = ROUNDS
    level = "read committed"

    @pytest.fixture(autouse=True)
    def _on_a_server(self) -> Iterator[None]:
        level = self.level.replace(" ", "\\ ")
        self.url = make_conninfo(postgres(), options=f"-c default_transaction_isolation={level}")
        with ExitStack() as self.schemas:
            yield

    def make_store(self) -> PostgresStore:
        """Return a store in an empty schema."""
        return PostgresStore(self.url, schema=self.schemas.enter_context(spare_schema()))


class TestReadCommitted(OnPostgres, StoreContract):
    """Every rule, on the level that PostgreSQL comes with."""


class TestPartitioned(OnPostgres, StoreContract):
    """Every rule, on tables that are partitioned by expiry and behind a pooler that knows no prepared statement."""

    rounds = 1

    def make_store(self) -> PostgresStore:
        """Return a store in a new schema of partitions, with some months of the contract's links."""
        from datetime import date

        store = PostgresStore(self.url, schema=new_schema(), partitioned=True, prepared=False)
        store.add_months(date(2025, 12, 1), 3)
        return store


class TestRepeatableRead(OnPostgres, Adding, Superseding, Consuming, Revoking, Counting, Racing):
    """What writes and races, where a row that has changed fails a statement."""

    level = "repeatable read"


class TestSerializable(OnPostgres, Adding, Superseding, Consuming, Revoking, Counting, Racing):
    """What writes and races, where a cycle of reads and writes fails a statement too."""

    level = "serializable"
