"""The Redis store keeps the contract, every rule of it, on a real server."""

from __future__ import annotations

from uuid import uuid4

from magiclink.stores.redis import RedisStore
from magiclink.testing.contract import StoreContract
from tests.services import valkey


class TestRedisStore(StoreContract):
    """Every rule, under a prefix of its own each."""

    rounds = 10

    def make_store(self) -> RedisStore:
        """Return a store without a link."""
        return RedisStore(valkey(), prefix=f"test-{uuid4()}")
