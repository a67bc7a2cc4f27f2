"""Hits count to their limit, and windows are forgotten; notes are best effort."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from magiclink.records import CLOCK_SKEW, Note
from magiclink.stores.base import HOUR, NOTES_A_LINK
from magiclink.stores.sql.counters import OLD_WINDOWS
from magiclink.testing.contract import record
from magiclink.testing.contract.bench import AUDIENCE, NOW
from tests.stores.sql.databases import ask, count, put

if TYPE_CHECKING:
    from magiclink.stores.sql.store import SQLStore

WINDOW = 60_000_000


def test_call_past_the_limit(store: SQLStore) -> None:
    """12: the first calls of a window pass, later ones are told when the next begins."""
    start = NOW - NOW % HOUR
    assert [store.hit(b"a", now=start + each, limit=2, window=HOUR) for each in range(4)] == [
        None,
        None,
        *[start + HOUR] * 2,
    ]
    assert store.hit(b"b", now=start, limit=2, window=HOUR) is None
    assert store.hit(b"a", now=start + HOUR, limit=2, window=HOUR) is None
    assert store.hit(b"c", now=start, limit=0, window=HOUR) == start + HOUR


def test_windows_that_pile_up(store: SQLStore) -> None:
    """Windows that are over are forgotten a few at a time, and not before other machines' clocks have left them."""
    for each in range(OLD_WINDOWS + 5):
        assert store.hit(bytes([each]), now=NOW, limit=1, window=1) is None
    over = NOW + 1 + CLOCK_SKEW
    for now, left in ((over, OLD_WINDOWS + 6), (over + 1, 7), (over + 2, 3)):
        assert store.hit(b"later", now=now, limit=1, window=1) is None
        assert count(store, "limits") == left


def test_too_many_notes(store: SQLStore) -> None:
    """14: of a kind one note an hour is kept, and so many of a link; those of unknown links are dropped."""
    link = put(store)
    note = Note(audience=AUDIENCE, link_id=link.link_id, kind="refused", at=NOW, reason="used")
    for _ in range(2):
        store.note(note)
    assert list(store.notes(AUDIENCE, [link.link_id, link.link_id])) == [note]
    for each in range(NOTES_A_LINK + 9):
        store.note(Note(audience=AUDIENCE, link_id=link.link_id, kind=f"kind-{each}", at=NOW - each))
    found = store.notes(AUDIENCE, [link.link_id])
    assert len(found) == NOTES_A_LINK
    assert found[-1] == note
    store.note(Note(audience=AUDIENCE, link_id=bytes(20), kind="refused", at=NOW))
    assert list(store.notes(AUDIENCE, [bytes(20)])) == []


def test_windows_that_end_later(store: SQLStore) -> None:
    """Windows are forgotten from the earliest end on, whatever the order of their keys."""
    for index in range(OLD_WINDOWS + 2):
        store.hit(bytes([200 - index]), now=NOW + index, limit=1, window=1)
    store.hit(b"later", now=NOW + CLOCK_SKEW + 99, limit=1, window=1)
    left = [key for (key,) in ask(store, "SELECT limit_key FROM magiclink_limits ORDER BY ends_at")]
    assert left == [bytes([200 - index]).hex() for index in (OLD_WINDOWS, OLD_WINDOWS + 1)] + [b"later".hex()]


def test_clock_that_is_behind(store: SQLStore) -> None:
    """12: a window that is over here is remembered as long as another machine's clock may be in it."""
    assert store.hit(b"one", now=NOW, limit=1, window=WINDOW) is None
    end = NOW - NOW % WINDOW + WINDOW
    assert store.hit(b"two", now=end + CLOCK_SKEW - 1, limit=1, window=WINDOW) is None
    assert store.hit(b"one", now=end - 1, limit=1, window=WINDOW) == end


@pytest.mark.parametrize("limit", [0, -1])
def test_no_call_is_allowed(store: SQLStore, limit: int) -> None:
    """A limit of nothing lets nothing through."""
    end = NOW - NOW % WINDOW + WINDOW
    assert [store.hit(b"one", now=NOW, limit=limit, window=WINDOW) for _ in range(2)] == [end] * 2


def test_notes(store: SQLStore) -> None:
    """14: of a link that is known some notes are kept, oldest first, and no more; of an unknown one none."""
    link, unknown = put(store), record()
    for hour in reversed(range(NOTES_A_LINK + 2)):
        for each in (link, unknown):
            store.note(
                Note(audience=AUDIENCE, link_id=each.link_id, kind="refused", at=NOW + hour * HOUR, reason="used")
            )
    found = store.notes(AUDIENCE, [link.link_id, unknown.link_id, link.link_id])
    assert [note.at for note in found] == [NOW + hour * HOUR for hour in range(2, NOTES_A_LINK + 2)]
    assert {(note.link_id, note.reason) for note in found} == {(link.link_id, "used")}
