"""The Redis store's server: lending its connections, running scripts, and raising Redis' errors as ours.

The only module that imports `redis`. It knows no record and no rule. A script is sent once: where its answer is lost,
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
from ..bindings import require_timeout
from .scripts import OLDEST_REDIS

if TYPE_CHECKING:
    from collections.abc import Iterator

    from .lua import Script

    Client = redis.Redis | redis.RedisCluster

TIMEOUT = timedelta(seconds=5)
"""How long a call waits for a connection or an answer, until it raises StoreError."""

MOVES = 3
"""How often a call follows a slot that has moved to another machine of the cluster."""

_SCHEMES = ("redis", "rediss", "unix")
_RIGHTS = "docs/redis.md lists the commands that the store's user needs"
_WAYS_OUT = {
    "ConnectionError": "the server isn't there, or the connection was lost: look what is written before you try again",
    "TimeoutError": "no answer came: look what is written before you try again, or raise timeout=",
    "OutOfMemoryError": "the server has no memory left: purge, or raise its maxmemory",
    "ReadOnlyError": "the server has become a replica: connect to its primary",
    "NoPermissionError": _RIGHTS,
    "ResponseError ACL": _RIGHTS,
}
_FAILURES = (RedisError, RedisClusterException, OSError)
_MILLISECOND = timedelta(milliseconds=1)


class Server:
    """A Redis or Valkey, by its URL or over a client. Raises ConfigurationError where neither can be used."""

    def __init__(
        self, url_or_client: str | Client, *, timeout: timedelta, wait_replicas: int, wait_timeout: timedelta
    ) -> None:
        _check_waits(timeout, wait_replicas, wait_timeout)
        self.closed: bool = False
        self._replicas, self._wait = wait_replicas, wait_timeout // _MILLISECOND
        self._owned = isinstance(url_or_client, str)
        # Parts of redis-py have no types, and a cluster has no pool.
        self._client: Any = _open(url_or_client, timeout) if isinstance(url_or_client, str) else url_or_client
        if not isinstance(self._client, redis.Redis | redis.RedisCluster):
            kind = type(url_or_client).__name__
            raise ConfigurationError(f"a Redis store needs a URL, a redis.Redis or a redis.RedisCluster; got a {kind}")
        self._cluster: Any = self._client if isinstance(self._client, redis.RedisCluster) else None
        if self._client.get_encoder().decode_responses:
            raise ConfigurationError("the client reads bytes as text, and breaks them: leave out decode_responses=True")

    def run(self, script: Script, key: bytes, *args: bytes) -> Any:
        """Run a script once and return its answer. Raises StoreError where it is refused, or its outcome is unknown."""
        self.require_open()
        try:
            return self._follow(script, (b"1", key, *args))
        except _FAILURES as error:
            if not isinstance(error, ResponseError):
                # Another machine of a cluster may have taken over; the next call goes there.
                self._find_slots()
            raise StoreError(f"Redis: {_explain(error)}") from error

    def has_keys(self, pattern: bytes) -> bool:
        """Return whether any key has this pattern, in any machine of a cluster. Raises StoreError."""
        try:
            return any(True for _ in self._client.scan_iter(match=pattern, count=1_000))
        except _FAILURES as error:
            raise StoreError(f"Redis: {_explain(error)}") from error

    def check(self) -> None:
        """Check that each server is new enough, no replica, and can't drop a record. Raises ConfigurationError."""
        try:
            answers = [_read_info(pool) for pool in self._list_primaries()]
        # A wrong option of a URL is found when the first connection is made.
        except (*_FAILURES, TypeError, ValueError) as error:
            raise ConfigurationError(
                f"Redis can't be used ({_describe(error)}): see whether it runs, and whether the host, port, user, "
                "password and options that the store was opened with are right"
            ) from error
        for info in answers:
            _require_sound(info, clustered=self._cluster is not None)

    def require_open(self) -> None:
        """Raise StoreError after `close`."""
        if self.closed:
            raise StoreError("the store is closed: open a new one")

    def close(self) -> None:
        """Close the connections of a client that was made here; a later call is StoreError."""
        self.closed = True
        if self._owned:
            self._client.close()

    def _follow(self, script: Script, args: tuple[bytes, ...]) -> Any:
        for _ in range(MOVES):
            try:
                return self._send(self._choose_pool(args[1]), script, args)
            except MovedError:
                # Refused unseen by a machine that no longer has the slot: nothing ran.
                self._find_slots()
        raise StoreError(f"Redis: the audience's slot moved {MOVES} times in one call: try again once it has its place")

    def _send(self, pool: Any, script: Script, args: tuple[bytes, ...]) -> Any:
        with _lend(pool) as connection:
            answer = _evaluate(connection, script, args)
            if script.writes and self._replicas:
                self._await_replicas(connection)
        return answer

    def _await_replicas(self, connection: Any) -> None:
        connection.send_command(b"WAIT", b"%d" % self._replicas, b"%d" % self._wait)
        reached = connection.read_response()
        if reached < self._replicas:
            raise StoreError(
                f"Redis: written, but after {self._wait} ms {reached} of {self._replicas} replicas have it"
            )

    def _choose_pool(self, key: bytes) -> Any:
        if self._cluster is None:
            return self._client.connection_pool
        return self._cluster.get_redis_connection(self._cluster.get_node_from_key(key)).connection_pool

    def _list_primaries(self) -> list[Any]:
        if self._cluster is None:
            return [self._client.connection_pool]
        return [self._cluster.get_redis_connection(node).connection_pool for node in self._cluster.get_primaries()]

    def _find_slots(self) -> None:
        if self._cluster is not None:
            with suppress(*_FAILURES):
                self._cluster.nodes_manager.initialize()


