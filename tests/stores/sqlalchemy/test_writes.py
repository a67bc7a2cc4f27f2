"""What is written together: batches beyond one statement, names that are forgotten, and rows that go meanwhile."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, Any

import pytest
from sqlalchemy import delete, event, func, select

from magiclink.records import Selector
from magiclink.stores.lookup_keys import PERIOD
from magiclink.stores.sqlalchemy import SQLAlchemyStore
from magiclink.stores.sqlalchemy import queries as lookups
from magiclink.stores.sqlalchemy import writes as writing
from magiclink.stores.sqlalchemy.schema import names, subjects
from magiclink.testing.contract import record, terms
from magiclink.testing.contract.bench import AUDIENCE, DAY, ELSEWHERE, NOW
from tests.stores.sqlalchemy.engines import new_engine

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from sqlalchemy import Engine

    from magiclink.records import Record

OLD, NEW = b"\x01" + b"o" * 16, b"\x02" + b"n" * 16
MONTH = PERIOD * 1_000_000


@pytest.fixture
def engine(tmp_path: Path) -> Iterator[Engine]:
    """Return an engine on an empty file of SQLite."""
    with new_engine("sqlite", tmp_path) as engine:
        yield engine


@pytest.fixture
def store(engine: Engine) -> SQLAlchemyStore:
    """Return a store."""
    return SQLAlchemyStore(engine, create=True)


def add(store: SQLAlchemyStore, *records: Record, **renamed: dict[bytes, bytes]) -> bool:
    """Write records."""
    return store.add(records, now=NOW, renamed=renamed.get("renamed", {}))


def named(engine: Engine) -> int:
    """Count the names."""
    with engine.connect() as db:
        return db.scalars(select(func.count()).select_from(names)).one()


def test_monthly_run(store: SQLAlchemyStore, monkeypatch: pytest.MonkeyPatch) -> None:
    """A batch of more links than one statement names is written, renamed, delivered, revoked and forgotten whole."""
    monkeypatch.setattr(lookups, "BATCH", 4)
    links = [record(subject=f"customer-{number}", recipient=OLD, supersede="on-delivery") for number in range(10)]
    assert add(store, *links)
    assert add(store, record(recipient=NEW), renamed={OLD: NEW})
    everything = Selector(audience=AUDIENCE, recipients=(NEW,))
    assert len(store.find(everything, limit=99)) == 11
    store.mark_delivered(AUDIENCE, [link.link_id for link in links], now=NOW)
    store.revoke_matching(everything, now=NOW, reason="lost")
    found = store.find(everything, limit=99)
    assert [link.revoked_at for link in found] == [NOW] * 11
    assert sum(link.delivered_at is not None for link in found) == 10
    assert store.purge(AUDIENCE, before=NOW + 99 * DAY, limit=99) == 11


def test_two_audiences_in_a_batch(store: SQLAlchemyStore) -> None:
    """The links of a batch may be of several audiences; each numbers its own."""
    here = record()
    there = here._replace(audience=ELSEWHERE)
    assert add(store, here, there, record())
    assert not add(store, record(), there)
    numbers = [link.number for link in store.find(Selector(audience=AUDIENCE), limit=9)]
    assert sorted(number or 0 for number in numbers) == [1, 2]
    assert [link.number for link in store.find(Selector(audience=ELSEWHERE), limit=9)] == [1]


def test_reissue_after_another_in_a_batch(store: SQLAlchemyStore) -> None:
    """A reissue's number counts what comes with it, and the counter stays above it."""
    first = record(number=1, generation=0, origin="remind")
    second = record(number=2, generation=0, origin="remind")
    assert add(store, first, second)
    third = record()
    assert add(store, third)
    assert (store.get(AUDIENCE, third.link_id) or third).number == 3


def test_subject_that_goes_before_it_is_locked(engine: Engine, store: SQLAlchemyStore) -> None:
    """A purge that takes a subject's row away between its writing and its locking is no trouble: it's written again."""
    taken: list[object] = []

    @event.listens_for(engine, "after_execute")
    def take_away(db: Any, statement: Any, *_: object) -> None:
        if statement.is_insert and statement.table is subjects and not taken:
            taken.append(statement)
            db.execute(delete(subjects))

    link = record()
    assert add(store, link)
    assert taken
    assert store.consume(link.link_id, terms())


