"""What touches several links is written whole, numbered in one order, and forgotten from the earliest on."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING

import pytest
from django.db import connections

from magiclink.errors import ConfigurationError
from magiclink.instants import SECOND
from magiclink.records import Note, Selector
from magiclink.stores.lookup_keys import PERIOD
from magiclink.stores.sql import queries, statements, writes
from magiclink.stores.sql.dialects import find_dialect
from magiclink.stores.sql.queries import BATCH
from magiclink.testing.contract import record, terms
from magiclink.testing.contract.bench import AUDIENCE, DAY, ELSEWHERE, NOW
from tests.stores.sql.databases import KINDS, ask, count, open_store, put, row_locked, run

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from magiclink.records import Record
    from magiclink.stores.sql.store import SQLStore

ALWAYS = 2**33 * SECOND
"""An instant past all that a link id can say."""

MONTH = PERIOD * SECOND
OLD, NEW = b"\x01" + b"o" * 16, b"\x02" + b"n" * 16

FOLDED = """
CREATE TABLE magiclink_subjects (audience, subject COLLATE NOCASE, generation, number, last_link, revoked_at, reason,
PRIMARY KEY (audience, subject))"""


def test_nothing_to_write(store: SQLStore) -> None:
    """2: no records are all written."""
    assert store.add([], now=NOW, renamed={})


def test_numbers(store: SQLStore) -> None:
    """3: numbers rise with each link of a subject, over batches, with the links of others between them."""
    assert store.add([record(subject=each) for each in "abba"], now=NOW, renamed={})
    put(store, subject="a")
    found = store.find(Selector(audience=AUDIENCE), limit=9)
    numbers = {each: sorted(link.number or 0 for link in found if link.subject == each) for each in "ab"}
    assert numbers == {"a": [1, 2, 3], "b": [1, 2]}


def test_reissue_that_comes_late(store: SQLStore) -> None:
    """4: a reissue follows the newest of its series, also one that comes with it, and its subject's generation."""
    first = put(store)
    second = record(series=first.series, number=2, generation=0)
    third = second._replace(link_id=record().link_id, number=3)
    assert not store.add([third], now=NOW, renamed={})
    assert store.add([second, third], now=NOW, renamed={})
    assert not store.add([record(series=first.series, number=3, generation=0)], now=NOW, renamed={})
    store.revoke_subject(AUDIENCE, first.subject, now=NOW, reason="")
    assert not store.add([record(series=first.series, number=4, generation=0)], now=NOW, renamed={})
    assert put(store, series=first.series).number == 4


def test_batch_of_which_one_is_late(store: SQLStore) -> None:
    """2: of a batch nothing is written where one of its records isn't."""
    assert not store.add([record(), record(number=7, generation=0)], now=NOW, renamed={})
    assert list(store.find(Selector(audience=AUDIENCE), limit=9)) == []


def test_renamed(store: SQLStore) -> None:
    """5: names under a retired key become those under the signing key, and links are found by them alone."""
    old, new = b"o" * 16, b"n" * 16
    links = [put(store, series=old, recipient=old, expires_at=NOW + days * DAY) for days in (1, 99)]
    assert store.add([record()], now=NOW, renamed={old: new})
    for selector, wanted in ((old, []), (new, [link._replace(series=new, recipient=new) for link in links])):
        found = store.find(Selector(audience=AUDIENCE, recipients=(selector,)), limit=9)
        assert sorted(found) == sorted(wanted)
    assert store.newest(AUDIENCE, links[0].subject, [new])[0] == wanted[1]


def test_delivery(store: SQLStore) -> None:
    """6: a delivery is remembered once, ends what the link replaces, and ignores unknown links."""
    first = put(store, supersede="on-delivery")
    second = put(store, supersede="on-delivery", series=first.series)
    for now in (NOW, NOW + 1):
        store.mark_delivered(AUDIENCE, [bytes(20), second.link_id], now=now)
    assert store.get(AUDIENCE, second.link_id) == second._replace(delivered_at=NOW)
    assert store.get(AUDIENCE, first.link_id) == first._replace(superseded_at=NOW)
    store.mark_delivered(AUDIENCE, [first.link_id], now=NOW)
    assert store.get(AUDIENCE, second.link_id) == second._replace(delivered_at=NOW)


