"""Links are found by name first and then by key, a page or a batch at a time."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
from django.db import connections

from magiclink.django.store import DjangoStore
from magiclink.django.store import queries as lookups
from magiclink.django.store.connections import AppDatabase
from magiclink.errors import BadArgumentError
from magiclink.instants import SECOND
from magiclink.records import Selector
from magiclink.stores.lookup_keys import PERIOD
from magiclink.testing.contract import record, terms
from magiclink.testing.contract.bench import AUDIENCE, NOW
from tests.django.databases import database, put

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from pytest_django import DjangoDbBlocker

ANN, BOB = b"ann" * 5, b"bob" * 5


@pytest.fixture
def alias(tmp_path: Path, django_db_blocker: DjangoDbBlocker) -> Iterator[str]:
    """Return a file of SQLite."""
    with django_db_blocker.unblock(), database("sqlite", tmp_path) as alias:
        yield alias


@pytest.fixture
def store(alias: str) -> DjangoStore:
    """Return a store on it."""
    return DjangoStore(using=alias)


def test_many_keys() -> None:
    """Keys are cut into what one statement may name."""
    sizes = [len(some) for some in lookups.batches(range(2 * lookups.BATCH + 1))]
    assert sizes == [lookups.BATCH, lookups.BATCH, 1]


def test_nothing_sought(store: DjangoStore) -> None:
    """Of no series and no recipients there are no links."""
    put(store)
    assert store.newest(AUDIENCE, "customer-7", []) == (None, 0)
    assert list(store.find(Selector(audience=AUDIENCE, recipients=()), limit=9)) == []


def test_empty_audience(alias: str) -> None:
    """An audience without links has no buckets."""
    assert AppDatabase(alias).read(lambda db: lookups.live(db, AUDIENCE)) == []


def test_buckets(store: DjangoStore, alias: str) -> None:
    """The buckets of an audience reach from that of its first link to that of its last."""
    for periods in (1, 4):
        put(store, expires_at=periods * PERIOD * SECOND)
    put(store, expires_at=9 * PERIOD * SECOND, audience="https://other.example")
    found = AppDatabase(alias).read(lambda db: lookups.live(db, AUDIENCE))
    assert [int(bucket[12:], 16) for bucket in found] == [1, 2, 3, 4]


def test_find(store: DjangoStore) -> None:
    """11: each field narrows, the newest is first, and a page goes on behind a link; an unknown one gives nothing."""
    one = put(store, subject="a", resource="r", recipient=ANN, issued_at=NOW - 1)
    two = put(store, subject="a", resource="s", recipient=BOB)
    three = put(store, subject="b", resource="r", recipient=ANN, purpose="sign-in")
    for selector, wanted in [
        (Selector(audience=AUDIENCE, subject="a"), {one, two}),
        (Selector(audience=AUDIENCE, resource="r"), {one, three}),
        (Selector(audience=AUDIENCE, recipients=(ANN, b"")), {one, three}),
        (Selector(audience=AUDIENCE, recipients=(ANN,), subject="a"), {one}),
        (Selector(audience=AUDIENCE, purpose="sign-in"), {three}),
        (Selector(audience=AUDIENCE, issued_before=NOW), {one}),
        (Selector(audience=AUDIENCE), {one, two, three}),
    ]:
        assert set(store.find(selector, limit=9)) == wanted
    everything = [*store.find(Selector(audience=AUDIENCE), limit=9)]
    assert everything[-1] == one
    for place, link in enumerate(everything):
        assert [*store.find(Selector(audience=AUDIENCE), limit=9, after=link.link_id)] == everything[place + 1 :]
    assert store.find(Selector(audience=AUDIENCE), limit=9, after=bytes(20)) == []


def test_newest(store: DjangoStore) -> None:
    """The newest of a series has its highest number."""
    first = put(store)
    second = put(store, series=first.series)
    assert store.newest(AUDIENCE, first.subject, [b"", first.series]) == (second, 0)


def test_superseding(store: DjangoStore) -> None:
    """6, 7: older links of a series, a renewed link's parent and a subject's other links are ended, and no more."""
    old = put(store)
    put(store, supersede="on-issue", series=old.series)
    assert store.get(AUDIENCE, old.link_id) == old._replace(superseded_at=NOW)
    parent = put(store, subject="b")
    put(store, subject="b", supersede="on-issue", origin="renew", parent=parent.link_id, series=parent.series)
    assert store.get(AUDIENCE, parent.link_id) == parent._replace(superseded_at=NOW)
    orphan = put(store, subject="d", supersede="on-issue", origin="renew")
    assert store.get(AUDIENCE, orphan.link_id) == orphan
    ann, bob, used = (put(store, subject="c", recipient=who, series=bytes(16)) for who in (ANN, BOB, ANN))
    assert store.consume(used.link_id, terms(ends_others=True)) is not None
    assert store.get(AUDIENCE, ann.link_id) == ann._replace(superseded_at=NOW)
    assert store.get(AUDIENCE, bob.link_id) == bob


def test_many_links(store: DjangoStore) -> None:
    """Whatever the number of links, each is reached, and no statement names them all."""
    number = lookups.BATCH + 1
    links = [record(subject="a", supersede="on-issue") for _ in range(number)]
    links = [link._replace(series=links[0].series) for link in links]
    assert store.add(links, now=NOW, renamed={})
    found = store.find(Selector(audience=AUDIENCE, subject="a"), limit=2 * number)
    assert sorted(link.superseded_at is None for link in found) == [False] * (number - 1) + [True]
    store.revoke_matching(Selector(audience=AUDIENCE, subject="a"), now=NOW, reason="all")
    assert {link.revoke_reason for link in store.find(Selector(audience=AUDIENCE, subject="a"), limit=number)} == {
        "all"
    }


def test_long_reason(store: DjangoStore) -> None:
    """A reason that its column can't hold is refused, and nothing is revoked."""
    link = put(store)
    with pytest.raises(BadArgumentError):
        store.revoke(AUDIENCE, link.link_id, now=NOW, reason="x" * 256)
    assert store.get(AUDIENCE, link.link_id) == link


def test_plan_that_reads_all(store: DjangoStore, alias: str) -> None:
    """SQLite finds the ends of an audience, and a link by its names, along keys: it scans no table."""
    put(store)
    said: list[tuple[str, Any]] = []

    def watch(execute: Any, sql: str, params: Any, many: bool, context: Any) -> Any:
        said.append((sql, params))
        return execute(sql, params, many, context)

    with connections[alias].execute_wrapper(watch):
        store.newest(AUDIENCE, "customer-7", [bytes(16)])
    assert len(said) == 3
    for sql, params in said:
        with connections[alias].cursor() as cursor:
            cursor.execute(f"EXPLAIN QUERY PLAN {sql}", params)
            assert not [row[3] for row in cursor.fetchall() if row[3].startswith("SCAN magiclink")]
