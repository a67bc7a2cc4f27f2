"""T6, T8 and T11 on Redis or Valkey: what the keeper costs beside bare commands, as ratios.

Run it from the repository's root: `PYTHONPATH=. python tests/benchmarks/redis_store.py [rounds]`. Each row is measured
in turn with what it is compared to (A B A B …) and shows the median of the ratios of one round. A bare SET can't be
looked up afterwards; so issuing is also shown beside a script that writes the same keys. No part of the test suite.
"""

from __future__ import annotations

import os
import statistics
import sys
from time import perf_counter
from typing import TYPE_CHECKING, Any
from uuid import uuid4

import redis

from magiclink import Key, KeyRing, MagicLinks
from magiclink.presets import SIGN_IN
from magiclink.stores.redis import RedisStore
from magiclink.stores.redis_packing import packed
from magiclink.testing.contract import record, terms
from magiclink.testing.contract.bench import AUDIENCE, NOW
from tests.services import valkey

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence

CALLS = 200
BATCH = 10_000
ONCE = terms(max_uses=1)

# Used once, kept, and given back: no expiry, stamp, purpose or generation is looked at.
BARE_USE = """local value = redis.call('GET', KEYS[1])
if value and string.sub(value, 1, 1) == '0' then
  redis.call('SET', KEYS[1], '1' .. string.sub(value, 2))
  return value
end"""

BARE_ISSUE = """if redis.call('EXISTS', KEYS[1]) == 1 then return 0 end
redis.call('SET', KEYS[1], ARGV[1])
redis.call('ZADD', KEYS[2], unpack(ARGV, 2))
return 1"""


def seconds(call: Callable[[Any], object], values: Iterable[Any]) -> float:
    """Time a call for each value."""
    start = perf_counter()
    for value in values:
        call(value)
    return perf_counter() - start


class Bench:
    """One store and one bare client on one server."""

    def __init__(self) -> None:
        self.client: Any = redis.Redis.from_url(valkey())
        self.store = RedisStore(valkey(), prefix=f"bench-{uuid4()}")
        self.use, self.issue = (self.client.script_load(text) for text in (BARE_USE, BARE_ISSUE))
        ring = KeyRing(signing=Key(id=1, secret=os.urandom(32)))
        self.links = MagicLinks(keys=ring, store=self.store, policies=[SIGN_IN], base_url="https://billing.example/l/")

    def bare_issue(self, pair: tuple[bytes, bytes]) -> object:
        """Write what the keeper writes: a value, and six members of one index."""
        members = [part for letter in (b"a", b"e", b"m", b"r", b"s", b"u") for part in (b"0", letter + pair[1][:60])]
        return self.client.evalsha(self.issue, 2, pair[0], b"bare-index", pair[1], *members)

    def singles(self) -> tuple[float, ...]:
        """Issue and use some links, bare and not; give how many times the bare one's rate each reaches."""
        written = [record(max_uses=1, subject=str(uuid4()), resource=str(uuid4())) for _ in range(CALLS)]
        values = [(os.urandom(40), b"0" + os.urandom(60) + packed(each)) for each in written]
        others = [(os.urandom(40), value) for _, value in values]
        bare_set = seconds(lambda pair: self.client.set(*pair), values)
        add = seconds(lambda each: self.store.add([each], now=NOW, renamed={}), written)
        bare_issue = seconds(self.bare_issue, others)
        bare_use = seconds(lambda pair: self.client.evalsha(self.use, 1, pair[0]), values)
        consume = seconds(lambda each: self.store.consume(each.link_id, ONCE), written)
        tokens = [self.links.issue(SIGN_IN, subject=each.subject).token for each in written]
        redeem = seconds(lambda token: self.links.redeem(token, SIGN_IN), tokens)
        subjects = [str(uuid4()) for _ in written]
        issue = seconds(lambda subject: self.links.issue(SIGN_IN, subject=subject), subjects)
        return (bare_use / consume, bare_use / redeem, bare_set / add, bare_issue / add, bare_issue / issue)

    def batch(self) -> float:
        """Write ten thousand links in one call; give the time, in that of a bare transaction of the same writes."""
        written = [record(subject=str(uuid4()), resource=str(uuid4())) for _ in range(BATCH)]
        start = perf_counter()
        assert self.store.add(written, now=NOW, renamed={})
        took = perf_counter() - start
        start = perf_counter()
        with self.client.pipeline(transaction=True) as bulk:
            for each in written:
                value = packed(each)
                bulk.execute_command("SET", os.urandom(40), value)
                members = [part for letter in b"aemrsu" for part in (b"0", b"%c" % letter + os.urandom(60))]
                bulk.execute_command("ZADD", b"bare-index", *members)
            bulk.execute()
        return took / (perf_counter() - start)

    def revoke(self, links: int) -> tuple[str, list[float]]:
        """Make a subject with some links, and have room for times."""
        subject = str(uuid4())
        for begun in range(0, links, BATCH):
            batch = [record(subject=subject) for _ in range(min(BATCH, links - begun))]
            assert self.store.add(batch, now=NOW, renamed={})
        return subject, []

    def subjects(self) -> float:
        """Revoke all of a subject with 100,000 links; give the time, in that of one with 20."""
        many, few = self.revoke(100_000), self.revoke(20)
        for _ in range(CALLS):
            for subject, times in (many, few):
                start = perf_counter()
                self.store.revoke_subject(AUDIENCE, subject, now=NOW, reason="")
                times.append(perf_counter() - start)
        return statistics.median(many[1]) / statistics.median(few[1])


def main(rounds: int) -> None:
    """Print the table."""
    bench = Bench()
    singles = [statistics.median(each) for each in zip(*(bench.singles() for _ in range(rounds)), strict=True)]
    batch = statistics.median(bench.batch() for _ in range(3))
    whats: Sequence[tuple[str, str, str, float]] = [
        ("T6", "consume, rate / a bare script", "≥ 0.8", singles[0]),
        ("T6", "links.redeem, rate / a bare script", "≥ 0.8", singles[1]),
        ("T6", "add, rate / a bare SET", "≥ 0.9", singles[2]),
        ("T6", "add, rate / a bare script, same keys", "≥ 0.9", singles[3]),
        ("T6", "links.issue, rate / a bare script, same keys", "≥ 0.9", singles[4]),
        ("T8", "add of 10,000 / MULTI of the same writes", "≤ 1.2", batch),
        ("T11", "revoke a subject, 100,000 links / 20", "1", bench.subjects()),
    ]
    print(f"{'':5}{'what':46}{'target':>8}  ratio")
    for number, what, target, found in whats:
        print(f"{number:5}{what:46}{target:>8}  {found:.2f}")
    bench.store.close()
    bench.client.close()


if __name__ == "__main__":
    main(int(sys.argv[1]) if len(sys.argv) > 1 else 30)
