"""Keys of another version are refused when a store is opened, with the ways out; those of another prefix aren't."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from magiclink.errors import ConfigurationError
from magiclink.stores.redis import RedisStore, version
from magiclink.stores.redis.connections import Server
from magiclink.stores.redis.encoding import derive_tag
from magiclink.testing.contract.bench import AUDIENCE
from tests.services import valkey
from tests.stores.redis.links import put

if TYPE_CHECKING:
    import redis

    from tests.stores.redis.servers import ValkeyServer


def test_version_is_written(store: RedisStore, client: redis.Redis, prefix: str) -> None:
    """An empty prefix gets this version, which is kept when the store is opened again."""
    assert client.get(f"{prefix}:version") == version.VERSION
    put(store)
    RedisStore(client, prefix=prefix).check()


@pytest.mark.parametrize("prefix", ["older", "older*", "o[l]d?", "back\\slash"])
def test_keys_of_the_first_version(server: ValkeyServer, prefix: str) -> None:
    """Keys without a version are those of the first one: refused, with the ways out, and left as they are."""
    operator, key = server.client(), prefix.encode() + b":" + derive_tag(AUDIENCE) + b":index"
    operator.zadd(key, {"e": 0})
    ways_out = r"are of version 1, .* reads 2: .*another prefix=, or delete them"
    with pytest.raises(ConfigurationError, match=ways_out) as raised:
        RedisStore(server.url, prefix=prefix)
    assert (operator.keys(), len(operator.client_list())) == ([key], 1), raised
    operator.delete(key)
    RedisStore(server.url, prefix=prefix).close()


def test_keys_of_a_later_version(store: RedisStore, client: redis.Redis, prefix: str) -> None:
    """Keys of a version that this library doesn't know are refused when opened, and by `check` when they come later."""
    client.set(f"{prefix}:version", b"10")
    with pytest.raises(ConfigurationError, match="are of version 10"):
        RedisStore(valkey(), prefix=prefix)
    with pytest.raises(ConfigurationError, match="are of version 10"):
        store.check()


def test_key_of_another_kind(client: redis.Redis, prefix: str) -> None:
    """Another application's key in the place of the version is ConfigurationError, never Redis' own exception."""
    client.hset(f"{prefix}:version", "a", "b")
    with pytest.raises(ConfigurationError, match="WRONGTYPE"):
        RedisStore(valkey(), prefix=prefix)


def test_keys_of_others(server: ValkeyServer) -> None:
    """Keys of other prefixes, also such as a pattern would take for ours, are nobody's older version."""
    for key in ("olders:{a}:index", "older:settings", "older:b:{a}:index", "{older:", "Older:{a}:index"):
        server.client().set(key, b"")
    RedisStore(server.url, prefix="older").close()
    RedisStore(server.url, prefix="old?r").close()
    RedisStore(server.url, prefix="*").close()


def test_opened_by_another_meanwhile(prefix: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Links that another process writes while a store is opened are nobody's older version."""
    look = Server.has_keys

    def look_late(server: Server, pattern: bytes) -> bool:
        monkeypatch.undo()
        put(RedisStore(valkey(), prefix=prefix))
        return look(server, pattern)

    monkeypatch.setattr(Server, "has_keys", look_late)
    RedisStore(valkey(), prefix=prefix).close()


def test_scan_that_fails(server: ValkeyServer) -> None:
    """A user who may not look for older keys is ConfigurationError, with Redis' code."""
    server.client().execute_command("ACL", "SETUSER", "app", "on", "nopass", "~*", "+@all", "-scan")
    with pytest.raises(ConfigurationError, match="NoPermission"):
        RedisStore(f"unix://app:x@{server.path}")
