"""Batches, reissues, deliveries and uses that end others: what takes PostgreSQL more than one statement."""

from __future__ import annotations

from os import urandom
from typing import TYPE_CHECKING, Any

import pytest

from magiclink.records import State
from magiclink.testing.contract import record, terms
from magiclink.testing.contract.bench import AUDIENCE, NOW, race
from tests.stores.postgres.sandboxes import LEVELS, Call, Sandbox, put

if TYPE_CHECKING:
    from magiclink.records import Record
    from magiclink.stores.postgres import PostgresStore


def test_batches_of_two_audiences(store: PostgresStore) -> None:
    """One batch may hold links of two audiences, which end and rename nothing of each other."""
    there = "https://shop.example"
    old = [put(store, series=b"s" * 16), put(store, audience=there, series=b"s" * 16)]
    batch = [record(series=b"s" * 16, supersede="on-issue"), record(audience=there, series=b"t" * 16)]
    assert store.add(batch, now=NOW, renamed={})
    found = [store.get(each.audience, each.link_id) for each in old]
    assert [each and each.superseded_at for each in found] == [NOW, None]


def test_reissues_of_one_batch(store: PostgresStore) -> None:
    """Reissues that follow each other in one batch are each the next of their series; numbers go on above them."""
    first = put(store)
    again = [record(series=first.series, number=number, generation=0, origin="remind") for number in (2, 3)]
    assert store.add([again[0], again[0]._replace(link_id=bytes(20))], now=NOW, renamed={}) is False
    late = [again[0], record(series=first.series), again[1]]
    assert store.add(late, now=NOW, renamed={}) is False
    assert store.add([*late[:2], again[1]._replace(number=4)], now=NOW, renamed={})
    newest, _ = store.newest(AUDIENCE, first.subject, [first.series])
    assert newest is not None
    assert (newest.link_id, newest.number) == (again[1].link_id, 4)
    assert (put(store).number or 0) > 4


def test_delivered_in_one_call(store: PostgresStore) -> None:
    """6: in one call too, a link that an earlier one of it has ended ends nothing more."""
    oldest = put(store)
    fields: dict[str, Any] = {"series": oldest.series, "generation": 0, "supersede": "on-delivery"}
    parent = put(store, **fields, number=2, origin="remind")
    renewed = put(store, **fields, number=3, origin="renew", parent=parent.link_id)
    older, newer = (put(store, supersede="on-delivery", resource="invoice:1002") for _ in range(2))
    told = [renewed, parent, newer, older]
    store.mark_delivered(AUDIENCE, [each.link_id for each in told], now=NOW)
    found = [store.get(AUDIENCE, each.link_id) for each in (oldest, parent, renewed, older, newer)]
    assert [each and each.superseded_at for each in found] == [None, NOW, None, NOW, None]
    assert [each and each.delivered_at for each in found] == [None, NOW, NOW, NOW, NOW]


def test_hundred_thousand_links(sandbox: Sandbox, store: PostgresStore) -> None:
    """A hundred thousand links are written by one call, all usable; a failure in the middle leaves none."""
    links = [record(subject=f"customer-{number}", max_uses=1) for number in range(100_000)]
    broken = [*links[:50_000], links[7], *links[50_000:]]
    assert store.add(broken, now=NOW, renamed={}) is False
    assert sandbox.rows("links", "subjects") == [0, 0]
    assert store.add(links, now=NOW, renamed={})
    assert all(store.consume(link.link_id, terms()) for link in links[::5_000])
    standing = sandbox.run("SELECT count(*) FROM @links JOIN @subjects USING (audience, subject, generation)")
    assert standing == [(100_000,)]


def test_use_that_ends_others(store: PostgresStore) -> None:
    """7: a use that is refused ends no others; one that is written ends those of its purpose, subject and recipient."""
    link, other = put(store, max_uses=1), put(store)
    assert store.consume(link.link_id, terms(ends_others=True, stamp=b"x" * 17)) is None
    assert store.get(AUDIENCE, other.link_id) == other
    assert store.consume(link.link_id, terms(ends_others=True)) is not None
    found = store.get(AUDIENCE, other.link_id)
    assert found is not None
    assert found.superseded_at == NOW


def test_renamed_in_one_go(store: PostgresStore) -> None:
    """5: names are exchanged, not changed one after the other: what was renamed isn't renamed again."""
    one, two = put(store, series=b"1" * 16), put(store, series=b"2" * 16, recipient=b"2" * 16)
    names = {b"1" * 16: b"2" * 16, b"2" * 16: b"3" * 16}
    assert store.add([record(resource="invoice:9")], now=NOW, renamed=names)
    found = [store.get(AUDIENCE, each.link_id) for each in (one, two)]
    assert [each and (each.series, each.recipient) for each in found] == [
        (b"2" * 16, one.recipient),
        (b"3" * 16, b"3" * 16),
    ]