def _open(url: str, timeout: timedelta) -> redis.Redis:
    """Make a client of a URL, of which a part may be a password: no message repeats it."""
    scheme, colon, rest = url.partition(":")
    scheme = "redis" if scheme == "valkey" else scheme
    if scheme not in _SCHEMES:
        scheme = f"{scheme}://" if rest.startswith("//") else "none of these"
        raise ConfigurationError(
            f"the URL of a Redis store begins with redis://, rediss://, unix:// or valkey://; this one with {scheme}"
        )
    seconds = timeout.total_seconds()
    try:
        return redis.Redis.from_url(
            f"{scheme}{colon}{rest}",
            protocol=2,
            retry=Retry(NoBackoff(), 0),
            socket_timeout=seconds,
            socket_connect_timeout=seconds,
        )
    except ValueError:
        raise ConfigurationError(
            "the URL of a Redis store can't be read: write redis://user:password@host:6379/0, "
            "with %-escapes in user and password"
        ) from None


def _check_waits(timeout: timedelta, replicas: int, wait: timedelta) -> None:
    require_timeout(timeout)
    if timeout < _MILLISECOND:
        raise ConfigurationError(f"timeout: at least 1 ms; got {timeout}")
    if replicas < 0:
        raise ConfigurationError(f"wait_replicas: 0 or more; got {replicas}")
    # For WAIT, 0 milliseconds are for ever.
    if wait < _MILLISECOND or (replicas and wait >= timeout):
        raise ConfigurationError(f"wait_timeout: at least 1 ms, and less than the timeout of {timeout}; got {wait}")


def _evaluate(connection: Any, script: Script, args: tuple[bytes, ...]) -> Any:
    """Name a script by its digest, and send its text where the server doesn't know it: new, restarted or flushed."""
    connection.send_packed_command((_pack_command(b"EVALSHA", script.sha, *args),))
    try:
        return connection.read_response()
    except NoScriptError:
        connection.send_packed_command((_pack_command(b"EVAL", script.text, *args),))
        return connection.read_response()


def _pack_command(*parts: bytes) -> bytes:
    return b"".join((b"*%d\r\n" % len(parts), *[b"$%d\r\n%b\r\n" % (len(part), part) for part in parts]))


@contextmanager
def _lend(pool: Any) -> Iterator[Any]:
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


def _read_info(pool: Any) -> bytes:
    with _lend(pool) as connection:
        connection.send_command(b"INFO")
        return bytes(connection.read_response())


def _require_sound(info: bytes, *, clustered: bool) -> None:
    facts = dict(line.partition(":")[::2] for line in info.decode(errors="replace").splitlines())
    version, policy = facts.get("redis_version", "0.0"), facts.get("maxmemory_policy", "")
    if tuple(int(part) for part in version.split(".")[:2]) < OLDEST_REDIS:
        raise ConfigurationError(f"this Redis is too old: it is {version}; use 7.0 or newer, or any Valkey")
    if facts.get("role") != "master":
        raise ConfigurationError("this is a replica: it may lag, and what is written to it is lost; name its primary")
    if facts.get("cluster_enabled") == "1" and not clustered:
        raise ConfigurationError("this server is one of a cluster: pass redis.RedisCluster(host=…) instead")
    if facts.get("loading") != "0":
        raise ConfigurationError("this Redis is still loading its data: open the store once it has")
    if policy.startswith("allkeys"):
        raise ConfigurationError(f"maxmemory-policy {policy} drops records when memory is short: set noeviction")


def _describe(error: Exception) -> str:
    # Never its text, which may repeat an argument: its kind, and of an answer the code that leads it, as in `OOM`.
    code = str(error).partition(" ")[0] if isinstance(error, ResponseError) else ""
    return f"{type(error).__name__} {code}".strip() if code.isalpha() and code.isupper() else type(error).__name__


def _explain(error: Exception) -> str:
    kind = _describe(error)
    return f"{kind}: {_WAYS_OUT[kind]}" if kind in _WAYS_OUT else kind