def test_superseding_at_issue(store: SQLStore) -> None:
    """6: a link ends the older ones of its series in the write that makes it, a renewed one its parent alone."""
    first = put(store)
    second = put(store, supersede="on-issue", series=first.series)
    renewed = put(store, supersede="on-issue", origin="renew", parent=second.link_id, series=first.series)
    ended = [store.get(AUDIENCE, each.link_id) for each in (first, second, renewed)]
    assert ended == [first._replace(superseded_at=NOW), second._replace(superseded_at=NOW), renewed]


def test_purge_that_leaves_something(store: SQLStore) -> None:
    """15: links go with their notes, names and subjects, in batches, and those of other audiences stay."""
    number = BATCH + 2
    assert store.add([record(subject=f"customer-{each % 600}") for each in range(number)], now=NOW, renamed={})
    link = put(store, audience="https://other.example")
    store.note(Note(audience=link.audience, link_id=link.link_id, kind="refused", at=NOW))
    late = put(store, expires_at=NOW + 99 * DAY)
    store.note(Note(audience=AUDIENCE, link_id=late.link_id, kind="refused", at=NOW))
    assert store.purge(AUDIENCE, before=NOW + 15 * DAY, limit=0) == 0
    assert store.purge(AUDIENCE, before=NOW + 15 * DAY, limit=number - 1) == number - 1
    assert store.purge(AUDIENCE, before=NOW + 15 * DAY, limit=9) == 1
    assert store.purge(AUDIENCE, before=ALWAYS, limit=9) == 1
    assert store.purge(AUDIENCE, before=ALWAYS, limit=9) == 0
    counts = [count(store, table) for table in ("links", "subjects", "notes")]
    assert counts == [1, 1, 1]
    assert store.purge(link.audience, before=ALWAYS, limit=9) == 1


def test_purge_of_lookups(store: SQLStore) -> None:
    """15: lookup keys go in short steps, whose length the limit sets, and never those of a period that isn't over."""
    assert store.add([record() for _ in range(40)], now=NOW, renamed={})
    assert store.purge(AUDIENCE, before=NOW + 15 * DAY, limit=99) == 40
    assert count(store, "lookups") == 160
    for left in (151, 142):
        store.purge(AUDIENCE, before=NOW + 2 * PERIOD * SECOND, limit=1)
        assert count(store, "lookups") in range(left, 160)
    store.purge(AUDIENCE, before=NOW + 2 * PERIOD * SECOND, limit=99)
    assert count(store, "lookups") == 0


def test_lookups_of_links_that_are_left(store: SQLStore) -> None:
    """15: lookup keys go with a period that is over and has no link any more; until then, only the links go."""
    for month in range(3):
        put(store, expires_at=NOW + month * MONTH, subject=f"customer-{month}")
    for before, gone, left in ((NOW + 1, 1, 12), (NOW + MONTH + 1, 1, 8), (NOW + 9 * MONTH, 1, 0)):
        assert store.purge(AUDIENCE, before=before, limit=9) == gone
        assert count(store, "lookups") == left


def test_monthly_run(store: SQLStore, monkeypatch: pytest.MonkeyPatch) -> None:
    """A batch of more links than one statement names is written, renamed, delivered, revoked and forgotten whole."""
    monkeypatch.setattr(queries, "BATCH", 4)
    links = [record(subject=f"customer-{number}", recipient=OLD, supersede="on-delivery") for number in range(10)]
    assert store.add(links, now=NOW, renamed={})
    assert store.add([record(recipient=NEW)], now=NOW, renamed={OLD: NEW})
    everything = Selector(audience=AUDIENCE, recipients=(NEW,))
    assert len(store.find(everything, limit=99)) == 11
    store.mark_delivered(AUDIENCE, [link.link_id for link in links], now=NOW)
    store.revoke_matching(everything, now=NOW, reason="lost")
    found = store.find(everything, limit=99)
    assert [link.revoked_at for link in found] == [NOW] * 11
    assert sum(link.delivered_at is not None for link in found) == 10
    assert store.purge(AUDIENCE, before=NOW + 99 * DAY, limit=99) == 11


