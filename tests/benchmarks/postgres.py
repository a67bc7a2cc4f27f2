"""T5, T8, T9, T11 on PostgreSQL: what the store costs beside bare statements of psycopg, as ratios.

The server is one of the tests' own, with `synchronous_commit` and `fsync` on; both sides talk to it over one socket.
"""

from __future__ import annotations

from contextlib import contextmanager
from functools import partial
from os import urandom
from random import sample
from time import time_ns
from typing import TYPE_CHECKING, Any

import psycopg

from magiclink import CONFIRM_EMAIL
from magiclink.records import Record
from magiclink.stores.postgres import PostgresStore
from magiclink.stores.postgres.statements import COPY, COPY_TYPES
from magiclink.testing.contract import record, terms
from magiclink.testing.contract.bench import AUDIENCE, NOW
from tests.services import new_schema, postgres

from .ground import drained, issue, links_on, ordered
from .pairs import Row, ratio

if TYPE_CHECKING:
    from collections.abc import Iterator

    from magiclink import Link

    from .pairs import Call, Measures

    Hand = psycopg.Connection[tuple[Any, ...]]

ROUNDS = 500
MANY = 10_000
BATCHES = 5
LARGE = 1_000_000

USE = """
UPDATE {}.links SET uses = uses + 1, first_used_at = coalesce(first_used_at, %(now)s), last_used_at = %(now)s
WHERE audience = %(audience)s AND link_id = %(link_id)s AND uses < max_uses AND expires_at > %(now)s
AND revoked_at IS NULL AND superseded_at IS NULL
RETURNING subject, resource, destination, session_lifetime"""

WRITE = """
WITH s AS (INSERT INTO {0}.subjects AS mine (audience, subject, generation, number, reason)
VALUES (%(audience)s, %(subject)s, 0, 1, '')
ON CONFLICT (audience, subject) DO UPDATE SET number = mine.number + 1)
INSERT INTO {0}.links VALUES ({1})"""


@contextmanager
def places() -> Iterator[tuple[PostgresStore, Hand, str]]:
    """Lend a store, a connection for what is written by hand, and the schema of both."""
    schema = new_schema()
    store = PostgresStore(postgres(), schema=schema)
    with psycopg.connect(postgres(), autocommit=True) as hand:
        yield store, hand, schema
    store.close()


def uses() -> Iterator[Row]:
    """Links that are used up once each, those of one side and those of the other in turns."""
    with places() as (store, hand, schema), links_on(store) as links:
        mine, others = (links.issue_many(ordered(ROUNDS)) for _ in range(2))
        ours = drained(partial(links.redeem, link.token, CONFIRM_EMAIL) for link in mine)
        bare = drained(_use(hand, schema, links.flows.audience, link) for link in others)
        found = ratio(bare, ours, rounds=ROUNDS)
    yield Row("T5", "PostgreSQL: rate of links.redeem / of a bare UPDATE", "≥", 0.80, found)


def _use(hand: Hand, schema: str, audience: str, link: Link) -> Call:
    statement = USE.format(schema).encode()

    def call() -> None:
        values = {"audience": audience, "link_id": bytes.fromhex(link.link_id), "now": time_ns() // 1_000}
        [_] = hand.execute(statement, values, prepare=True).fetchall()

    return call


def issues() -> Iterator[Row]:
    """Links one by one, each a statement that writes two tables."""
    with places() as (store, hand, schema), links_on(store) as links:
        statement = WRITE.format(schema, ", ".join(f"%({field})s" for field in Record._fields)).encode()
        written = [_row(each) for each in range(ROUNDS)]
        ours = drained(partial(issue, links, order) for order in ordered(ROUNDS))
        bare = drained(partial(hand.execute, statement, values, prepare=True) for values in written)
        found = ratio(bare, ours, rounds=ROUNDS)
    yield Row("T5", "PostgreSQL: rate of links.issue / of a bare INSERT", "≥", 0.80, found)


def _row(number: int) -> dict[str, object]:
    """Return a row as its columns have it: nothing in it is another's."""
    names = {"subject": f"hand-{number}", "resource": f"hand:{number}", "destination": f"/hand/{number}"}
    return record(**names, recipient=urandom(17), series=urandom(16), number=1, generation=0)._asdict()


def bulk() -> Iterator[Row]:
    """A monthly run in one call, beside a bare copy of as many rows into the same table and its indexes."""
    with places() as (store, hand, schema), links_on(store) as links:
        batches = [[tuple(_row(each).values()) for each in range(MANY)] for _ in range(BATCHES)]
        ours = drained(partial(links.issue_many, ordered(MANY)) for _ in batches)
        bare = drained(partial(_copy, hand, schema, rows) for rows in batches)
        found = ratio(ours, bare, rounds=BATCHES)
    yield Row("T8", "PostgreSQL: links.issue_many of 10,000 / a binary COPY of as many", "≤", 2.5, found)


def _copy(hand: Hand, schema: str, rows: list[tuple[object, ...]]) -> None:
    with hand.cursor() as cursor, cursor.copy(COPY.replace("@", f"{schema}.").encode()) as copy:
        copy.set_types(COPY_TYPES)
        for row in rows:
            copy.write_row(row)


def growth() -> Iterator[Row]:
    """The same calls on ten thousand links and on a million, in turns."""
    with places() as (small, _, _), places() as (large, hand, schema):
        known = [_filled(small, MANY), _filled(large, LARGE)]
        hand.execute(f"VACUUM ANALYZE {schema}.links".encode())
        hand.execute(b"CHECKPOINT")
        with links_on(small) as few, links_on(large) as many:
            adds = [drained(partial(issue, links, order) for order in ordered(ROUNDS)) for links in (many, few)]
            found = ratio(*adds, rounds=ROUNDS)
            yield Row("T9", "PostgreSQL: links.issue at 1,000,000 links / at 10,000", "≤", 1.4, found)
            found = ratio(_consuming(large, known[1]), _consuming(small, known[0]), rounds=ROUNDS)
            yield Row("T9", "PostgreSQL: consume at 1,000,000 links / at 10,000", "≤", 1.6, found)


def _filled(store: PostgresStore, number: int) -> list[bytes]:
    chosen: list[bytes] = []
    for start in range(0, number, MANY):
        batch = [record(subject=f"filler-{each}", resource=f"filler:{each}") for each in range(start, start + MANY)]
        assert store.add(batch, now=NOW, renamed={})
        chosen += [each.link_id for each in sample(batch, ROUNDS * MANY // number)]
    return chosen


def _consuming(store: PostgresStore, link_ids: list[bytes]) -> Call:
    return drained(partial(store.consume, link_id, terms()) for link_id in link_ids)


def revocations() -> Iterator[Row]:
    """Everything of a subject with a hundred thousand links, beside one with twenty."""
    with places() as (store, _, _):
        for subject, number in (("many", 10 * MANY), ("few", 20)):
            assert store.add([record(subject=subject) for _ in range(number)], now=NOW, renamed={})
        many, few = (partial(store.revoke_subject, AUDIENCE, each, now=NOW, reason="") for each in ("many", "few"))
        found = ratio(many, few, rounds=ROUNDS)
    yield Row("T11", "PostgreSQL: revoke a subject with 100,000 links / with 20", "≤", 1.1, found)


MEASURES: Measures = (("T5", uses), ("T5", issues), ("T8", bulk), ("T9", growth), ("T11", revocations))
