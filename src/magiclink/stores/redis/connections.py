"""The Redis store's server: lending its connections, running scripts, and telling Redis' trouble in our words.

The only room that imports `redis`. It knows no record and no rule. A script is sent once: where its answer is lost,
nobody knows whether it ran, and a client that sends it again would hear "used" of a use that was its own. So commands
go over connections of the client's pool directly, past the client's retries.
"""

from __future__ import annotations

from contextlib import contextmanager, suppress
from datetime import timedelta
from typing import TYPE_CHECKING, Any

import redis
from redis.backoff import NoBackoff
from redis.exceptions import MovedError, NoScriptError, RedisClusterException, RedisError, ResponseError
from redis.retry import Retry

from ...errors import ConfigurationError, StoreError
from .scripts import OLDEST_REDIS

if TYPE_CHECKING:
    from collections.abc import Iterator

    from .lua import Script

    Client = redis.Redis | redis.RedisCluster
    Trouble = type[ConfigurationError | StoreError]

SOCKET_TIMEOUT = timedelta(seconds=5)
"""How long a store that is opened by its URL waits for a connection or an answer, until it raises StoreError."""

MOVES = 3
"""How often a call follows a slot that has moved to another machine of the cluster."""

_SCHEMES = ("redis", "rediss", "unix")
_TROUBLE = (RedisError, RedisClusterException, OSError)


class Server:
    """A Redis or Valkey that has been proved. Raises ConfigurationError where it can't be reached or believed."""

    def __init__(self, url_or_client: str | Client, *, wait_replicas: int, wait_timeout: timedelta) -> None:
        self.closed: bool = False
        self._replicas, self._wait = wait_replicas, _milliseconds(wait_replicas, wait_timeout)
        self._owned = isinstance(url_or_client, str)
        # Parts of redis-py have no types, and a cluster has no pool.
        self._client: Any = _opened(url_or_client) if isinstance(url_or_client, str) else _given(url_or_client)
        self._cluster: Any = self._client if isinstance(self._client, redis.RedisCluster) else None
        if self._client.get_encoder().decode_responses:
            raise ConfigurationError("a client with decode_responses=True reads bytes as text, and breaks them")
        try:
            self.prove()
        except ConfigurationError:
            self.close()
            raise

    def run(self, script: Script, key: bytes, *args: bytes) -> Any:
        """Run a script once and give its answer. Raises StoreError where it is refused, or nobody knows its outcome."""
        self.require_open()
        try:
            return self._run(script, (b"1", key, *args))
        except _TROUBLE as error:
            if not isinstance(error, ResponseError):
                # Another machine of a cluster may have taken over; the next call goes there.
                self._find_slots()
            raise StoreError(f"Redis: {_said(error)}") from error

    def prove(self) -> None:
        """Prove that each server is new enough, no replica, and can't drop a record. Raises ConfigurationError."""
        try:
            told = [_told(pool) for pool in self._primaries()]
        # A wrong option of a URL is heard when the first connection is made.
        except (*_TROUBLE, TypeError, ValueError) as error:
            raise ConfigurationError(f"Redis: {_said(error)}") from error
        for info in told:
            _require(info, clustered=self._cluster is not None)

    def require_open(self) -> None:
        """Raise StoreError after `close`."""
        if self.closed:
            raise StoreError("the store is closed")

    def close(self) -> None:
        """Close the connections of a client that was made here; a later call is StoreError."""
        self.closed = True
        if self._owned:
            self._client.close()

    def _run(self, script: Script, args: tuple[bytes, ...]) -> Any:
        for _ in range(MOVES):
            try:
                return self._sent(self._pool(args[1]), script, args)
            except MovedError:
                # Refused unseen by a machine that no longer has the slot: nothing ran.
                self._find_slots()
        raise StoreError("Redis: the slot of the audience keeps moving")

    def _sent(self, pool: Any, script: Script, args: tuple[bytes, ...]) -> Any:
        with _lent(pool) as connection:
            answer = _asked(connection, script, args)
            if script.writes and self._replicas:
                self._await_replicas(connection)
        return answer

    def _await_replicas(self, connection: Any) -> None:
        connection.send_command(b"WAIT", b"%d" % self._replicas, b"%d" % self._wait)
        reached = connection.read_response()
        if reached < self._replicas:
            raise StoreError(f"Redis: written, but {reached} of {self._replicas} replicas have it")

    def _pool(self, key: bytes) -> Any:
        if self._cluster is None:
            return self._client.connection_pool
        return self._cluster.get_redis_connection(self._cluster.get_node_from_key(key)).connection_pool

    def _primaries(self) -> list[Any]:
        if self._cluster is None:
            return [self._client.connection_pool]
        return [self._cluster.get_redis_connection(node).connection_pool for node in self._cluster.get_primaries()]

    def _find_slots(self) -> None:
        if self._cluster is not None:
            with suppress(*_TROUBLE):
                self._cluster.nodes_manager.initialize()


