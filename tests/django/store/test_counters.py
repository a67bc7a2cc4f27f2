"""Buckets count to their limit and are forgotten; notes are best effort."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from magiclink.django.models import Bucket
from magiclink.django.store import DjangoStore
from magiclink.django.store.counters import OLD_WINDOWS
from magiclink.records import CLOCK_SKEW, Note
from magiclink.stores.base import HOUR, NOTES_A_LINK
from magiclink.testing.contract.bench import AUDIENCE, NOW
from tests.django.databases import database, put

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from pytest_django import DjangoDbBlocker


@pytest.fixture
def alias(tmp_path: Path, django_db_blocker: DjangoDbBlocker) -> Iterator[str]:
    """Return a file of SQLite."""
    with django_db_blocker.unblock(), database("sqlite", tmp_path) as alias:
        yield alias


@pytest.fixture
def store(alias: str) -> DjangoStore:
    """Return a store on it."""
    return DjangoStore(using=alias)


def test_call_past_the_limit(store: DjangoStore) -> None:
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


def test_windows_that_pile_up(store: DjangoStore, alias: str) -> None:
    """Windows that are over are forgotten a few at a time, and not before other machines' clocks have left them."""
    for each in range(OLD_WINDOWS + 5):
        assert store.hit(bytes([each]), now=NOW, limit=1, window=1) is None
    over = NOW + 1 + CLOCK_SKEW
    for now, left in ((over, OLD_WINDOWS + 6), (over + 1, 7), (over + 2, 3)):
        assert store.hit(b"later", now=now, limit=1, window=1) is None
        assert Bucket.objects.using(alias).count() == left


def test_too_many_notes(store: DjangoStore) -> None:
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
