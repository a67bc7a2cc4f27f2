"""T6, T8, T11 on Valkey or Redis: what the store costs beside bare commands of redis-py, as ratios.

The server is one of the tests' own, or MAGICLINK_TEST_REDIS; both sides talk to it over one socket, and nothing is
flushed to a disk. A bare SET can't be looked up afterwards, so issuing is also shown beside a script that writes the
same keys.
"""

from __future__ import annotations

from contextlib import contextmanager
from functools import partial
from os import urandom
from typing import TYPE_CHECKING, Any
from uuid import uuid4

import redis

from magiclink import CONFIRM_EMAIL
from magiclink.stores.redis import RedisStore
from magiclink.stores.redis.encoding import pack_record
from magiclink.testing.contract import record, terms
from magiclink.testing.contract.bench import AUDIENCE, NOW
from tests.services import valkey

from .ground import drained, issue, links_on, ordered
from .pairs import Row, ratio

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from magiclink.records import Record

    from .pairs import Measures

ROUNDS = 1_000
MANY = 10_000

# Used once, kept, and returned: no expiry, stamp, purpose or generation is looked at.
BARE_USE = """local value = redis.call('GET', KEYS[1])
if value and string.sub(value, 1, 1) == '0' then
  redis.call('SET', KEYS[1], '1' .. string.sub(value, 2))
  return value
end"""

BARE_ISSUE = """if redis.call('EXISTS', KEYS[1]) == 1 then return 0 end
redis.call('SET', KEYS[1], ARGV[1])
redis.call('ZADD', KEYS[2], unpack(ARGV, 2))
return 1"""


@contextmanager
def open_both() -> Iterator[tuple[RedisStore, Any]]:
    """Lend a store with a prefix of its own, and a client for what is written by hand."""
    store, client = RedisStore(valkey(), prefix=f"bench-{uuid4()}"), redis.Redis.from_url(valkey())
    yield store, client
    store.close()
    client.close()


def uses() -> Iterator[Row]:
    """Links that are used up once each, those of one side and those of the other in turns."""
    with open_both() as (store, client), links_on(store) as links:
        script, values = client.script_load(BARE_USE), _values(2 * ROUNDS)
        for key, value in values:
            client.set(key, value)
        hand = drained(partial(client.evalsha, script, 1, key) for key, _ in values)
        written = [record(max_uses=1, subject=f"used-{each}") for each in range(ROUNDS)]
        assert store.add(written, now=NOW, renamed={})
        consume = drained(partial(store.consume, each.link_id, terms(max_uses=1)) for each in written)
        yield Row("T6", "Redis: rate of consume / of a bare script", "≥", 0.8, ratio(hand, consume, rounds=ROUNDS))
        made = links.issue_many(ordered(ROUNDS))
        redeem = drained(partial(links.redeem, link.token, CONFIRM_EMAIL) for link in made)
        yield Row("T6", "Redis: rate of links.redeem / of a bare script", "≥", 0.8, ratio(hand, redeem, rounds=ROUNDS))


def issues() -> Iterator[Row]:
    """Links one by one, each beside a bare SET and beside a script that writes the same keys."""
    with open_both() as (store, client), links_on(store) as links:
        script = client.script_load(BARE_ISSUE)
        sets = drained(partial(client.set, *pair) for pair in _values(ROUNDS))
        scripts = drained(
            partial(client.evalsha, script, 2, key, b"bare-index", value, *_members())
            for key, value in _values(2 * ROUNDS)
        )
        adds = [drained(partial(store.add, [each], now=NOW, renamed={}) for each in _records(ROUNDS)) for _ in range(2)]
        whole = drained(partial(issue, links, order) for order in ordered(ROUNDS))
        yield Row("T6", "Redis: rate of add / of a bare SET", "≥", 0.9, ratio(sets, adds[0], rounds=ROUNDS))
        yield Row(
            "T6", "Redis: rate of add / of a bare script, same keys", "≥", 0.9, ratio(scripts, adds[1], rounds=ROUNDS)
        )
        yield Row("T6", "Redis: rate of links.issue / of a bare script", "≥", 0.9, ratio(scripts, whole, rounds=ROUNDS))


def bulk() -> Iterator[Row]:
    """A monthly run in one call, beside the same writes in one MULTI."""
    rounds = 5
    with open_both() as (store, client), links_on(store) as links:
        many = drained(partial(links.issue_many, ordered(MANY)) for _ in range(rounds))
        hand = drained(partial(_all, client, _values(MANY), [_members() for _ in range(MANY)]) for _ in range(rounds))
        found = ratio(many, hand, rounds=rounds)
    yield Row("T8", "Redis: links.issue_many of 10,000 / MULTI of the same writes", "≤", 1.2, found)


def _all(client: Any, values: Sequence[tuple[bytes, bytes]], members: Sequence[Sequence[bytes]]) -> None:
    with client.pipeline(transaction=True) as batch:
        for (key, value), names in zip(values, members, strict=True):
            batch.execute_command("SET", key, value)
            batch.execute_command("ZADD", b"bare-index", *names)
        batch.execute()


def revocations() -> Iterator[Row]:
    """Everything of a subject with a hundred thousand links, beside one with twenty."""
    with open_both() as (store, _):
        for subject, batches in (("many", 10 * [MANY]), ("few", [20])):
            for number in batches:
                assert store.add([record(subject=subject) for _ in range(number)], now=NOW, renamed={})
        many, few = (partial(store.revoke_subject, AUDIENCE, each, now=NOW, reason="") for each in ("many", "few"))
        found = ratio(many, few, rounds=ROUNDS)
    yield Row("T11", "Redis: revoke a subject with 100,000 links / with 20", "≤", 1.1, found)


def _records(number: int) -> list[Record]:
    return [record(max_uses=1, subject=str(uuid4()), resource=str(uuid4())) for _ in range(number)]


def _values(number: int) -> list[tuple[bytes, bytes]]:
    """Return keys and values as the store's are: as long, and nobody else's."""
    return [(urandom(40), b"0" + urandom(60) + pack_record(each)) for each in _records(number)]


def _members() -> list[bytes]:
    """Return what one link adds to the store's index: six members, each after its score."""
    return [part for letter in b"aemrsu" for part in (b"0", b"%c" % letter + urandom(60))]


MEASURES: Measures = (("T6", uses), ("T6", issues), ("T8", bulk), ("T11", revocations))
