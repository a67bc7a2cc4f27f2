"""Windows that are over are forgotten, a few at a time, and never one that another machine's clock may be in."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from sqlalchemy import func, select

from magiclink.records import CLOCK_SKEW, Note
from magiclink.stores.base import HOUR, NOTES_A_LINK
from magiclink.stores.sqlalchemy import SQLAlchemyStore
from magiclink.stores.sqlalchemy.counters import OLD_WINDOWS
from magiclink.stores.sqlalchemy.schema import buckets
from magiclink.testing.contract import record
from magiclink.testing.contract.bench import AUDIENCE, NOW
from tests.stores.sqlalchemy.engines import new_engine

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from sqlalchemy import Engine

WINDOW = 60_000_000


@pytest.fixture
def engine(tmp_path: Path) -> Iterator[Engine]:
    """Return an engine on an empty file of SQLite."""
    with new_engine("sqlite", tmp_path) as engine:
        yield engine


@pytest.fixture
def store(engine: Engine) -> SQLAlchemyStore:
    """Return a store."""
    return SQLAlchemyStore(engine, create=True)


def counted(engine: Engine) -> int:
    """Count the windows that are remembered."""
    with engine.connect() as db:
        return db.scalars(select(func.count()).select_from(buckets)).one()


def test_windows_are_forgotten(engine: Engine, store: SQLAlchemyStore) -> None:
    """When a window begins, some that are over go: so the table grows no further than what is counted at once."""
    for number in range(OLD_WINDOWS + 5):
        store.hit(b"bucket-%d" % number, now=NOW, limit=1, window=WINDOW)
    assert counted(engine) == OLD_WINDOWS + 5
    later = NOW + WINDOW + CLOCK_SKEW + 1
    store.hit(b"one", now=later, limit=1, window=WINDOW)
    assert counted(engine) == 6
    store.hit(b"one", now=later, limit=1, window=WINDOW)
    assert counted(engine) == 6
    store.hit(b"two", now=later, limit=1, window=WINDOW)
    assert counted(engine) == 2


def test_clock_that_is_behind(store: SQLAlchemyStore) -> None:
    """12: a window that is over here is remembered as long as another machine's clock may be in it."""
    assert store.hit(b"one", now=NOW, limit=1, window=WINDOW) is None
    assert store.hit(b"two", now=NOW + WINDOW + CLOCK_SKEW - 1, limit=1, window=WINDOW) is None
    assert store.hit(b"one", now=NOW + WINDOW - 1, limit=1, window=WINDOW) == NOW + WINDOW


@pytest.mark.parametrize("limit", [0, -1])
def test_no_call_is_allowed(store: SQLAlchemyStore, limit: int) -> None:
    """A limit of nothing lets nothing through."""
    assert [store.hit(b"one", now=NOW, limit=limit, window=WINDOW) for _ in range(2)] == [NOW + WINDOW] * 2


def test_notes(store: SQLAlchemyStore) -> None:
    """14: of a link that is known some notes are kept, oldest first, and no more; of an unknown one none."""
    link, unknown = record(), record()
    assert store.add([link], now=NOW, renamed={})
    for hour in reversed(range(NOTES_A_LINK + 2)):
        for each in (link, unknown):
            store.note(
                Note(audience=AUDIENCE, link_id=each.link_id, kind="refused", at=NOW + hour * HOUR, reason="used")
            )
    found = store.notes(AUDIENCE, [link.link_id, unknown.link_id, link.link_id])
    assert [note.at for note in found] == [NOW + hour * HOUR for hour in range(2, NOTES_A_LINK + 2)]
    assert {(note.link_id, note.reason) for note in found} == {(link.link_id, "used")}
