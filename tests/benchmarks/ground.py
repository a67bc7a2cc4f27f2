"""What the benchmarks stand on: links as an app makes them, and the same rows written by `sqlite3` by hand.

By hand means rows laid out before, the guard that a careful developer writes, and nothing checked, derived or built.
"""

from __future__ import annotations

import os
import random
import sqlite3
import tempfile
from contextlib import closing, contextmanager
from itertools import chain, count
from pathlib import Path
from typing import TYPE_CHECKING, Any

from magiclink import CONFIRM_EMAIL, INVOICE, SIGN_IN, Key, KeyRing, MagicLinks, Order, SystemClock
from magiclink.instants import SECOND
from magiclink.records import Record
from magiclink.stores import lookup_keys
from magiclink.stores.sqlite import SQLiteStore

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from magiclink import Clock, Link, Policy
    from magiclink.stores.base import Store

    from .pairs import Call

SITE = "https://billing.example/l/"
KEYS = KeyRing(signing=Key.generate())

USE = """
UPDATE links SET uses = uses + 1, first_used_at = coalesce(first_used_at, :now), last_used_at = :now
WHERE audience = :audience AND link_id = :link_id AND uses < max_uses AND expires_at > :now
AND revoked_at IS NULL AND superseded_at IS NULL
RETURNING subject, resource, destination, session_lifetime"""

ENROL = """
INSERT INTO subjects (audience, subject, generation, number, last_link, reason) VALUES (?, ?, 0, 1, ?, '')
ON CONFLICT (audience, subject) DO UPDATE SET number = number + 1"""

WRITE = (
    ENROL,
    f"INSERT INTO links VALUES ({', '.join('?' * len(Record._fields))})",
    "INSERT INTO lookups VALUES (?, ?, ?)",
)
"""The tables that an issue writes, in its order."""

BATCH = 10_000
SAMPLE = 3_000

_numbers = count(1)


@contextmanager
def folder() -> Iterator[Path]:
    """Lend a folder on the disk where temporary files go."""
    with tempfile.TemporaryDirectory(prefix="magiclink-benchmark-") as path:
        yield Path(path)


@contextmanager
def links_on(store: Store, clock: Clock = SystemClock()) -> Iterator[MagicLinks]:  # noqa: B008  # it has no state
    """Return links over a store, with presets only, and close them."""
    policies = (INVOICE, SIGN_IN, CONFIRM_EMAIL)
    with MagicLinks(keys=KEYS, store=store, policies=policies, base_url=SITE, clock=clock) as links:
        yield links


def ordered(number: int, policy: Policy = CONFIRM_EMAIL) -> list[Order]:
    """Order links, each for a subject, a resource and an address of its own."""
    return [
        Order(
            policy=policy,
            subject=f"customer-{each}",
            resource=f"invoice:{each}",
            recipient=f"ap{each}@acme.example",
            destination=f"/invoices/{each}",
        )
        for each in (next(_numbers) for _ in range(number))
    ]


def issue(links: MagicLinks, order: Order) -> Link:
    """Issue what was ordered."""
    return links.issue(
        order.policy,
        subject=order.subject,
        resource=order.resource,
        recipient=order.recipient,
        destination=order.destination,
    )


def made(number: int, path: Path) -> list[Link]:
    """Issue links into a file."""
    with links_on(SQLiteStore(path)) as links:
        return links.issue_many(ordered(number))


@contextmanager
def by_hand(path: Path) -> Iterator[sqlite3.Connection]:
    """Open a file of the store's with the store's own settings: WAL it is already."""
    with closing(sqlite3.connect(path, isolation_level=None)) as db:
        db.execute("PRAGMA synchronous = FULL")
        db.execute("PRAGMA secure_delete = FAST").fetchall()
        yield db


def records_of(number: int) -> list[Record]:
    """Return records of links that were issued, in no order, as a file keeps them."""
    with folder() as place:
        made(number, place / "scratch.db")
        with by_hand(place / "scratch.db") as db:
            records = [Record._make(row) for row in db.execute("SELECT * FROM links").fetchall()]
    random.shuffle(records)
    return records


def write(db: sqlite3.Connection, records: Sequence[Record]) -> Call:
    """Lay out what an issue writes for these records, and give the call that writes it in one transaction."""
    subjects = [(record.audience, record.subject, record.link_id) for record in records]
    tables: tuple[Sequence[tuple[Any, ...]], ...] = (
        subjects,
        list(records),
        list(chain.from_iterable(map(lookup_keys.list_rows, records))),
    )

    def call() -> None:
        db.execute("BEGIN IMMEDIATE")
        for statement, rows in zip(WRITE, tables, strict=True):
            db.executemany(statement, rows)
        db.execute("COMMIT")

    return call


def drained(calls: Iterable[Call]) -> Call:
    """Make one call of many: each time the next is made. A generator is read that late, and so are its variables."""
    left = iter(calls)
    return lambda: next(left)()  # noqa: PLW0108  # the next one is taken when it's called


def fill(path: Path, links: MagicLinks, number: int, *, ends: range, subject: str | None = None) -> list[str]:
    """Write many links into a file of the store's, faster than they are issued; give some of their tokens, shuffled.

    They end at seconds spread evenly over `ends`, each for a subject of its own unless one is given.
    """
    [template] = records_of(1)
    tokens: list[str] = []
    with by_hand(path) as db:
        # What is only there to be many needn't survive a loss of power.
        db.execute("PRAGMA synchronous = OFF")
        for start in range(0, number, BATCH):
            places = range(start, min(start + BATCH, number))
            batch = [_filler(links, template, each, ends[each * len(ends) // number], subject) for each in places]
            write(db, sorted(record for record, _ in batch))()
            some = min(len(batch), len(batch) * SAMPLE // number)
            tokens += random.sample([token for _, token in batch], some)
    random.shuffle(tokens)
    return tokens


def _filler(links: MagicLinks, like: Record, place: int, ends: int, subject: str | None) -> tuple[Record, str]:
    token, link_id = links.flows._tokens.make(like.purpose, expires_at=ends * SECOND)
    record = like._replace(
        link_id=link_id,
        subject=subject or f"filler-{place}",
        resource=f"filler:{place}",
        recipient=os.urandom(17),
        series=os.urandom(16),
        number=place + 1,
        expires_at=ends * SECOND,
    )
    return record, token
