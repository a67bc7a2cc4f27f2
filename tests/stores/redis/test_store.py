"""What the Redis store does beyond the contract: it tests itself, cleans up and fits its values."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from magiclink.errors import BadArgumentError, ConfigurationError, StoreError
from magiclink.records import CLOCK_SKEW, Note, Selector
from magiclink.stores import from_url
from magiclink.stores.base import LARGEST
from magiclink.stores.redis import RedisStore
from magiclink.stores.redis.encoding import derive_tag
from magiclink.testing.contract import record, terms
from magiclink.testing.contract.bench import AUDIENCE, NOW, race
from tests.services import valkey
from tests.stores.redis.links import list_keys, put

if TYPE_CHECKING:
    from collections.abc import Callable

    import redis

    from tests.stores.redis.servers import ValkeyServer

DOCS = Path(__file__).parents[3] / "docs" / "redis.md"
TOO_LARGE = 2**53
NO_UTF8 = "\ud800"
SECOND = 1_000_000


@pytest.mark.parametrize("wrong", ["", "{", "a}b", "{magiclink}", NO_UTF8])
def test_prefix_that_breaks_the_tag(wrong: str) -> None:
    """A prefix that is empty, has braces or isn't UTF-8 is refused when the store is made."""
    with pytest.raises((ConfigurationError, BadArgumentError)):
        RedisStore(valkey(), prefix=wrong)


def test_prefixes_apart(store: RedisStore, prefix: str) -> None:
    """Stores with different prefixes share a server and nothing else."""
    other = RedisStore(valkey(), prefix=f"{prefix}-2")
    link = put(store)
    assert other.get(AUDIENCE, link.link_id) is None
    assert store.hit(b"a", now=NOW, limit=1, window=SECOND) is None
    assert other.hit(b"a", now=NOW, limit=1, window=SECOND) is None
    other.close()


def test_url_of_each_form() -> None:
    """`unix://` opens a store, and the forms for a network are read as such: nobody answers there."""
    store = from_url(valkey())
    assert isinstance(store, RedisStore)
    store.check()
    store.close()
    for form in ("redis", "rediss", "valkey"):
        with pytest.raises(ConfigurationError, match="ConnectionError"):
            from_url(f"{form}://127.0.0.1:1/0")


def test_check_leaves_nothing(store: RedisStore, client: redis.Redis, prefix: str) -> None:
    """The self-test leaves no key, and can be repeated."""
    store.check()
    store.check()
    assert list_keys(client, prefix) == set()


def test_nothing_is_left(store: RedisStore, client: redis.Redis, prefix: str) -> None:
    """15: with its last link an audience is forgotten, without a key that stays."""
    links = [put(store, expires_at=SECOND, recipient=None, resource=None), put(store, expires_at=SECOND)]
    for link in links:
        store.note(Note(audience=AUDIENCE, link_id=link.link_id, kind="seen", at=NOW))
    store.revoke_subject(AUDIENCE, "customer-7", now=NOW, reason="left")
    assert store.add([record(expires_at=SECOND)], now=NOW, renamed={links[0].series: b"n" * 16})
    assert store.purge(AUDIENCE, before=NOW, limit=2) == 2
    assert list_keys(client, prefix) != set()
    assert store.purge(AUDIENCE, before=NOW, limit=2) == 1
    assert list_keys(client, prefix) == set()


@pytest.mark.parametrize("before", [-(2**70), -1, 0, SECOND])
def test_purge_before_anything(store: RedisStore, before: int) -> None:
    """15: a purge before the first expiry forgets nothing, at that very instant too, nor does one of no links."""
    put(store, expires_at=SECOND)
    assert store.purge(AUDIENCE, before=before, limit=10) == 0
    assert store.purge(AUDIENCE, before=2**70, limit=0) == 0
    assert store.purge(AUDIENCE, before=2**70, limit=-1) == 0


def test_windows_are_forgotten(store: RedisStore, client: redis.Redis, prefix: str) -> None:
    """L16: windows that ended go as later ones are counted, those within the clocks' difference stay."""
    for number in range(50):
        store.hit(b"%d" % number, now=NOW, limit=1, window=SECOND)
    ended = NOW + SECOND
    store.hit(b"a", now=ended + CLOCK_SKEW, limit=1, window=SECOND)
    hits, ends = f"{prefix}:{{limits}}:hits", f"{prefix}:{{limits}}:ends_at"
    assert (client.hlen(hits), client.zcard(ends)) == (51, 51)
    for number in range(5):
        store.hit(b"b%d" % number, now=ended + CLOCK_SKEW + 1, limit=1, window=SECOND)
    assert (client.hlen(hits), client.zcard(ends)) == (6, 6)


