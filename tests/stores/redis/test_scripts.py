"""The conditions in Lua say what `records.py` says: both are asked, about many records."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, get_args, get_type_hints
from uuid import uuid4

import pytest
import redis
from hypothesis import given, settings
from hypothesis import strategies as st

from magiclink.records import CLOCK_SKEW, Record, State, Terms
from magiclink.stores.base import LARGEST
from magiclink.stores.redis import RedisStore
from magiclink.testing.contract import record
from magiclink.testing.contract.bench import AUDIENCE, NOW
from tests.services import valkey

if TYPE_CHECKING:
    from collections.abc import Iterator

SPAN = 100

edges = st.integers(-2, 2)
near = edges.map(lambda edge: 2**32 + edge) | st.integers(LARGEST - 3, LARGEST - 1)
counts = st.none() | st.integers(1, 3) | near
maybe = st.sampled_from([None, b"", b"x", b"y"])
nows = st.sampled_from([NOW, NOW, NOW, 2**32, LARGEST - 1, SPAN - LARGEST])
relative = edges | st.sampled_from([-SPAN, CLOCK_SKEW + 1, -(2**64), 2**64]) | edges.map(lambda edge: edge - SPAN)
relative |= edges.map(lambda edge: CLOCK_SKEW + edge)
fields_of_records: dict[str, st.SearchStrategy[Any]] = {
    "purpose": st.sampled_from(["invoice", "invoice", "Invoice"]),
    "stamp": maybe,
    "max_uses": counts,
    "uses": st.integers(0, 3) | near,
    "attempt": maybe,
    "attempts": st.integers(0, 3) | near,
    "superseded_at": st.sampled_from([None, None, None, NOW]),
    "revoked_at": st.sampled_from([None, None, None, NOW]),
}
instants = {"issued_at": relative, "expires_at": relative, "first_used_at": relative, "last_used_at": relative}
fields_of_terms: dict[str, st.SearchStrategy[Any]] = {
    "audience": st.sampled_from([AUDIENCE, AUDIENCE, AUDIENCE, AUDIENCE.upper()]),
    "purpose": st.just("invoice"),
    "lifetime": st.sampled_from([0, SPAN, 10**18, 2**80]),
    "max_uses": counts,
    "stamp": maybe,
    "attempt": maybe,
    "reclick": st.sampled_from([0, SPAN, 2**80]),
}


names = st.sets(st.sampled_from([*fields_of_records, *instants, *(f"terms.{name}" for name in fields_of_terms)]))


@st.composite
def cases(draw: st.DrawFn) -> tuple[Record, Terms]:
    """Draw a link and the terms of a use: met, but for a few fields that are drawn at random."""
    now, odd = draw(nows), draw(names.filter(lambda some: len(some) <= 4))
    fields: dict[str, Any] = {"issued_at": now - 1, "expires_at": min(now + SPAN, LARGEST), "uses": 2}
    # A click again, just too late to be one.
    fields |= {"attempt": b"x", "first_used_at": now - SPAN, "last_used_at": now - SPAN}
    fields |= {name: draw(way) for name, way in fields_of_records.items() if name in odd}
    fields |= {name: max(-LARGEST, min(now + draw(way), LARGEST)) for name, way in instants.items() if name in odd}
    met: dict[str, Any] = {"audience": AUDIENCE, "purpose": "invoice", "lifetime": SPAN, "max_uses": None}
    met |= {"attempt": b"x", "reclick": SPAN}
    met |= {name: draw(way) for name, way in fields_of_terms.items() if f"terms.{name}" in odd}
    return record()._replace(**fields), Terms(now=now, **met)


@pytest.fixture(scope="module")
def store() -> Iterator[RedisStore]:
    """Return one store to all examples, whose links differ."""
    opened = RedisStore(valkey(), prefix=f"test-{uuid4()}")
    yield opened
    opened.close()


def written(store: RedisStore, link: Record, generations: int) -> Record:
    """Write a link of a subject of its own, raise the subject's generation, and return the link as it is read then."""
    link = link._replace(subject=str(uuid4()), series=uuid4().bytes)
    assert store.add([link], now=NOW, renamed={})
    for _ in range(generations):
        store.revoke_subject(link.audience, link.subject, now=NOW, reason="left")
    found = store.get(link.audience, link.link_id)
    assert found is not None
    return found