def _opened(url: str) -> redis.Redis:
    """Make a client of a URL, of which a part may be a password: no message repeats it."""
    scheme, colon, rest = url.partition(":")
    scheme = "redis" if scheme == "valkey" else scheme
    if scheme not in _SCHEMES:
        raise ConfigurationError("the URL of a Redis store begins with redis://, rediss://, unix:// or valkey://")
    seconds = SOCKET_TIMEOUT.total_seconds()
    try:
        return redis.Redis.from_url(
            f"{scheme}{colon}{rest}",
            protocol=2,
            retry=Retry(NoBackoff(), 0),
            socket_timeout=seconds,
            socket_connect_timeout=seconds,
        )
    except ValueError:
        raise ConfigurationError("the URL of a Redis store can't be read") from None


def _given(client: object) -> Client:
    if not isinstance(client, redis.Redis | redis.RedisCluster):
        raise ConfigurationError("a Redis store needs a URL, a redis.Redis or a redis.RedisCluster")
    return client


def _milliseconds(replicas: int, timeout: timedelta) -> int:
    milliseconds = timeout // timedelta(milliseconds=1)
    # For WAIT, 0 milliseconds are for ever.
    if replicas < 0 or not 1 <= milliseconds < SOCKET_TIMEOUT // timedelta(milliseconds=1):
        raise ConfigurationError("wait_replicas: 0 or more; wait_timeout: at least 1 ms, and less than 5 s")
    return milliseconds


def _asked(connection: Any, script: Script, args: tuple[bytes, ...]) -> Any:
    """Name a script by its digest, and send its text where the server doesn't know it: new, restarted or flushed."""
    connection.send_packed_command((_command(b"EVALSHA", script.sha, *args),))
    try:
        return connection.read_response()
    except NoScriptError:
        connection.send_packed_command((_command(b"EVAL", script.text, *args),))
        return connection.read_response()


def _command(*parts: bytes) -> bytes:
    return b"".join((b"*%d\r\n" % len(parts), *[b"$%d\r\n%b\r\n" % (len(part), part) for part in parts]))


@contextmanager
def _lent(pool: Any) -> Iterator[Any]:
    """Lend a connection of a pool, which gives a forked child connections of its own."""
    connection = pool.get_connection()
    try:
        yield connection
    except ResponseError:
        raise
    except BaseException:
        # Its answer may still be on the way: nobody may take it for that of the next command.
        connection.disconnect()
        raise
    finally:
        pool.release(connection)


def _told(pool: Any) -> bytes:
    with _lent(pool) as connection:
        connection.send_command(b"INFO")
        return bytes(connection.read_response())


def _require(info: bytes, *, clustered: bool) -> None:
    facts = dict(line.partition(":")[::2] for line in info.decode(errors="replace").splitlines())
    version = tuple(int(part) for part in facts.get("redis_version", "0.0").split(".")[:2])
    if version < OLDEST_REDIS:
        raise ConfigurationError("this Redis is too old: 7.0 or newer is needed, or any Valkey")
    if facts.get("role") != "master":
        raise ConfigurationError("this is a replica: it may lag, and what is written to it is lost")
    if facts.get("cluster_enabled") == "1" and not clustered:
        raise ConfigurationError("this server is one of a cluster: give a redis.RedisCluster instead")
    if facts.get("loading") != "0":
        raise ConfigurationError("this Redis is still loading its data")
    if facts.get("maxmemory_policy", "").startswith("allkeys"):
        raise ConfigurationError("maxmemory-policy drops records when memory is short: set noeviction")


def _said(error: Exception) -> str:
    # Never its text, which may repeat an argument: its kind, and of an answer the code that leads it, as in `OOM`.
    code = str(error).partition(" ")[0] if isinstance(error, ResponseError) else ""
    return f"{type(error).__name__} {code}".strip() if code.isalpha() and code.isupper() else type(error).__name__
