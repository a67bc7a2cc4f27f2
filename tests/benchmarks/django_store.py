"""T7: a redeem over Django's connection beside what it takes by the ORM, `filter(…).update(…)` and `get()`, as a ratio.

Both sides use links of one database, under the same conditions and through one connection of Django's, which stays
open; neither runs under DEBUG. The ORM's side checks no signature. SQLite is set up as Django's own documentation has
it for a site: WAL, which with `synchronous = NORMAL` waits for no disk.
"""

from __future__ import annotations

import os
from contextlib import contextmanager
from functools import partial
from time import time_ns
from typing import TYPE_CHECKING

import django

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "tests.django.settings")
django.setup()

from django.db.models import F, OuterRef, Q, Subquery  # noqa: E402 - Django wants to be set up first
from django.db.models.functions import Coalesce  # noqa: E402

from magiclink import CONFIRM_EMAIL  # noqa: E402
from magiclink.django.models import Link as Kept  # noqa: E402
from magiclink.django.models import Subject  # noqa: E402
from magiclink.django.store import DjangoStore  # noqa: E402
from magiclink.records import CLOCK_SKEW  # noqa: E402
from magiclink.stores.sql.encoding import make_key  # noqa: E402
from tests.django.databases import database  # noqa: E402

from .ground import drained, folder, links_on, ordered  # noqa: E402
from .pairs import Row, ratio  # noqa: E402

if TYPE_CHECKING:
    from collections.abc import Iterator

    from magiclink import Link, MagicLinks

    from .pairs import Call, Measures

ROUNDS = 200
CALLS = 5
"""Calls of one side in a row: a server under load makes them so."""
BATCH = 100


@contextmanager
def links_in(store_name: str) -> Iterator[tuple[MagicLinks, str]]:
    """Lend links over a new database of a store, and its alias."""
    options = (
        {"init_command": "PRAGMA journal_mode = WAL; PRAGMA synchronous = NORMAL"} if store_name == "sqlite" else {}
    )
    with (
        folder() as place,
        database(store_name, place, **options) as alias,
        links_on(DjangoStore(using=alias)) as links,
    ):
        yield links, alias


def uses(store_name: str, name: str, target: float) -> Iterator[Row]:
    """Links that are used up once each, those of one side and those of the other in turns."""
    with links_in(store_name) as (links, alias):
        mine, others = (_issued(links, ROUNDS * CALLS) for _ in range(2))
        ours = drained(partial(links.redeem, link.token, CONFIRM_EMAIL) for link in mine)
        orm = drained(_use(alias, links.flows.audience, link) for link in others)
        found = ratio(orm, ours, rounds=ROUNDS, calls=CALLS)
    yield Row("T7", f"Django on {name}: update() and get() / links.redeem", "≥", target, found)


def _issued(links: MagicLinks, number: int) -> list[Link]:
    return [link for _ in range(number // BATCH) for link in links.issue_many(ordered(BATCH))]


def _use(alias: str, audience: str, link: Link) -> Call:
    key = make_key(audience, bytes.fromhex(link.link_id))
    mine = Kept.objects.using(alias)
    subject = Subject.objects.using(alias).filter(audience=OuterRef("audience"), subject=OuterRef("subject"))

    def call() -> None:
        now = time_ns() // 1_000
        wanted = mine.filter(Q(max_uses=None) | Q(uses__lt=F("max_uses")), pk=key, audience=audience).filter(
            purpose=link.purpose,
            stamp=None,
            expires_at__gt=now,
            issued_at__lte=now + CLOCK_SKEW,
            revoked_at=None,
            superseded_at=None,
            generation=Subquery(subject.values("generation")),
        )
        first = Coalesce(F("first_used_at"), now)
        assert wanted.update(uses=F("uses") + 1, first_used_at=first, last_used_at=now) == 1
        mine.get(pk=key)

    return call


MEASURES: Measures = (
    ("T7", partial(uses, "sqlite", "SQLite", 8.0)),
    ("T7", partial(uses, "postgresql", "PostgreSQL", 2.5)),
)
