"""A store on the shared server under a prefix of the test's own, and servers of its own to kill, fill up or cut off."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING
from uuid import uuid4

import pytest
import redis

from magiclink.stores.redis import RedisStore
from tests.services import valkey
from tests.stores.redis.servers import ValkeyServer, serving

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator


@pytest.fixture
def prefix() -> str:
    """Return a prefix of the test's own."""
    return f"test-{uuid4()}"


@pytest.fixture
def client() -> Iterator[redis.Redis]:
    """Return a client of the server that the store is on."""
    with redis.Redis.from_url(valkey()) as opened:
        yield opened


@pytest.fixture
def store(prefix: str) -> Iterator[RedisStore]:
    """Return a store without a link."""
    # A machine that does much else may need longer for a batch of ten thousand.
    opened = RedisStore(valkey(), prefix=prefix, timeout=timedelta(minutes=1))
    yield opened
    opened.close()


@pytest.fixture
def serve(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Callable[..., ValkeyServer]]:
    """Return a way to start servers of the test's own, with options; they end with it."""
    with serving(tmp_path_factory) as begin:
        yield begin


@pytest.fixture
def server(serve: Callable[..., ValkeyServer]) -> ValkeyServer:
    """Return a server of the test's own."""
    return serve()
