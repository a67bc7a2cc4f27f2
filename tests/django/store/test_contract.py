"""The Django store keeps the contract, every rule of it, on SQLite, PostgreSQL and MariaDB."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar

import pytest

from magiclink.testing.contract import StoreContract
from tests.django.databases import TidyStore, database, empty

if TYPE_CHECKING:
    from collections.abc import Iterator

    from pytest_django import DjangoDbBlocker


class _Contract(StoreContract):
    store_name: ClassVar[str]
    rounds = 5
    alias: str

    @pytest.fixture(scope="class", autouse=True)
    @classmethod
    def _on_a_database(
        cls, tmp_path_factory: pytest.TempPathFactory, django_db_blocker: DjangoDbBlocker
    ) -> Iterator[None]:
        folder = tmp_path_factory.mktemp(cls.store_name)
        with django_db_blocker.unblock(), database(cls.store_name, folder) as cls.alias:
            yield

    def make_store(self) -> TidyStore:
        """Return a store in tables that are empty."""
        empty(self.alias)
        return TidyStore(using=self.alias)


class TestOnSQLite(_Contract):
    """Every rule, in a file of SQLite as Django opens it."""

    store_name = "sqlite"


class TestOnPostgreSQL(_Contract):
    """Every rule, in PostgreSQL."""

    store_name = "postgresql"


class TestOnMariaDB(_Contract):
    """Every rule, in MariaDB."""

    store_name = "mariadb"
