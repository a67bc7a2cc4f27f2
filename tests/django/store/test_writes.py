"""What touches several links is written whole, numbered in one order, and forgotten from the earliest on."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from django.db import connections

from magiclink.django.models import Link, Name, Note, Subject
from magiclink.django.store import DjangoStore
from magiclink.django.store.queries import BATCH
from magiclink.errors import ConfigurationError
from magiclink.instants import SECOND
from magiclink.records import Note as Noted
from magiclink.records import Selector
from magiclink.stores.lookup_keys import PERIOD
from magiclink.testing.contract import record
from magiclink.testing.contract.bench import AUDIENCE, DAY, NOW
from tests.django.databases import database, empty, put

if TYPE_CHECKING:
    from collections.abc import Iterator

    from pytest_django import DjangoDbBlocker

ALWAYS = 2**33 * SECOND
"""An instant past all that a link id can say."""


FOLDED = """
CREATE TABLE magiclink_subjects (audience, subject COLLATE NOCASE, generation, number, last_link, revoked_at, reason,
PRIMARY KEY (audience, subject))"""


@pytest.fixture(scope="module", params=["sqlite", "mariadb"])
def alias(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory, django_db_blocker: DjangoDbBlocker
) -> Iterator[str]:
    """Return a database that returns what it has written, and one that doesn't."""
    with django_db_blocker.unblock(), database(request.param, tmp_path_factory.mktemp("links")) as alias:
        yield alias


@pytest.fixture
def store(alias: str) -> DjangoStore:
    """Return a store in tables that are empty."""
    empty(alias)
    return DjangoStore(using=alias)


def test_nothing_to_write(store: DjangoStore) -> None:
    """2: no records are all written."""
    assert store.add([], now=NOW, renamed={})


def test_numbers(store: DjangoStore) -> None:
    """3: numbers rise with each link of a subject, over batches, with the links of others between them."""
    assert store.add([record(subject=each) for each in "abba"], now=NOW, renamed={})
    put(store, subject="a")
    found = store.find(Selector(audience=AUDIENCE), limit=9)
    numbers = {each: sorted(link.number or 0 for link in found if link.subject == each) for each in "ab"}
    assert numbers == {"a": [1, 2, 3], "b": [1, 2]}


def test_reissue_that_comes_late(store: DjangoStore) -> None:
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


def test_batch_of_which_one_is_late(store: DjangoStore) -> None:
    """2: of a batch nothing is written where one of its records isn't."""
    assert not store.add([record(), record(number=7, generation=0)], now=NOW, renamed={})
    assert list(store.find(Selector(audience=AUDIENCE), limit=9)) == []


def test_renamed(store: DjangoStore) -> None:
    """5: names under a retired key become those under the signing key, and links are found by them alone."""
    old, new = b"o" * 16, b"n" * 16
    links = [put(store, series=old, recipient=old, expires_at=NOW + days * DAY) for days in (1, 99)]
    assert store.add([record()], now=NOW, renamed={old: new})
    for selector, wanted in ((old, []), (new, [link._replace(series=new, recipient=new) for link in links])):
        found = store.find(Selector(audience=AUDIENCE, recipients=(selector,)), limit=9)
        assert sorted(found) == sorted(wanted)
    assert store.newest(AUDIENCE, links[0].subject, [new])[0] == wanted[1]


def test_delivery(store: DjangoStore) -> None:
    """6: a delivery is remembered once, ends what the link replaces, and ignores unknown links."""
    first = put(store, supersede="on-delivery")
    second = put(store, supersede="on-delivery", series=first.series)
    for now in (NOW, NOW + 1):
        store.mark_delivered(AUDIENCE, [bytes(20), second.link_id], now=now)
    assert store.get(AUDIENCE, second.link_id) == second._replace(delivered_at=NOW)
    assert store.get(AUDIENCE, first.link_id) == first._replace(superseded_at=NOW)
    store.mark_delivered(AUDIENCE, [first.link_id], now=NOW)
    assert store.get(AUDIENCE, second.link_id) == second._replace(delivered_at=NOW)


def test_superseding_at_issue(store: DjangoStore) -> None:
    """6: a link ends the older ones of its series in the write that makes it, a renewed one its parent alone."""
    first = put(store)
    second = put(store, supersede="on-issue", series=first.series)
    renewed = put(store, supersede="on-issue", origin="renew", parent=second.link_id, series=first.series)
    ended = [store.get(AUDIENCE, each.link_id) for each in (first, second, renewed)]
    assert ended == [first._replace(superseded_at=NOW), second._replace(superseded_at=NOW), renewed]


def test_purge_that_leaves_something(store: DjangoStore, alias: str) -> None:
    """15: links go with their notes, names and subjects, in batches, and those of other audiences stay."""
    number = BATCH + 2
    assert store.add([record(subject=f"customer-{each % 600}") for each in range(number)], now=NOW, renamed={})
    link = put(store, audience="https://other.example")
    store.note(Noted(audience=link.audience, link_id=link.link_id, kind="refused", at=NOW))
    late = put(store, expires_at=NOW + 99 * DAY)
    store.note(Noted(audience=AUDIENCE, link_id=late.link_id, kind="refused", at=NOW))
    assert store.purge(AUDIENCE, before=NOW + 15 * DAY, limit=0) == 0
    assert store.purge(AUDIENCE, before=NOW + 15 * DAY, limit=number - 1) == number - 1
    assert store.purge(AUDIENCE, before=NOW + 15 * DAY, limit=9) == 1
    assert store.purge(AUDIENCE, before=ALWAYS, limit=9) == 1
    assert store.purge(AUDIENCE, before=ALWAYS, limit=9) == 0
    counts = [model.objects.using(alias).count() for model in (Link, Subject, Note)]
    assert counts == [1, 1, 1]
    assert store.purge(link.audience, before=ALWAYS, limit=9) == 1


def test_purge_of_names(store: DjangoStore, alias: str) -> None:
    """15: names go in short steps, whose length the limit sets, and never those of a bucket that isn't over."""
    assert store.add([record() for _ in range(40)], now=NOW, renamed={})
    kept = Name.objects.using(alias)
    assert store.purge(AUDIENCE, before=NOW + 15 * DAY, limit=99) == 40
    assert kept.count() == 160
    for left in (151, 142):
        store.purge(AUDIENCE, before=NOW + 2 * PERIOD * SECOND, limit=1)
        assert kept.count() in range(left, 160)
    store.purge(AUDIENCE, before=NOW + 2 * PERIOD * SECOND, limit=99)
    assert kept.count() == 0


def test_subjects_taken_for_one(store: DjangoStore, alias: str) -> None:
    """B09: where a collation takes two subjects for one nothing is written: their links would be mixed."""
    with connections[alias].cursor() as cursor:
        if connections[alias].vendor == "sqlite":
            cursor.execute("DROP TABLE magiclink_subjects")
            cursor.execute(FOLDED)
        else:
            cursor.execute(
                "ALTER TABLE magiclink_subjects MODIFY subject VARCHAR(255) COLLATE utf8mb4_general_ci NOT NULL"
            )
    with pytest.raises(ConfigurationError, match="collation"):
        store.add([record(subject="a"), record(subject="A")], now=NOW, renamed={})
    assert list(store.find(Selector(audience=AUDIENCE), limit=9)) == []