def test_two_audiences_in_a_batch(store: SQLStore) -> None:
    """The links of a batch may be of several audiences; each numbers its own."""
    here = record()
    there = here._replace(audience=ELSEWHERE)
    assert store.add([here, there, record()], now=NOW, renamed={})
    assert not store.add([record(), there], now=NOW, renamed={})
    numbers = [link.number for link in store.find(Selector(audience=AUDIENCE), limit=9)]
    assert sorted(number or 0 for number in numbers) == [1, 2]
    assert [link.number for link in store.find(Selector(audience=ELSEWHERE), limit=9)] == [1]


def test_reissue_after_another_in_a_batch(store: SQLStore) -> None:
    """A reissue's number counts what comes with it, and the counter stays above it."""
    reissues = [record(number=number, generation=0, origin="remind") for number in (1, 2)]
    assert store.add(reissues, now=NOW, renamed={})
    assert put(store).number == 3


def test_late_reissue(store: SQLStore) -> None:
    """4: a reissue whose number was taken meanwhile takes its whole batch with it, names renamed and all."""
    put(store, recipient=OLD)
    late = record(number=2, generation=0, origin="remind", recipient=OLD)
    put(store, recipient=OLD)
    assert not store.add([record(subject="customer-8"), late], now=NOW, renamed={OLD: NEW})
    assert store.find(Selector(audience=AUDIENCE, subject="customer-8"), limit=9) == []
    assert len(store.find(Selector(audience=AUDIENCE, recipients=(OLD,)), limit=9)) == 2


def test_renewal_that_is_delivered(store: SQLStore) -> None:
    """6: a renewed link ends its parent alone, when it's delivered; an unknown one ends nothing."""
    first, parent = put(store), put(store)
    renewed = put(store, origin="renew", supersede="on-delivery", parent=parent.link_id)
    store.mark_delivered(AUDIENCE, [bytes(20), renewed.link_id], now=NOW)
    found = {link.link_id: link.superseded_at for link in store.find(Selector(audience=AUDIENCE), limit=9)}
    assert found == {first.link_id: None, parent.link_id: NOW, renewed.link_id: None}


def test_purge_beyond_2106(store: SQLStore) -> None:
    """A purge whose instant no link id can say takes all, and one before 1970 none; so does a limit of nothing."""
    put(store, expires_at=(2**32 - 1) * SECOND)
    assert store.purge(AUDIENCE, before=-1, limit=9) == 0
    assert [store.purge(AUDIENCE, before=2**52, limit=limit) for limit in (0, -1)] == [0, 0]
    assert store.purge(AUDIENCE, before=2**62, limit=9) == 1


def test_subject_rows_are_locked_in_one_order(store: SQLStore) -> None:
    """Subjects are locked in the order of their bytes, whatever the order of the links."""
    assert store.add([record(subject=name) for name in ("b", "ä", "B", "a")], now=NOW, renamed={})
    listed, values = queries.bind_list("subject", ["b", "ä", "B", "a", "nobody"])
    found = ask(store, statements.lock_subjects(find_dialect("sqlite"), listed), audience=AUDIENCE, **values)
    assert found == [("B",), ("a",), ("b",), ("ä",)]


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("name", ["sqlite", "mariadb"])
def test_subjects_taken_for_one(kind: str, name: str, tmp_path: Path) -> None:
    """B09: where a collation takes two subjects for one nothing is written: their links would be mixed."""
    with open_store(kind, name, tmp_path) as store:
        if name == "sqlite":
            run(store, "DROP TABLE magiclink_subjects", FOLDED)
        else:
            folds = "VARCHAR(255) COLLATE utf8mb4_general_ci NOT NULL"
            run(store, f"ALTER TABLE magiclink_subjects MODIFY subject {folds}")
        with pytest.raises(ConfigurationError, match="collation"):
            store.add([record(subject="a"), record(subject="A")], now=NOW, renamed={})
        assert list(store.find(Selector(audience=AUDIENCE), limit=9)) == []


