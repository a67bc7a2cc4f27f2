"""What is refused when a Redis store is opened: URLs, clients, and servers that can't be relied on."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING, Any
from uuid import uuid4

import pytest
import redis

from magiclink.errors import ConfigurationError, StoreError
from magiclink.stores.redis import RedisStore, connections
from magiclink.testing.contract.bench import AUDIENCE
from tests.services import valkey
from tests.stores.redis.links import open_store, put_once

if TYPE_CHECKING:
    from tests.stores.redis.servers import ValkeyServer


@pytest.mark.parametrize(
    "url",
    [
        "",
        "links.db",
        "http://secret@localhost",
        "redis://secret@localhost:nowhere",
        "redis://:secret@localhost:1/0",
        "redis://localhost:1/0?secret=1",
        "redis://localhost:1/0?socket_timeout=secret",
        "valkey://:secret@localhost:1",
        "unix:///nowhere/secret",
    ],
)
def test_url_that_leads_nowhere(url: str) -> None:
    """E01: a URL that can't be read, or where nobody answers, is ConfigurationError that doesn't repeat it."""
    with pytest.raises(ConfigurationError) as raised:
        RedisStore(url)
    assert "secret" not in str(raised.value)


@pytest.mark.parametrize(("url", "got"), [("http://localhost", "http://"), ("links.db", "none of these")])
def test_url_of_another_kind(url: str, got: str) -> None:
    """The message says what a URL begins with, and what it should begin with."""
    with pytest.raises(ConfigurationError, match=f"begins with redis://, .*; this one with {got}"):
        RedisStore(url)


@pytest.mark.parametrize("client", [None, b"redis://localhost", object(), {"host": "localhost"}])
def test_client_of_another_kind(client: Any) -> None:
    """What is neither a URL nor a client of redis-py is ConfigurationError."""
    with pytest.raises(ConfigurationError, match="needs a URL"):
        RedisStore(client)


def test_client_that_decodes() -> None:
    """A client that reads bytes as text is ConfigurationError, by a URL too."""
    with redis.Redis.from_url(valkey(), decode_responses=True) as client:
        for given in (client, f"{valkey()}&decode_responses=True"):
            with pytest.raises(ConfigurationError, match="decode_responses"):
                RedisStore(given)


def test_client_stays_open() -> None:
    """A client that was given is used as it is, and stays its owner's to close."""
    with redis.Redis.from_url(valkey()) as client:
        store = RedisStore(client, prefix=f"test-{uuid4()}")
        link = put_once(store)
        store.close()
        with pytest.raises(StoreError, match="closed"):
            store.get(AUDIENCE, link.link_id)
        assert client.ping()


@pytest.mark.parametrize(
    ("options", "why"),
    [
        ({"wait_replicas": -1}, "wait_replicas: 0 or more; got -1"),
        ({"wait_timeout": timedelta(0)}, "wait_timeout: at least 1 ms"),
        ({"wait_timeout": timedelta(microseconds=999)}, "wait_timeout: at least 1 ms"),
        ({"wait_replicas": 1, "wait_timeout": timedelta(seconds=5)}, "less than the timeout of 0:00:05; got 0:00:05"),
        ({"wait_replicas": 1, "timeout": timedelta(seconds=1)}, "less than the timeout of 0:00:01; got 0:00:01"),
        ({"timeout": 5}, "timeout: wanted a timedelta"),
        ({"timeout": timedelta(0)}, "timeout: at least 1 ms; got 0:00:00"),
    ],
)
def test_waiting_without_sense(options: dict[str, Any], why: str) -> None:
    """A number of replicas below 0, and a wait for ever, for nothing or past the socket's, are ConfigurationError."""
    with pytest.raises(ConfigurationError, match=why):
        RedisStore(valkey(), **options)


@pytest.mark.parametrize(
    ("facts", "why"),
    [
        ("", "too old"),
        ("redis_version:6.2.14\nrole:master\nloading:0", "too old"),
        ("redis_version:7.0.0\nrole:slave\nloading:0", "replica"),
        ("redis_version:7.0.0\nrole:master\nloading:1", "loading"),
        ("redis_version:7.0.0\nrole:master\nloading:0\ncluster_enabled:1", "RedisCluster"),
        ("redis_version:10.0.0\nrole:master\nloading:0\nmaxmemory_policy:allkeys-lru", "noeviction"),
        ("redis_version:7.0.0\nrole:master\nloading:0\nmaxmemory_policy:allkeys-random", "noeviction"),
    ],
)
def test_server_that_can_not_be_relied_on(facts: str, why: str) -> None:
    """A server that is too old, a replica, loading, or may drop records is ConfigurationError."""
    with pytest.raises(ConfigurationError, match=why):
        connections._require_sound(facts.encode(), clustered=False)


@pytest.mark.parametrize("policy", ["noeviction", "volatile-lru", "volatile-ttl"])
def test_policy_that_drops_no_record(server: ValkeyServer, policy: str) -> None:
    """A policy that drops nothing, or only keys with a time to live, of which there is none, is taken."""
    server.client().config_set("maxmemory-policy", policy)
    open_store(server.url).close()


def test_policy_that_drops_records(server: ValkeyServer) -> None:
    """An eviction policy that can drop records is refused when opened, and found by `check` when it comes later."""
    store = open_store(server.url)
    server.client().config_set("maxmemory-policy", "allkeys-lfu")
    with pytest.raises(ConfigurationError, match="noeviction"):
        open_store(server.url)
    with pytest.raises(ConfigurationError, match="noeviction"):
        store.check()
    store.close()


def test_password(server: ValkeyServer) -> None:
    """A server that asks for a password is ConfigurationError without it, and with a wrong one; StoreError later."""
    store = open_store(server.url)
    server.client().config_set("requirepass", "right")
    for url in (server.url, f"unix://:wrong@{server.path}"):
        with pytest.raises(ConfigurationError, match="Authentication"):
            open_store(url)
    put_once(open_store(f"unix://:right@{server.path}"))
    store._server._client.connection_pool.disconnect()
    with pytest.raises(StoreError, match="Authentication"):
        put_once(store)
