"""The protocol of a store says once what its calls promise, and every store of the library inherits it."""

from __future__ import annotations

import inspect

import pytest

from magiclink.django.store import DjangoStore
from magiclink.stores.base import Store
from magiclink.stores.memory import MemoryStore
from magiclink.stores.postgres import PostgresStore
from magiclink.stores.redis import RedisStore
from magiclink.stores.sqlalchemy import SQLAlchemyStore
from magiclink.stores.sqlite import SQLiteStore

CALLS = [name for name in vars(Store) if not name.startswith("_")]


@pytest.mark.parametrize(
    "store",
    [MemoryStore, SQLiteStore, PostgresStore, RedisStore, SQLAlchemyStore, DjangoStore],
    ids=lambda s: s.__name__,
)
def test_inherited(store: type[Store]) -> None:
    """Every store has every call itself, and help() shows what the protocol promises of it."""
    assert len(CALLS) == 16
    for name in CALLS:
        assert getattr(store, name) is not getattr(Store, name)
        assert inspect.getdoc(getattr(store, name))
    assert inspect.getdoc(store.consume) == inspect.getdoc(Store.consume)