@settings(max_examples=600, deadline=None)
@given(case=cases(), generations=st.sampled_from([0, 0, 0, 1, 2]))
def test_consume_as_terms(store: RedisStore, case: tuple[Record, Terms], generations: int) -> None:
    """A use is written exactly where `Terms.met_by` holds of the record as it is read, and changes what rule 7 says."""
    link, met = case
    found = written(store, link._replace(link_id=uuid4().bytes), generations)
    used = store.consume(found.link_id, met)
    first = met.now if link.first_used_at is None else link.first_used_at
    expected = found._replace(uses=found.uses + 1, first_used_at=first, last_used_at=met.now, attempt=met.attempt)
    assert used == (expected if met.met_by(found) else None)
    assert store.get(link.audience, found.link_id) == (used or found)


@settings(max_examples=200, deadline=None)
@given(case=cases(), limit=st.integers(0, 4) | near, generations=st.sampled_from([0, 0, 1]))
def test_attempts_as_state(store: RedisStore, case: tuple[Record, Terms], limit: int, generations: int) -> None:
    """A try at a code is counted exactly where the record as it is read is outstanding and below the limit."""
    link, met = case
    found = written(store, link._replace(link_id=uuid4().bytes), generations)
    counted = store.count_attempt(link.audience, found.link_id, now=met.now, limit=limit)
    allowed = found.state_at(met.now) is State.OUTSTANDING and found.attempts < limit
    assert counted == (found._replace(attempts=found.attempts + 1) if allowed else None)


@pytest.mark.parametrize("edge", [2**31 - 1, 2**32 - 1, 2**52, LARGEST - 2])
def test_counts_that_carry(store: RedisStore, edge: int) -> None:
    """A count goes on exactly, by one, up to the largest integer."""
    found = written(store, record(uses=edge, attempts=edge), 0)
    met = Terms(audience=AUDIENCE, purpose="invoice", now=NOW, lifetime=1, max_uses=None)
    assert [(store.consume(found.link_id, met) or found).uses for _ in range(2)] == [edge + 1, edge + 2]


@pytest.mark.parametrize("field", Record._fields)
def test_field_comes_back(store: RedisStore, field: str) -> None:
    """D16: each field comes back as it went in, through a script that reads and writes the record anew."""
    odd: dict[type, Any] = {bytes: b"\0\xff'", str: "A\0 e\u0301 \u00e9 ", int: LARGEST}
    hint = get_type_hints(Record)[field]
    [kind] = {hint, *get_args(hint)} & odd.keys()
    link = record(audience=str(uuid4()), number=1, generation=0)
    if field not in {"number", "generation", "delivered_at"}:
        link = link._replace(**{field: odd[kind]})
    assert store.add([link], now=NOW, renamed={})
    store.mark_delivered(link.audience, [link.link_id], now=NOW)
    assert store.get(link.audience, link.link_id) == link._replace(delivered_at=link.delivered_at or NOW)


def test_numbers_that_carry(store: RedisStore) -> None:
    """3, 4: numbers and generations go on by one; 256 of them are more than one byte."""
    series = uuid4().bytes
    links = [record(series=series, subject=series.hex()) for _ in range(300)]
    assert store.add(links, now=NOW, renamed={})
    newest, _ = store.newest(AUDIENCE, series.hex(), [series])
    assert newest is not None
    assert (newest.number, newest.link_id) == (300, links[-1].link_id)


def test_keys_without_end() -> None:
    """No key has a time to live, whatever was done: nothing goes by itself, nor by a `volatile-` policy."""
    prefix = f"test-{uuid4()}"
    store = RedisStore(valkey(), prefix=prefix)
    link = written(store, record(), 1)
    store.hit(b"limit", now=NOW, limit=5, window=1_000_000)
    store.check()
    store.close()
    with redis.Redis.from_url(valkey()) as client:
        keys = list(client.scan_iter(f"{prefix}:*"))
        assert len(keys) == 6, keys
        assert {client.pttl(key) for key in keys} == {-1}
        assert client.exists(f"{prefix}:{{x}}", keys[0]) == 1
    assert link.revoked_at == NOW
