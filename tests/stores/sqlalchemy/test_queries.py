"""Links are found by name in every bucket that they may lie in, and a selector narrows by what is rarest."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from magiclink.records import CLOCK_SKEW, Selector
from magiclink.stores.lookup_keys import PERIOD
from magiclink.stores.sqlalchemy import SQLAlchemyStore
from magiclink.stores.sqlalchemy import queries as lookups
from magiclink.testing.contract import record, terms
from magiclink.testing.contract.bench import AUDIENCE, ELSEWHERE, NOW
from tests.stores.sqlalchemy.engines import new_engine

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from sqlalchemy import Engine

    from magiclink.records import Record

MONTH = PERIOD * 1_000_000
LARGEST = 2**63 - 1


@pytest.fixture
def engine(tmp_path: Path) -> Iterator[Engine]:
    """Return an engine on an empty file of SQLite."""
    with new_engine("sqlite", tmp_path) as engine:
        yield engine


@pytest.fixture
def store(engine: Engine) -> SQLAlchemyStore:
    """Return a store."""
    return SQLAlchemyStore(engine, create=True)


def test_buckets(engine: Engine, store: SQLAlchemyStore) -> None:
    """An audience's buckets go from its first link's to its last one's, those between too; none where it has none."""
    links = [record(expires_at=NOW + months * MONTH) for months in (2, 5)]
    assert store.add([*links, record(audience=ELSEWHERE)], now=NOW, renamed={})
    with engine.connect() as db:
        found = [lookups.live(db, audience) for audience in (AUDIENCE, ELSEWHERE, "https://nowhere.example")]
    assert [len(each) for each in found] == [4, 1, 0]
    assert found[0] == sorted(found[0])


def test_found_in_every_bucket(store: SQLAlchemyStore) -> None:
    """A subject's links are found however far apart they expire."""
    links = [record(expires_at=NOW + months * MONTH, issued_at=NOW - months) for months in (0, 1, 700)]
    assert store.add(links, now=NOW, renamed={})
    found = store.find(Selector(audience=AUDIENCE, subject="customer-7"), limit=9)
    assert [link.link_id for link in found] == [link.link_id for link in links]


@pytest.mark.parametrize("limit", [0, -1, LARGEST, 2**70])
def test_any_limit(store: SQLAlchemyStore, limit: int) -> None:
    """A page of nothing, or of less, is empty; one longer than any database counts is all."""
    assert store.add([record()], now=NOW, renamed={})
    assert len(store.find(Selector(audience=AUDIENCE), limit=limit)) == (limit > 0)


@pytest.mark.parametrize(
    "fields", [{"purpose": "invoice"}, {"subject": "customer-7"}, {"resource": "invoice:1001"}, {}]
)
def test_narrowed(store: SQLAlchemyStore, fields: dict[str, Any]) -> None:
    """Whatever a selector names first, all that it names must match."""
    wanted = record(issued_at=NOW - 1)
    assert store.add([wanted, record(), record(issued_at=NOW - 1, recipient=None)], now=NOW, renamed={})
    whole = Selector(audience=AUDIENCE, recipients=(wanted.recipient or b"",), issued_before=NOW, **fields)
    assert [link.link_id for link in store.find(whole, limit=9)] == [wanted.link_id]
    assert len(store.find(Selector(audience=AUDIENCE, issued_before=NOW, **fields), limit=9)) == 2


def test_terms_beyond_63_bits(store: SQLAlchemyStore) -> None:
    """Sums of the terms that pass 63 bits bound nothing, and are bound nevertheless."""
    link = record()
    assert store.add([link], now=NOW, renamed={})
    assert store.consume(link.link_id, terms(lifetime=2**70, reclick=2**70, attempt=b"one"))
    assert store.consume(link.link_id, terms(lifetime=2**70, reclick=2**70, attempt=b"one")) is None
    late = terms(now=LARGEST - CLOCK_SKEW // 2, lifetime=2**70)
    assert store.consume(link.link_id, late) is None


def put(store: SQLAlchemyStore, **changes: Any) -> Record:
    """Write a link, and give it as it was kept."""
    link = record(**changes)
    assert store.add([link], now=NOW, renamed={})
    return kept(store, link)


def kept(store: SQLAlchemyStore, link: Record) -> Record:
    """Return a link as it is now."""
    found = store.get(link.audience, link.link_id)
    assert found is not None
    return found


def test_older_generation(store: SQLAlchemyStore) -> None:
    """10: a link of an older generation is read as revoked with its subject, by every look-up, unless it was before."""
    first, second = put(store), put(store)
    store.revoke(AUDIENCE, first.link_id, now=NOW, reason="lost")
    store.revoke_subject(AUDIENCE, first.subject, now=NOW + 1, reason="left")
    ended = second._replace(revoked_at=NOW + 1, revoke_reason="left")
    assert kept(store, first).revoke_reason == "lost"
    assert kept(store, second) == ended
    assert store.newest(AUDIENCE, first.subject, [first.series]) == (ended, 1)
    assert ended in store.find(Selector(audience=AUDIENCE), limit=9)


def test_pages(store: SQLAlchemyStore) -> None:
    """11: a page goes on behind any link, those of one instant too; behind an unknown one there is nothing."""
    for _ in range(4):
        put(store)
    everything = Selector(audience=AUDIENCE)
    whole = list(store.find(everything, limit=9))
    assert list(store.find(everything, limit=2, after=whole[1].link_id)) == whole[2:]
    assert list(store.find(everything, limit=9, after=bytes(20))) == []


def test_what_is_superseded(store: SQLAlchemyStore) -> None:
    """6: an issue ends what is older in its series, a renewal its parent, a use all that its holder has left."""
    first, other = put(store), put(store, resource="invoice:1002", max_uses=1)
    second = put(store, supersede="on-issue")
    renewed = put(store, origin="renew", supersede="on-issue", parent=second.link_id)
    assert [kept(store, each).superseded_at for each in (first, second, renewed, other)] == [NOW, NOW, None, None]
    assert store.consume(renewed.link_id, terms(now=NOW + 1, ends_others=True, max_uses=2))
    assert kept(store, other).superseded_at == NOW + 1
    assert kept(store, first).superseded_at == NOW
    orphan = put(store, origin="renew", supersede="on-issue", parent=None)
    assert kept(store, orphan).superseded_at is None