def test_reissue_of_an_unknown_parent(store: PostgresStore) -> None:
    """6: a renewed link whose parent is gone, or that has none, ends nothing."""
    old = put(store)
    for number, parent in ((2, None), (3, bytes(20))):
        fields = {"series": old.series, "number": number, "generation": 0, "parent": parent}
        assert store.add([record(**fields, origin="renew", supersede="on-issue")], now=NOW, renamed={})
    assert store.get(AUDIENCE, old.link_id) == old


def outstanding(store: PostgresStore, links: list[Record]) -> list[Record]:
    """Return those that can still be used."""
    found = [store.get(AUDIENCE, link.link_id) for link in links]
    return [link for link in found if link and link.state_at(NOW) is State.OUTSTANDING]


@pytest.mark.parametrize("level", LEVELS)
def test_two_issues_that_wait_for_each_other(level: str) -> None:
    """F07: two links of a series that are issued while one lock holds both leave one outstanding."""
    with Sandbox(default_transaction_isolation=level) as sandbox:
        store = sandbox.store()
        first = put(store)
        links = [record(supersede="on-issue") for _ in range(2)]
        with sandbox.holding("SELECT 1 FROM @subjects FOR UPDATE"):
            calls = []
            for number, link in enumerate(links, 1):
                calls.append(Call(lambda link=link: store.add([link], now=NOW, renamed={})))
                sandbox.wait_for(number)
        assert [call.result() for call in calls] == [True, True]
        assert len(outstanding(store, [first, *links])) == 1


@pytest.mark.parametrize("level", LEVELS)
def test_deliveries_that_wait_for_each_other(level: str) -> None:
    """F05: deliveries of two links of a series, the newer first, leave the newer outstanding and it alone."""
    with Sandbox(default_transaction_isolation=level) as sandbox:
        store = sandbox.store()
        links = [put(store, supersede="on-delivery") for _ in range(3)]
        with sandbox.holding("SELECT 1 FROM @subjects FOR UPDATE"):
            calls = []
            for number, link in enumerate(reversed(links), 1):
                calls.append(Call(lambda link=link: store.mark_delivered(AUDIENCE, [link.link_id], now=NOW)))
                sandbox.wait_for(number)
        for call in calls:
            call.result()
        assert [each.link_id for each in outstanding(store, links)] == [links[-1].link_id]


@pytest.mark.parametrize("level", LEVELS)
def test_delivery_behind_a_revocation(level: str) -> None:
    """6: a delivery that waits while its link is revoked ends nothing."""
    with Sandbox(default_transaction_isolation=level) as sandbox:
        store = sandbox.store()
        links = [put(store, supersede="on-delivery") for _ in range(2)]
        ending = f"UPDATE @links SET revoked_at = {NOW} WHERE number = 2"
        with sandbox.holding(f"WITH s AS (SELECT 1 FROM @subjects FOR UPDATE) {ending} AND EXISTS (SELECT FROM s)"):
            call = Call(lambda: store.mark_delivered(AUDIENCE, [links[1].link_id], now=NOW))
            sandbox.wait_for(1)
        call.result()
        found = [store.get(AUDIENCE, link.link_id) for link in links]
        assert [each and (each.superseded_at, each.delivered_at) for each in found] == [(None, None), (None, NOW)]


@pytest.mark.parametrize("level", LEVELS)
def test_reissue_behind_a_revocation(level: str) -> None:
    """10: a reissue that waits while its subject is revoked isn't written."""
    with Sandbox(default_transaction_isolation=level) as sandbox:
        store = sandbox.store()
        parent = put(store)
        child = record(series=parent.series, number=2, generation=0, origin="remind")
        with sandbox.holding(f"UPDATE @subjects SET generation = 1, revoked_at = {NOW}"):
            call = Call(lambda: store.add([child], now=NOW, renamed={}))
            sandbox.wait_for(1)
        assert call.result() is False
        assert store.get(AUDIENCE, child.link_id) is None


def test_batches_that_share_subjects(sandbox: Sandbox, store: PostgresStore) -> None:
    """E15: two batches that name the same subjects in opposite orders wait for each other, and deadlock nobody."""
    subjects = [f"customer-{number}" for number in range(60)]
    before = "SELECT deadlocks FROM pg_stat_database WHERE datname = current_database()"
    deadlocks = sandbox.run(before)
    for _ in range(10):
        batches = [[record(subject=each) for each in order] for order in (subjects, subjects[::-1])] * 2
        batches = [[each._replace(link_id=urandom(20)) for each in batch] for batch in batches]
        assert all(race(*[lambda batch=batch: store.add(batch, now=NOW, renamed={}) for batch in batches]))
    assert sandbox.run(before) == deadlocks