def test_names_are_forgotten(engine: Engine, store: SQLAlchemyStore) -> None:
    """Names go with a bucket that is over and has no link any more; until then, only the links go."""
    links = [record(expires_at=NOW + month * MONTH, subject=f"customer-{month}") for month in range(3)]
    assert add(store, *links)
    assert named(engine) == 12
    assert store.purge(AUDIENCE, before=NOW + 1, limit=9) == 1
    assert named(engine) == 12
    assert store.purge(AUDIENCE, before=NOW + MONTH + 1, limit=9) == 1
    assert named(engine) == 8
    assert store.purge(AUDIENCE, before=NOW + 9 * MONTH, limit=9) == 1
    assert named(engine) == 0


def test_names_of_the_bucket_that_begins(engine: Engine, store: SQLAlchemyStore) -> None:
    """Names in a bucket that isn't over stay: another machine may be writing the first link in it."""
    link = record(expires_at=NOW)
    assert add(store, link)
    assert store.purge(AUDIENCE, before=NOW + 1, limit=9) == 1
    assert named(engine) == 4


def test_names_are_forgotten_in_steps(engine: Engine, store: SQLAlchemyStore) -> None:
    """One purge forgets some names more than it forgets links, and catches up; many of one name go at once."""
    assert add(store, *[record(expires_at=NOW) for _ in range(20)])
    assert named(engine) == 80
    left = []
    for _ in range(24):
        store.purge(AUDIENCE, before=NOW + 9 * MONTH, limit=1)
        left.append(named(engine))
    assert left == [80] * 19 + [60, 40, 20, 0, 0]


def test_purge_beyond_2106(store: SQLAlchemyStore) -> None:
    """A purge whose instant no link id can say takes all, and one before 1970 none."""
    assert add(store, record(expires_at=(2**32 - 1) * 1_000_000))
    assert store.purge(AUDIENCE, before=-1, limit=9) == 0
    assert store.purge(AUDIENCE, before=2**62, limit=9) == 1


def test_nothing_to_do(store: SQLAlchemyStore) -> None:
    """A limit of nothing, or less, forgets nothing."""
    assert add(store, record(expires_at=NOW))
    assert [store.purge(AUDIENCE, before=NOW + 1, limit=limit) for limit in (0, -1)] == [0, 0]


def test_subject_rows_are_locked_in_one_order(engine: Engine, store: SQLAlchemyStore) -> None:
    """Subjects are locked in the order of their bytes, whatever the order of the links."""
    links = [record(subject=name) for name in ("b", "ä", "B", "a")]
    assert add(store, *links)
    with engine.connect() as db:
        locked = partial(writing.lock, db, AUDIENCE)
        assert list(locked(["b", "ä", "B", "a", "nobody"])) == ["B", "a", "b", "ä"]


def test_late_reissue(store: SQLAlchemyStore) -> None:
    """4: a reissue whose number was taken meanwhile takes its whole batch with it, names renamed and all."""
    parent = record(recipient=OLD)
    assert add(store, parent)
    late = record(number=2, generation=0, origin="remind", recipient=OLD)
    assert add(store, record(recipient=OLD))
    assert not add(store, record(subject="customer-8"), late, renamed={OLD: NEW})
    assert store.find(Selector(audience=AUDIENCE, subject="customer-8"), limit=9) == []
    assert len(store.find(Selector(audience=AUDIENCE, recipients=(OLD,)), limit=9)) == 2


def test_renewal_that_is_delivered(store: SQLAlchemyStore) -> None:
    """6: a renewed link ends its parent alone, when it's delivered; an unknown one ends nothing."""
    first, parent = record(), record()
    assert add(store, first, parent)
    renewed = record(origin="renew", supersede="on-delivery", parent=parent.link_id)
    assert add(store, renewed)
    store.mark_delivered(AUDIENCE, [bytes(20), renewed.link_id], now=NOW)
    found = {link.link_id: link.superseded_at for link in store.find(Selector(audience=AUDIENCE), limit=9)}
    assert found == {first.link_id: None, parent.link_id: NOW, renewed.link_id: None}


def test_issue_that_supersedes(store: SQLAlchemyStore) -> None:
    """6: an issue ends what is older in its series at once, in its own batch too; a batch of nothing is written."""
    links = [record(), record(supersede="on-issue"), record(supersede="on-issue")]
    assert add(store)
    assert add(store, *links)
    found = [store.get(AUDIENCE, link.link_id) for link in links]
    assert [link and link.superseded_at for link in found] == [NOW, NOW, None]