def test_order_of_forgetting(store: RedisStore, client: redis.Redis, prefix: str) -> None:
    """L16: of more than ten windows that ended, those that ended first are forgotten first, whatever came when."""
    hits = f"{prefix}:{{limits}}:hits"
    for number in (5, 14, 0, 9, 12, 3, 7, 1, 13, 10, 2, 11, 4, 8, 6):
        store.hit(b"%d" % number, now=NOW + number * SECOND, limit=1, window=SECOND)
    late = NOW + 20 * SECOND + CLOCK_SKEW
    store.hit(b"late", now=late, limit=1, window=SECOND)
    names: list[Any] = client.hkeys(hits)
    left = {name.rpartition(b":")[2] for name in names}
    assert left == {b"10", b"11", b"12", b"13", b"14", b"late"}
    store.hit(b"late", now=late, limit=1, window=SECOND)
    assert client.hlen(hits) == 1


def test_hit_beyond_53_bits(store: RedisStore) -> None:
    """12: a window that ends beyond 53 bits is BadArgumentError: no two windows become one."""
    assert store.hit(b"a", now=LARGEST - 2, limit=1, window=2) is None
    with pytest.raises(BadArgumentError, match="53 bits"):
        store.hit(b"a", now=LARGEST, limit=1, window=1)


def test_no_limit_at_all(store: RedisStore, client: redis.Redis, prefix: str) -> None:
    """12: a limit of nothing, or below, lets nothing through and keeps nothing."""
    assert store.hit(b"a", now=NOW, limit=0, window=SECOND) == NOW + SECOND
    assert store.hit(b"a", now=NOW, limit=-1, window=SECOND) == NOW + SECOND
    assert list_keys(client, prefix) == set()


def test_notes_of_one_instant(store: RedisStore) -> None:
    """14: notes of one instant come by their kinds; kinds and hours are compared byte for byte."""
    link = put(store)
    for kind in ("b", "a", "a\0", ""):
        store.note(Note(audience=AUDIENCE, link_id=link.link_id, kind=kind, at=-1, reason=kind))
    assert [note.kind for note in store.notes(AUDIENCE, [link.link_id])] == ["", "a", "a\0", "b"]


def test_note_of_nothing(store: RedisStore, client: redis.Redis, prefix: str) -> None:
    """14: a note of a link that isn't there is dropped."""
    store.note(Note(audience=AUDIENCE, link_id=bytes(20), kind="seen", at=NOW))
    assert list_keys(client, prefix) == set()


