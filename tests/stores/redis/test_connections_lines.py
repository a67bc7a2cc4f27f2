"""Lines that are cut, servers that die, fill up, follow or move: StoreError, and no script runs twice."""

from __future__ import annotations

import os
import time
from datetime import timedelta
from typing import TYPE_CHECKING, Any

import pytest
import redis
from redis.crc import key_slot

from magiclink.errors import ConfigurationError, StoreError
from magiclink.records import Note, Selector
from magiclink.stores.redis import RedisStore
from magiclink.stores.redis.encoding import derive_tag
from magiclink.testing.contract import record
from magiclink.testing.contract.bench import AUDIENCE, NOW
from tests.services import valkey
from tests.stores.redis.links import ONCE, list_keys, open_store, put_once
from tests.stores.redis.servers import Line, ValkeyServer, free_port

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from magiclink.records import Record


@pytest.fixture
def line(server: ValkeyServer) -> Iterator[Line]:
    """Return a line to the server that can be cut."""
    cuttable = Line(server.path)
    yield cuttable
    cuttable.close()


def read_uses(store: RedisStore, link: Record) -> int | None:
    """Return how often a link was used; None where it isn't there."""
    found = store.get(link.audience, link.link_id)
    return found and found.uses


def wait_for_replicas(client: redis.Redis, number: int) -> None:
    """Wait until so many replicas have a fresh write."""
    client.set("anything", b"")
    assert client.wait(number, 20_000) == number


def test_scripts_that_were_forgotten(server: ValkeyServer) -> None:
    """A server that has forgotten its scripts gets them again, and runs each once."""
    store = open_store(server.url)
    link = put_once(store)
    server.client().script_flush()
    assert store.consume(link.link_id, ONCE)
    server.client().script_flush()
    assert store.consume(link.link_id, ONCE) is None
    store.close()


def test_line_cut_before_the_server(line: Line) -> None:
    """E01, E17: where the line is cut before a use arrives, it is StoreError and nothing is used."""
    store = open_store(line.url)
    link = put_once(store)
    line.cut = "before"
    with pytest.raises(StoreError, match="ConnectionError"):
        store.consume(link.link_id, ONCE)
    line.cut = ""
    assert read_uses(store, link) == 0
    assert store.consume(link.link_id, ONCE)


def test_line_cut_after_the_server(line: Line) -> None:
    """E04: where the line is cut before the answer, a use is StoreError, was sent once, and counts."""
    store = open_store(line.url)
    link = put_once(store)
    assert store.consume(bytes(20), ONCE) is None
    line.arrived.clear()
    line.cut = "after"
    with pytest.raises(StoreError, match="ConnectionError"):
        store.consume(link.link_id, ONCE)
    line.cut = ""
    assert len([data for data in line.arrived if b"EVALSHA" in data]) == 1
    assert read_uses(store, link) == 1
    assert store.consume(link.link_id, ONCE) is None


def test_line_cut_after_an_insert(line: Line) -> None:
    """E02: an issue whose answer is lost is StoreError; the link is there, and handed in again it writes nothing."""
    store = open_store(line.url)
    put_once(store)
    link = record(max_uses=1)
    line.cut = "after"
    with pytest.raises(StoreError):
        store.add([link], now=NOW, renamed={})
    line.cut = ""
    assert read_uses(store, link) == 0
    assert not store.add([link], now=NOW, renamed={})


def test_client_that_retries(line: Line) -> None:
    """E04: a client's own retries are passed by: a use whose answer is lost is sent once."""
    with redis.Redis(unix_socket_path=str(line.path)) as client:
        assert client.get_retry() is not None
        store = RedisStore(client)
        link = put_once(store)
        assert store.consume(bytes(20), ONCE) is None
        line.arrived.clear()
        line.cut = "after"
        with pytest.raises(StoreError):
            store.consume(link.link_id, ONCE)
        line.cut = ""
    assert len([data for data in line.arrived if b"EVALSHA" in data]) == 1


@pytest.mark.parametrize(
    ("query", "options"),
    [
        ("", {"timeout": timedelta(seconds=0.2)}),
        ("?socket_timeout=0.2", {}),
        ("?socket_timeout=0.2", {"timeout": timedelta(minutes=1)}),
    ],
)
def test_answer_that_does_not_come(line: Line, query: str, options: dict[str, Any]) -> None:
    """E17: an answer that doesn't come is StoreError after the timeout, and no later call reads it."""
    store = RedisStore(f"{line.url}{query}", **options)
    one, other = put_once(store), put_once(store)
    line.cut = "mute"
    began = time.monotonic()
    with pytest.raises(StoreError, match=r"TimeoutError: no answer came: .* raise timeout="):
        store.consume(one.link_id, ONCE)
    assert time.monotonic() - began < 4
    line.cut = ""
    found = store.get(AUDIENCE, other.link_id)
    assert found is not None
    assert found.link_id == other.link_id
    store.close()


