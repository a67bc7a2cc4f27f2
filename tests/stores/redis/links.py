"""Links that the tests of the Redis store write, and the keys in which they lie."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any
from uuid import uuid4

from magiclink.stores.redis import RedisStore
from magiclink.testing.contract import record, terms
from magiclink.testing.contract.bench import NOW

if TYPE_CHECKING:
    import redis

    from magiclink.records import Record

ONCE = terms(max_uses=1)


def open_store(url: str) -> RedisStore:
    """Open a store under a prefix of its own."""
    return RedisStore(url, prefix=f"test-{uuid4()}")


def put(store: RedisStore, **changes: Any) -> Record:
    """Write one link."""
    link = record(**changes)
    assert store.add([link], now=NOW, renamed={})
    return link


def put_once(store: RedisStore) -> Record:
    """Write one link, to be used once."""
    return put(store, max_uses=1)


def list_keys(client: redis.Redis, prefix: str) -> set[bytes]:
    """Return what is kept under a prefix, but for the version."""
    return set(client.scan_iter(f"{prefix}:*", count=10_000)) - {f"{prefix}:version".encode()}