def _consume(store: SQLStore, link: Record) -> object:
    return store.consume(link.link_id, terms())


def _deliver(store: SQLStore, link: Record) -> None:
    store.mark_delivered(AUDIENCE, [link.link_id], now=NOW)


def _revoke(store: SQLStore, link: Record) -> object:
    return store.revoke(AUDIENCE, link.link_id, now=NOW, reason="lost")


def _revoke_matching(store: SQLStore, link: Record) -> None:
    store.revoke_matching(Selector(audience=AUDIENCE, resource=link.resource), now=NOW, reason="lost")


def _purge(store: SQLStore, link: Record) -> object:
    return store.purge(AUDIENCE, before=link.expires_at + 1, limit=9)


def _issue(store: SQLStore, link: Record) -> object:
    return store.add([record(subject=link.subject)], now=NOW, renamed={})


def _count_attempt(store: SQLStore, link: Record) -> object:
    return store.count_attempt(AUDIENCE, link.link_id, now=NOW, limit=9)


WRITES = (_consume, _count_attempt, _deliver, _issue, _purge, _revoke, _revoke_matching)


@pytest.mark.parametrize("kind", KINDS)
def test_link_in_one_statement(kind: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """2, 3: on PostgreSQL a new link is one statement: numbered, found by its keys, refused where it is there."""
    with open_store(kind, "postgresql", tmp_path) as store:
        monkeypatch.setattr(writes, "add", None)
        first, second = record(), record()
        assert store.add([first], now=NOW, renamed={})
        assert store.add([second], now=NOW, renamed={})
        assert not store.add([first], now=NOW, renamed={})
        added = [first._replace(number=1, generation=0), second._replace(number=2, generation=0)]
        assert [store.get(AUDIENCE, link.link_id) for link in added] == added
        assert store.newest(AUDIENCE, first.subject, [first.series]) == (added[1], 0)
        assert first.recipient is not None
        fields = ({"subject": first.subject}, {"resource": first.resource}, {"recipients": (first.recipient,)})
        for each in fields:
            found = store.find(Selector(audience=AUDIENCE, **each), limit=9)
            assert sorted(found) == sorted(added)
        assert store.purge(AUDIENCE, before=first.expires_at + 1, limit=9) == 2
        assert [count(store, table) for table in ("links", "subjects")] == [0, 0]


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("name", ["postgresql", "mariadb"])
def test_write_that_passes_a_lock(kind: str, name: str, tmp_path: Path) -> None:
    """Whatever changes a link waits for whoever holds the row of its subject, and is done when that one lets go."""
    with open_store(kind, name, tmp_path) as store, ThreadPoolExecutor(1) as pool:
        for write in WRITES:
            link = put(store, subject=write.__name__, resource=write.__name__)
            # It keeps the subject's row when the first is purged: deleting the row would wait for the lock by itself.
            put(store, subject=link.subject, expires_at=link.expires_at + DAY)
            with row_locked(store, link.subject):
                call = pool.submit(_on_a_thread, write, store, link)
                with pytest.raises(TimeoutError):
                    call.result(0.4)
                assert store.get(AUDIENCE, link.link_id) == link
            call.result(60)


def _on_a_thread(write: Callable[[SQLStore, Record], object], store: SQLStore, link: Record) -> None:
    try:
        write(store, link)
    finally:
        connections.close_all()