class Interrupted(redis.UnixDomainSocketConnection):
    """A connection whose reader is interrupted, once, before the answer is there."""

    armed = False

    def read_response(self, *args: Any, **how: Any) -> Any:
        """Read an answer, unless interrupted."""
        if Interrupted.armed:
            Interrupted.armed = False
            raise KeyboardInterrupt
        return super().read_response(*args, **how)


def test_interrupted_call(server: ValkeyServer) -> None:
    """A call that is interrupted before its answer closes its connection: the next one reads no answer but its own."""
    pool = redis.ConnectionPool(connection_class=Interrupted, path=str(server.path))
    store = RedisStore(redis.Redis(connection_pool=pool))
    one, other = put_once(store), put_once(store)
    Interrupted.armed = True
    with pytest.raises(KeyboardInterrupt):
        store.get(AUDIENCE, one.link_id)
    assert [each._sock for each in pool._available_connections] == [None]
    found = store.get(AUDIENCE, other.link_id)
    assert found is not None
    assert found.link_id == other.link_id
    pool.disconnect()


def test_server_that_comes_back(serve: Callable[..., ValkeyServer]) -> None:
    """E01: while the server is down each call is StoreError; when it is back, the same store goes on."""
    server = serve(appendonly="yes", appendfsync="always")
    store = open_store(server.url)
    link = put_once(store)
    server.kill()
    for _ in range(2):
        with pytest.raises(StoreError, match="ConnectionError"):
            store.consume(link.link_id, ONCE)
    server.start()
    assert store.consume(link.link_id, ONCE)
    store.close()


def test_full_memory(server: ValkeyServer) -> None:
    """E09, E10: without memory a use and an issue are StoreError and change nothing; withdrawing, reading go on."""
    store = open_store(server.url)
    first, second, new = put_once(store), put_once(store), record(max_uses=1)
    before = store.get(AUDIENCE, first.link_id)
    server.client().config_set("maxmemory", 1)
    for call in (
        lambda: store.consume(first.link_id, ONCE),
        lambda: store.add([new, record()], now=NOW, renamed={first.series: b"n" * 16}),
    ):
        with pytest.raises(StoreError, match="OutOfMemoryError: the server has no memory left: purge"):
            call()
    assert store.get(AUDIENCE, first.link_id) == before
    assert store.get(AUDIENCE, new.link_id) is None
    assert store.revoke(AUDIENCE, second.link_id, now=NOW, reason="lost")
    assert store.purge(AUDIENCE, before=second.expires_at, limit=1) == 0
    server.client().config_set("maxmemory", 0)
    assert store.consume(first.link_id, ONCE)
    store.close()


CALLS_THAT_GO_ON: dict[str, Callable[[RedisStore, Record], object]] = {
    "find": lambda store, link: store.find(Selector(audience=AUDIENCE, subject=link.subject), limit=9),
    "newest": lambda store, link: store.newest(AUDIENCE, link.subject, [link.series])[0],
    "notes": lambda store, link: store.notes(AUDIENCE, [link.link_id]),
    "revoke": lambda store, link: store.revoke(AUDIENCE, link.link_id, now=NOW, reason="lost"),
    "revoke_matching": lambda store, link: store.revoke_matching(
        Selector(audience=AUDIENCE, purpose=link.purpose), now=NOW, reason=""
    ),
    "revoke_subject": lambda store, link: store.revoke_subject(AUDIENCE, link.subject, now=NOW, reason="left"),
    "purge": lambda store, link: store.purge(AUDIENCE, before=link.expires_at + 1, limit=1),
    "open": lambda store, _: RedisStore(store._server._client, prefix="another"),
}


@pytest.mark.parametrize("call", CALLS_THAT_GO_ON)
def test_calls_of_a_full_server(server: ValkeyServer, call: str) -> None:
    """E09, E10: without memory, each call that reads, withdraws or forgets goes on, and a store can be opened."""
    store = open_store(server.url)
    link = put_once(store)
    store.note(Note(audience=AUDIENCE, link_id=link.link_id, kind="seen", at=NOW))
    server.client().config_set("maxmemory", 1)
    with pytest.raises(StoreError, match="OutOfMemory"):
        store.consume(link.link_id, ONCE)
    answer = CALLS_THAT_GO_ON[call](store, link)
    found = store.get(AUDIENCE, link.link_id)
    assert answer or (found and found.revoked_at == NOW)
    store.close()


def test_replica(server: ValkeyServer, serve: Callable[..., ValkeyServer]) -> None:
    """E11, E12: a replica is ConfigurationError when opened; one that becomes it is StoreError, for reads too."""
    port = free_port()
    serve(port=str(port), repl_diskless_sync_delay="0")
    store = open_store(server.url)
    link = put_once(store)
    server.client().replicaof("127.0.0.1", str(port))
    with pytest.raises(ConfigurationError, match="replica"):
        open_store(server.url)
    lost = r"ReadOnly|MasterDown|BusyLoading"
    with pytest.raises(StoreError, match=lost):
        store.get(AUDIENCE, link.link_id)
    with pytest.raises(StoreError, match=lost):
        store.consume(link.link_id, ONCE)
    server.client().execute_command("REPLICAOF", "NO", "ONE")
    store.close()