def test_terms_beyond_53_bits(store: RedisStore) -> None:
    """Sums of the terms that pass 53 bits bound nothing, and don't overflow."""
    link = put(store)
    assert store.consume(link.link_id, terms(lifetime=2**70, reclick=2**70))
    late = terms(now=LARGEST - CLOCK_SKEW // 2, lifetime=2**70)
    assert store.consume(link.link_id, late) is None


CALLS: dict[str, Callable[[RedisStore], object]] = {
    "add": lambda store: store.add([record(subject=NO_UTF8)], now=NOW, renamed={}),
    "add, large": lambda store: store.add([record(issued_at=TOO_LARGE)], now=NOW, renamed={}),
    "add, names": lambda store: store.add([record()], now=NOW, renamed={b"a": bytes(65_535)}),
    "newest": lambda store: store.newest(NO_UTF8, "s", [b"x"]),
    "get": lambda store: store.get(NO_UTF8, b""),
    "consume": lambda store: store.consume(b"", terms(purpose=NO_UTF8)),
    "consume, large": lambda store: store.consume(b"", terms(now=TOO_LARGE)),
    "consume, attempt": lambda store: store.consume(b"", terms(attempt=bytes(65_535))),
    "consume, others": lambda store: store.consume(b"", terms(max_uses=TOO_LARGE, ends_others=True)),
    "mark_delivered": lambda store: store.mark_delivered(AUDIENCE, [b""], now=TOO_LARGE),
    "find": lambda store: store.find(Selector(audience=AUDIENCE, subject=NO_UTF8), limit=1),
    "find, purpose": lambda store: store.find(Selector(audience=AUDIENCE, purpose=NO_UTF8), limit=1),
    "find, recipients": lambda store: store.find(Selector(audience=AUDIENCE, recipients=(bytes(65_535),)), limit=1),
    "revoke": lambda store: store.revoke(AUDIENCE, b"", now=NOW, reason=NO_UTF8),
    "revoke, long": lambda store: store.revoke(AUDIENCE, b"", now=NOW, reason="x" * 65_535),
    "revoke_matching": lambda store: store.revoke_matching(
        Selector(audience=AUDIENCE, resource=NO_UTF8), now=NOW, reason=""
    ),
    "revoke_subject": lambda store: store.revoke_subject(AUDIENCE, NO_UTF8, now=NOW, reason=""),
    "hit": lambda store: store.hit(b"", now=NOW, limit=TOO_LARGE, window=1),
    "count_attempt": lambda store: store.count_attempt(AUDIENCE, b"", now=NOW, limit=TOO_LARGE),
    "note": lambda store: store.note(Note(audience=AUDIENCE, link_id=b"", kind=NO_UTF8, at=NOW)),
    "notes": lambda store: store.notes(NO_UTF8, [b""]),
    "purge": lambda store: store.purge(NO_UTF8, before=NOW, limit=1),
}


@pytest.mark.parametrize("call", CALLS)
def test_value_that_does_not_fit(store: RedisStore, call: str) -> None:
    """A value that can't be kept is BadArgumentError from every call, and the store goes on."""
    with pytest.raises(BadArgumentError):
        CALLS[call](store)
    assert put(store)
    assert len(store.find(Selector(audience=AUDIENCE), limit=9)) == 1


def test_foreign_key(store: RedisStore, client: redis.Redis, prefix: str) -> None:
    """A key of another kind in the place of one of ours is StoreError, never Redis' own exception."""
    link, index = put(store), prefix.encode() + b":" + derive_tag(AUDIENCE) + b":index"
    client.delete(index)
    client.set(index, b"foreign")
    for call in (lambda: put(store), lambda: store.find(Selector(audience=AUDIENCE), limit=1)):
        with pytest.raises(StoreError):
            call()
    assert store.get(AUDIENCE, link.link_id) is not None


def test_message_without_an_address(store: RedisStore, client: redis.Redis, prefix: str) -> None:
    """What Redis says of an error isn't repeated: it may hold what was sent."""
    client.set(prefix.encode() + b":" + derive_tag(AUDIENCE) + b":revoked:ann@acme.example", b"foreign")
    with pytest.raises(StoreError) as raised:
        put(store, subject="ann@acme.example")
    assert "acme" not in str(raised.value)


def test_two_stores_on_one_server(store: RedisStore, prefix: str) -> None:
    """F01, F09: a hundred threads over two stores use a link exactly as often as it may be."""
    other = RedisStore(valkey(), prefix=prefix)
    link = put(store, max_uses=3)
    calls = [lambda each=each: each.consume(link.link_id, terms()) for each in (store, other) * 50]
    won = [used for used in race(*calls) if used]
    other.close()
    assert sorted(used.uses for used in won) == [1, 2, 3]


def test_race_of_threads(store: RedisStore) -> None:
    """F01: of 32 threads that use a one-shot link, exactly one wins; twenty times."""
    for _ in range(20):
        link = put(store, max_uses=1)
        won = race(*[lambda link=link: store.consume(link.link_id, terms())] * 32)
        assert [used.uses for used in won if used] == [1]


def test_kept_by_a_server_that_was_killed(serve: Callable[..., ValkeyServer]) -> None:
    """E07: with `appendfsync always`, what was answered is there when a killed server comes back, with its index."""
    server = serve(appendonly="yes", appendfsync="always")
    store = RedisStore(server.url)
    used, ended, idle = put(store, max_uses=1), put(store, subject="customer-8"), put(store, max_uses=1)
    assert store.consume(used.link_id, terms())
    store.revoke_subject(AUDIENCE, "customer-8", now=NOW, reason="left")
    server.kill()
    server.start()
    assert store.consume(used.link_id, terms()) is None
    found = store.get(AUDIENCE, ended.link_id)
    assert found is not None
    assert (found.revoked_at, found.revoke_reason) == (NOW, "left")
    assert store.consume(idle.link_id, terms())
    assert len(store.find(Selector(audience=AUDIENCE), limit=9)) == 3
    store.close()


def test_user_without_rights(server: ValkeyServer) -> None:
    """A user who may not run what a script needs opens the store; `check` is ConfigurationError, a call StoreError."""
    server.client().execute_command("ACL", "SETUSER", "app", "on", "nopass", "~*", "+@all", "-zadd")
    store = RedisStore(f"unix://app:x@{server.path}")
    with pytest.raises(ConfigurationError, match=r"refuses a command that the store needs: .*docs/redis\.md"):
        store.check()
    with pytest.raises(StoreError):
        put(store)
    store.close()


def test_user_with_the_rights_of_the_docs(server: ValkeyServer) -> None:
    """A user with the keys and commands that docs/redis.md lists, and no others, can run every call."""
    [line] = [line for line in DOCS.read_text(encoding="utf-8").splitlines() if "and the commands" in line]
    keys, *commands = [part for part in line.split("`") if part.isupper() or part.startswith("~")]
    rights = [f"+{command.lower()}" for command in commands]
    server.client().execute_command("ACL", "SETUSER", "app", "on", "nopass", keys, "-@all", *rights)
    store = RedisStore(f"unix://app:x@{server.path}")
    store.check()
    link = put(store)
    newer = record(series=b"n" * 16, supersede="on-issue")
    assert store.add([newer], now=NOW, renamed={link.series: newer.series})
    store.mark_delivered(AUDIENCE, [newer.link_id], now=NOW)
    for at in (NOW, NOW + CLOCK_SKEW + 2 * SECOND):
        assert store.hit(b"a", now=at, limit=1, window=SECOND) is None
    assert store.count_attempt(AUDIENCE, newer.link_id, now=NOW, limit=1)
    assert store.newest(AUDIENCE, newer.subject, [newer.series])[0]
    store.revoke_matching(Selector(audience=AUDIENCE, subject=newer.subject), now=NOW, reason="")
    assert store.revoke(AUDIENCE, newer.link_id, now=NOW, reason="")
    store.close()
