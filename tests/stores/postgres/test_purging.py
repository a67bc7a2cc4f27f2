"""What the PostgreSQL store forgets, and how: in batches that wait for nobody, and by the month."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta, timezone
from typing import TYPE_CHECKING

import pytest

from magiclink.errors import BadArgumentError, StoreError
from magiclink.instants import SECOND, to_micros
from magiclink.records import Note, Selector
from magiclink.stores.postgres import purging
from magiclink.testing.contract import record, terms
from magiclink.testing.contract.bench import AUDIENCE, NOW, race
from tests.stores.postgres.sandboxes import LEVELS, Call, Sandbox, put

if TYPE_CHECKING:
    from magiclink.stores.postgres import PostgresStore

MARCH, APRIL, MAY = (to_micros(datetime(2026, month, 1, tzinfo=UTC)) for month in (3, 4, 5))


def test_purge_during_use(store: PostgresStore) -> None:
    """E19, E20: two purges at once while links are used raise nothing, forget each link once, and spare the living."""
    gone = [record(expires_at=SECOND, subject=f"customer-{number}") for number in range(20)]
    living = [record(max_uses=1) for _ in range(4)]
    assert store.add([*gone, *living], now=NOW, renamed={})
    purges = [lambda: store.purge(AUDIENCE, before=NOW, limit=3)] * 10
    uses = [lambda link=link: bool(store.consume(link.link_id, terms())) for link in (*gone, *living)]
    results = race(*purges, *uses)
    assert sum(results[:10]) + store.purge(AUDIENCE, before=NOW, limit=99) == 20
    assert results[10:] == [False] * 20 + [True] * 4


@pytest.mark.parametrize("before", [-(2**70), -1, 0, SECOND])
def test_purge_before_anything(store: PostgresStore, before: int) -> None:
    """A purge before the first expiry forgets nothing, at that very instant too."""
    put(store, expires_at=SECOND)
    assert store.purge(AUDIENCE, before=before, limit=10) == 0


@pytest.mark.parametrize("before", [SECOND + 1, 2**32 * SECOND, 2**70])
def test_purge_after_everything(store: PostgresStore, before: int) -> None:
    """A purge far in the future forgets everything, the last second that a link id can say too."""
    put(store, expires_at=SECOND)
    last = put(store, expires_at=(2**32 - 1) * SECOND)
    assert store.purge(AUDIENCE, before=before, limit=10) == 1 + (before > last.expires_at)


def test_purge_in_several_transactions(sandbox: Sandbox, store: PostgresStore, monkeypatch: pytest.MonkeyPatch) -> None:
    """L16: a purge of many links goes in batches, and forgets what they name; the earliest go first."""
    monkeypatch.setattr(purging, "AT_ONCE", 4)
    links = [record(expires_at=(number + 1) * SECOND, subject=f"customer-{number}") for number in range(11)]
    assert store.add(links, now=NOW, renamed={})
    assert store.purge(AUDIENCE, before=NOW, limit=10) == 10
    assert [link.link_id for link in store.find(Selector(audience=AUDIENCE), limit=99)] == [links[-1].link_id]
    assert sandbox.rows("links", "subjects") == [1, 1]
    assert store.purge(AUDIENCE, before=NOW, limit=0) == 0


def test_purge_that_meets_a_lock(sandbox: Sandbox, store: PostgresStore) -> None:
    """L16: while a purge waits for a link that somebody holds, it holds nothing that others need."""
    links = [put(store, expires_at=SECOND, subject=f"customer-{number}") for number in range(3)]
    with sandbox.holding("SELECT 1 FROM @subjects WHERE subject = 'customer-1' FOR UPDATE"):
        purge = Call(lambda: store.purge(AUDIENCE, before=NOW, limit=9))
        sandbox.wait_for(1)
        assert sandbox.rows("links", "subjects") == [1, 1]
        put(store, subject="customer-0")
        put(store, subject="customer-2")
    assert purge.result() == 3
    assert store.get(AUDIENCE, links[1].link_id) is None


@pytest.mark.parametrize("level", LEVELS)
def test_issue_during_a_purge(level: str) -> None:
    """15: a subject whose last link is forgotten while another is issued to it stays, with its generation."""
    with Sandbox(default_transaction_isolation=level) as sandbox:
        store = sandbox.store()
        old = put(store, expires_at=SECOND)
        store.revoke_subject(AUDIENCE, old.subject, now=NOW, reason="left")
        fresh = record()
        with sandbox.holding("SELECT 1 FROM @subjects FOR UPDATE"):
            issue = Call(lambda: store.add([fresh], now=NOW, renamed={}))
            sandbox.wait_for(1)
            purge = Call(lambda: store.purge(AUDIENCE, before=NOW, limit=9))
            sandbox.wait_for(2)
        assert (issue.result(), purge.result()) == (True, 1)
        assert store.newest(AUDIENCE, old.subject, [fresh.series])[1] == 1
        assert store.consume(fresh.link_id, terms()) is not None


@pytest.mark.parametrize("level", LEVELS)
def test_use_during_a_purge(level: str) -> None:
    """E19: a use that waits while its link is forgotten is None, as for an unknown link."""
    with Sandbox(default_transaction_isolation=level) as sandbox:
        store = sandbox.store()
        link = put(store)
        with sandbox.holding("DELETE FROM @links"):
            use = Call(lambda: store.consume(link.link_id, terms()))
            sandbox.wait_for(1)
        assert use.result() is None


def test_notes_that_come_late(sandbox: Sandbox, store: PostgresStore) -> None:
    """15: a note that was written while its link was forgotten goes with the next purge; others stay."""
    gone, living = put(store, expires_at=SECOND), put(store)
    for link in (gone, living):
        store.note(Note(audience=AUDIENCE, link_id=link.link_id, kind="expired", at=NOW))
    sandbox.run(f"DELETE FROM @links WHERE expires_at = {SECOND}")
    assert store.purge(AUDIENCE, before=NOW, limit=9) == 0
    assert sandbox.rows("notes") == [1]
    assert len(store.notes(AUDIENCE, [living.link_id])) == 1


def test_month_dropped(fresh: Sandbox) -> None:
    """L16: dropping a month forgets its links of every audience, notes and lone subjects too, and nothing else."""
    store = fresh.store(partitioned=True)
    store.add_months(date(2026, 3, 31), 2)
    store.add_months(date(2026, 3, 1))
    past = [put(store, expires_at=at, subject=f"customer-{at}") for at in (MARCH, APRIL - SECOND)]
    store.note(Note(audience=AUDIENCE, link_id=past[0].link_id, kind="expired", at=NOW))
    other = put(store, audience="https://shop.example", expires_at=MARCH)
    edges = [put(store, expires_at=at, subject=f"customer-{at}") for at in (MARCH - SECOND, APRIL, MAY)]
    kept = put(store, subject=past[0].subject, expires_at=APRIL)
    counts = ["links_2026_03", "links_2026_04", "links_rest", "notes_2026_03"]
    assert fresh.rows(*counts) == [3, 2, 2, 1]
    assert store.drop_months(datetime(2026, 4, 1, tzinfo=UTC) - timedelta(microseconds=1)) == []
    assert store.drop_months(datetime(2026, 4, 1, 2, tzinfo=timezone(timedelta(hours=2)))) == ["2026_03"]
    assert [store.get(each.audience, each.link_id) for each in (*past, other)] == [None] * 3
    assert [store.get(AUDIENCE, each.link_id) for each in (*edges, kept)] == [*edges, kept]
    assert fresh.rows("links", "notes", "subjects") == [4, 0, 4]
    assert store.purge(AUDIENCE, before=MAY + 1, limit=9) == 4
    store.check()


def test_many_subjects_of_a_dropped_month(fresh: Sandbox, monkeypatch: pytest.MonkeyPatch) -> None:
    """Subjects without links are looked for page by page, and those that have some stay."""
    monkeypatch.setattr(purging, "AT_ONCE", 3)
    store = fresh.store(partitioned=True)
    store.add_months(date(2026, 12, 1))
    december = to_micros(datetime(2026, 12, 24, tzinfo=UTC))
    links = [record(subject=f"customer-{number}", expires_at=december) for number in range(10)]
    assert store.add([*links, record(subject="customer-5")], now=NOW, renamed={})
    assert store.drop_months(datetime(2027, 1, 1, tzinfo=UTC)) == ["2026_12"]
    assert fresh.run("SELECT subject FROM @subjects") == [("customer-5",)]


def test_busy_month(fresh: Sandbox) -> None:
    """A month that is in use isn't waited for: StoreError, and everything stays as it was."""
    store = fresh.store(partitioned=True)
    store.add_months(date(2026, 3, 1))
    link = put(store, expires_at=MARCH)
    with fresh.holding("SELECT 1 FROM @links"), pytest.raises(StoreError, match="lock timeout"):
        store.drop_months(datetime(2026, 4, 1, tzinfo=UTC))
    assert store.get(AUDIENCE, link.link_id) == link


def test_months_that_can_not_be(sandbox: Sandbox, store: PostgresStore) -> None:
    """No month at all, months past the year 9999 and a naive instant are BadArgumentError."""
    for first, count in ((date(2026, 1, 1), 0), (date(9999, 12, 1), 1)):
        with pytest.raises(BadArgumentError):
            store.add_months(first, count)
    with pytest.raises(BadArgumentError):
        store.drop_months(datetime(2026, 1, 1))  # noqa: DTZ001 - naive on purpose
    with pytest.raises(StoreError, match="not partitioned"):
        store.add_months(date(2026, 1, 1))
    assert store.drop_months(datetime(2026, 1, 1, tzinfo=UTC)) == []
