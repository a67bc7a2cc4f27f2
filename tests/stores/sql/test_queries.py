"""Links are found by lookup key first and then by primary key, a page or a batch at a time."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from magiclink.errors import BadArgumentError
from magiclink.instants import SECOND
from magiclink.records import CLOCK_SKEW, Selector
from magiclink.stores.base import LARGEST
from magiclink.stores.lookup_keys import PERIOD
from magiclink.stores.sql import queries
from magiclink.stores.sql.connections import Session
from magiclink.testing.contract import record, terms
from magiclink.testing.contract.bench import AUDIENCE, NOW
from tests.stores.sql.databases import ask, put

if TYPE_CHECKING:
    from magiclink.stores.sql.store import SQLStore

ANN, BOB = b"ann" * 5, b"bob" * 5
MONTH = PERIOD * SECOND


def test_many_keys() -> None:
    """Keys are cut into what one statement may name."""
    sizes = [len(some) for some in queries.split(range(2 * queries.BATCH + 1))]
    assert sizes == [queries.BATCH, queries.BATCH, 1]


def test_nothing_sought(store: SQLStore) -> None:
    """Of no series and no recipients there are no links."""
    put(store)
    assert store.newest(AUDIENCE, "customer-7", []) == (None, 0)
    assert list(store.find(Selector(audience=AUDIENCE, recipients=()), limit=9)) == []


def test_empty_audience(store: SQLStore) -> None:
    """An audience without links has no periods."""
    assert store._database.read(lambda db: queries.list_periods(db, AUDIENCE)) == []


def test_periods(store: SQLStore) -> None:
    """The periods of an audience reach from that of its first link to that of its last."""
    for number in (1, 4):
        put(store, expires_at=number * PERIOD * SECOND)
    put(store, expires_at=9 * PERIOD * SECOND, audience="https://other.example")
    found = store._database.read(lambda db: queries.list_periods(db, AUDIENCE))
    assert [int(period[12:], 16) for period in found] == [1, 2, 3, 4]


def test_find(store: SQLStore) -> None:
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


def test_newest(store: SQLStore) -> None:
    """The newest of a series has its highest number."""
    first = put(store)
    second = put(store, series=first.series)
    assert store.newest(AUDIENCE, first.subject, [b"", first.series]) == (second, 0)


def test_superseding(store: SQLStore) -> None:
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


def test_many_links(store: SQLStore) -> None:
    """Whatever the number of links, each is reached, and no statement names them all."""
    number = queries.BATCH + 1
    links = [record(subject="a", supersede="on-issue") for _ in range(number)]
    links = [link._replace(series=links[0].series) for link in links]
    assert store.add(links, now=NOW, renamed={})
    found = store.find(Selector(audience=AUDIENCE, subject="a"), limit=2 * number)
    assert sorted(link.superseded_at is None for link in found) == [False] * (number - 1) + [True]
    store.revoke_matching(Selector(audience=AUDIENCE, subject="a"), now=NOW, reason="all")
    assert {link.revoke_reason for link in store.find(Selector(audience=AUDIENCE, subject="a"), limit=number)} == {
        "all"
    }


def test_long_reason(store: SQLStore) -> None:
    """A reason that its column can't hold is refused, and nothing is revoked."""
    link = put(store)
    with pytest.raises(BadArgumentError):
        store.revoke(AUDIENCE, link.link_id, now=NOW, reason="x" * 256)
    assert store.get(AUDIENCE, link.link_id) == link


def test_plan_that_reads_all(store: SQLStore, monkeypatch: pytest.MonkeyPatch) -> None:
    """SQLite finds the ends of an audience, and a link by its lookup keys, along keys: it scans no table."""
    put(store)
    asked: list[tuple[str, Any]] = []
    plain = Session.ask

    def watch(db: Session, statement: str, values: Any) -> Any:
        asked.append((statement, values))
        return plain(db, statement, values)

    with monkeypatch.context() as patch:
        patch.setattr(Session, "ask", watch)
        store.newest(AUDIENCE, "customer-7", [bytes(16)])
    assert len(asked) == 3
    for statement, values in asked:
        plan = ask(store, f"EXPLAIN QUERY PLAN {statement}", **values)
        assert not [row[3] for row in plan if row[3].startswith("SCAN magiclink")]


@pytest.mark.parametrize("limit", [0, -1, LARGEST, 2**70])
def test_any_limit(store: SQLStore, limit: int) -> None:
    """A page of nothing, or of less, is empty; one longer than any database counts is all."""
    put(store)
    assert len(store.find(Selector(audience=AUDIENCE), limit=limit)) == (limit > 0)


@pytest.mark.parametrize(
    "fields", [{"purpose": "invoice"}, {"subject": "customer-7"}, {"resource": "invoice:1001"}, {}]
)
def test_narrowed(store: SQLStore, fields: dict[str, Any]) -> None:
    """Whatever a selector names first, all that it names must match."""
    wanted = record(issued_at=NOW - 1)
    assert store.add([wanted, record(), record(issued_at=NOW - 1, recipient=None)], now=NOW, renamed={})
    whole = Selector(audience=AUDIENCE, recipients=(wanted.recipient or b"",), issued_before=NOW, **fields)
    assert [link.link_id for link in store.find(whole, limit=9)] == [wanted.link_id]
    assert len(store.find(Selector(audience=AUDIENCE, issued_before=NOW, **fields), limit=9)) == 2


def test_found_in_every_period(store: SQLStore) -> None:
    """A subject's links are found however far apart they expire."""
    links = [record(expires_at=NOW + months * MONTH, issued_at=NOW - months) for months in (0, 1, 700)]
    assert store.add(links, now=NOW, renamed={})
    found = store.find(Selector(audience=AUDIENCE, subject="customer-7"), limit=9)
    assert [link.link_id for link in found] == [link.link_id for link in links]


def test_terms_beyond_53_bits(store: SQLStore) -> None:
    """Sums of the terms that pass 53 bits bound nothing, and are bound nevertheless."""
    link = put(store)
    assert store.consume(link.link_id, terms(lifetime=2**70, reclick=2**70, attempt=b"one"))
    assert store.consume(link.link_id, terms(lifetime=2**70, reclick=2**70, attempt=b"one")) is None
    late = terms(now=LARGEST - CLOCK_SKEW // 2, lifetime=2**70)
    assert store.consume(link.link_id, late) is None


def test_older_generation(store: SQLStore) -> None:
    """10: a link of an older generation is read as revoked with its subject, by every look-up, unless it was before."""
    first, second = put(store), put(store)
    store.revoke(AUDIENCE, first.link_id, now=NOW, reason="lost")
    store.revoke_subject(AUDIENCE, first.subject, now=NOW + 1, reason="left")
    ended = second._replace(revoked_at=NOW + 1, revoke_reason="left")
    found = store.get(AUDIENCE, first.link_id)
    assert found is not None
    assert found.revoke_reason == "lost"
    assert store.get(AUDIENCE, second.link_id) == ended
    assert store.newest(AUDIENCE, first.subject, [first.series]) == (ended, 1)
    assert ended in store.find(Selector(audience=AUDIENCE), limit=9)


def test_key_that_is_too_long(store: SQLStore) -> None:
    """A link id that is longer than any is one of an unknown link."""
    put(store)
    assert store.get(AUDIENCE, bytes(21)) is None