def test_waiting_for_replicas(serve: Callable[..., ValkeyServer]) -> None:
    """With `wait_replicas`, a write that too few replicas have is StoreError, and written all the same."""
    port = free_port()
    primary = serve(port=str(port), repl_diskless_sync_delay="0")
    serve(replicaof=f"127.0.0.1 {port}")
    wait_for_replicas(primary.client(), 1)
    one = RedisStore(primary.url, wait_replicas=1)
    two = RedisStore(primary.url, wait_replicas=2, wait_timeout=timedelta(milliseconds=20))
    link = put_once(one)
    with pytest.raises(StoreError, match="1 of 2 replicas"):
        two.consume(link.link_id, ONCE)
    assert two.get(AUDIENCE, link.link_id) is not None
    assert read_uses(one, link) == 1
    one.close()
    two.close()


class Pair:
    """A cluster of two: `here` is the machine that has the slot of `AUDIENCE`, `there` the other one."""

    def __init__(self, serve: Callable[..., ValkeyServer]) -> None:
        self.port, other = free_port(), free_port()
        self.slot = key_slot(b"magiclink:" + derive_tag(AUDIENCE))
        servers = [serve(port=str(port), cluster_enabled="yes", bind="127.0.0.1") for port in (self.port, other)]
        clients = [each.client() for each in servers]
        for client, first in zip(clients, (0, 8192), strict=True):
            client.execute_command("CLUSTER", "ADDSLOTSRANGE", first, first + 8191)
        clients[0].execute_command("CLUSTER", "MEET", "127.0.0.1", other)
        _settle(*clients)
        self.server, self.here, self.there = servers[0], *clients
        if self.slot >= 8192:
            self.server, self.here, self.there = servers[1], *clients[::-1]
        self.names = [client.execute_command("CLUSTER", "MYID") for client in (self.here, self.there)]

    def move(self, *clients: Any, to: int) -> None:
        """Tell some machines that the slot has moved: to `here`, 0, or `there`, 1."""
        for client in clients:
            client.execute_command("CLUSTER", "SETSLOT", self.slot, "NODE", self.names[to])


def test_cluster(serve: Callable[..., ValkeyServer]) -> None:
    """A cluster serves an audience from the machine that has its slot, and is followed when the slot moves."""
    pair = Pair(serve)
    with redis.RedisCluster(host="127.0.0.1", port=pair.port) as cluster:
        store = RedisStore(cluster)
        link = put_once(store)
        store.check()
        store.note(Note(audience=AUDIENCE, link_id=link.link_id, kind="seen", at=NOW))
        store.revoke_subject(AUDIENCE, link.subject, now=NOW, reason="")
        keys = list_keys(pair.here, "magiclink")
        assert (len(keys), {key_slot(key) for key in keys}) == (4, {pair.slot})
        pair.here.flushall()
        pair.move(pair.there, pair.here, to=1)
        link = put_once(store)
        assert store.consume(link.link_id, ONCE)
        assert [len(list_keys(each, "magiclink")) for each in (pair.here, pair.there)] == [0, 2]
        pair.there.flushall()
        pair.move(pair.there, to=0)
        with pytest.raises(StoreError, match="slot moved 3 times"):
            put_once(store)


def test_cluster_that_loses_a_machine(serve: Callable[..., ValkeyServer]) -> None:
    """A machine of a cluster that is lost is StoreError once; the next call goes to the one that took over."""
    pair = Pair(serve)
    with redis.RedisCluster(host="127.0.0.1", port=pair.port) as cluster:
        store = RedisStore(cluster)
        put_once(store)
        pair.here.flushall()
        pair.move(pair.there, pair.here, to=1)
        pair.server.kill()
        with pytest.raises(StoreError, match="ConnectionError"):
            put_once(store)
        assert put_once(store)


def _settle(*nodes: Any) -> None:
    """Wait until all nodes of a cluster know one another and all slots are served."""
    for _ in range(2_000):
        infos = [node.execute_command("CLUSTER", "INFO") for node in nodes]
        if all(b"cluster_state:ok" in info and b"cluster_known_nodes:2" in info for info in infos):
            return
        nodes[0].wait(1, 10)
    pytest.fail("the cluster doesn't settle")


@pytest.mark.skipif(not hasattr(os, "fork"), reason="this system can't fork")
def test_forked_child() -> None:
    """A forked child goes on with the store over connections of its own, and so does its parent."""
    store = open_store(valkey())
    link = put_once(store)
    if not (child := os.fork()):
        won = store.consume(link.link_id, ONCE)
        os._exit(0 if won and won.link_id == link.link_id else 1)
    assert all(read_uses(store, link) is not None for _ in range(200))
    assert os.waitpid(child, 0)[1] == 0
    assert read_uses(store, link) == 1
    store.close()
