"""The SQLAlchemy store keeps the contract, every rule of it, on SQLite, PostgreSQL and MariaDB."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar

import pytest
from sqlalchemy import delete

from magiclink.stores.sqlalchemy import SQLAlchemyStore, metadata
from magiclink.testing.contract import StoreContract
from tests.stores.sqlalchemy.engines import new_engine

if TYPE_CHECKING:
    from collections.abc import Iterator

    from sqlalchemy import Engine


class _Contract(StoreContract):
    store_name: ClassVar[str]
    rounds = 5
    engine: Engine

    @pytest.fixture(scope="class", autouse=True)
    @classmethod
    def _on_an_engine(cls, tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
        with new_engine(cls.store_name, tmp_path_factory.mktemp(cls.store_name)) as cls.engine:
            metadata.create_all(cls.engine)
            yield

    def make_store(self) -> SQLAlchemyStore:
        """Return a store in tables that are empty."""
        with self.engine.begin() as db:
            for table in metadata.sorted_tables:
                db.execute(delete(table))
        return SQLAlchemyStore(self.engine)


class TestOnSQLite(_Contract):
    """Every rule, in a file of SQLite."""

    store_name = "sqlite"


class TestOnPostgreSQL(_Contract):
    """Every rule, in PostgreSQL."""

    store_name = "postgresql"


class TestOnMariaDB(_Contract):
    """Every rule, in MariaDB."""

    store_name = "mariadb"
