"""The conditions in SQL say what `records.py` says: both are asked, about many records."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, get_args, get_type_hints

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from magiclink.records import CLOCK_SKEW, Record, State
from magiclink.stores.base import LARGEST
from magiclink.stores.sqlite import SQLiteStore
from magiclink.testing.contract import record, terms
from magiclink.testing.contract.bench import AUDIENCE, NOW

if TYPE_CHECKING:
    from collections.abc import Iterator

    from magiclink.records import Terms

SPAN = 100

MEETING = record(link_id=bytes(20))._replace(
    issued_at=NOW - SPAN + 1,
    expires_at=NOW + 1,
    max_uses=2,
    uses=1,
    stamp=b"x",
    attempt=b"x",
    last_used_at=NOW - SPAN,
)
"""A record that meets `TERMS` by a hair: a use less, a microsecond more, and it doesn't."""

TERMS = {"lifetime": SPAN, "max_uses": 2, "stamp": b"x", "attempt": b"x", "reclick": SPAN}

COUNTS = [None, 1, 2, 3]
DIGESTS = [None, b"", b"x", b"y"]
NEAR = [instant + by for instant in (NOW, NOW - SPAN, NOW + CLOCK_SKEW) for by in (-1, 0, 1)]
RECORD_FIELDS: dict[str, list[Any]] = {
    "purpose": ["invoice", "Invoice"],
    "stamp": DIGESTS,
    "issued_at": [0, *NEAR, LARGEST],
    "expires_at": [0, *NEAR, LARGEST],
    "max_uses": COUNTS,
    "uses": [0, 1, 2, 3],
    "first_used_at": [None, 0, NOW - 1],
    "last_used_at": [None, 0, *NEAR, LARGEST],
    "attempt": DIGESTS,
    "attempts": [0, 1, 2, 3],
    "superseded_at": [None, NOW - SPAN],
    "revoked_at": [None, NOW - SPAN],
}
TERMS_FIELDS: dict[str, list[Any]] = {
    "audience": [AUDIENCE, AUDIENCE.upper()],
    "lifetime": [0, SPAN - 1, SPAN + 1, 10**18, 2**80],
    "max_uses": COUNTS,
    "stamp": DIGESTS,
    "attempt": DIGESTS,
    "reclick": [0, SPAN - 1, SPAN + 1, 2**80],
}


def pairs(fields: dict[str, list[Any]]) -> list[tuple[str, Any]]:
    """Return every field with every value that it takes here."""
    return [(field, value) for field, values in fields.items() for value in values]


def changed(fields: dict[str, list[Any]]) -> st.SearchStrategy[dict[str, Any]]:
    """Return values for two or three of some fields: more at once, and hardly a use would be written."""
    return st.lists(st.sampled_from(pairs(fields)), min_size=2, max_size=3).map(dict)


records = changed(RECORD_FIELDS).map(lambda given: MEETING._replace(**given))
met = changed(TERMS_FIELDS).map(lambda given: terms(**{**TERMS, **given}))


@pytest.fixture(scope="module")
def store(tmp_path_factory: pytest.TempPathFactory) -> Iterator[SQLiteStore]:
    """Return one store to all examples, each of which begins by emptying it."""
    opened = SQLiteStore(tmp_path_factory.mktemp("statements") / "links.db")
    opened._database.run("PRAGMA synchronous = OFF", ())  # Examples are many, and none is about durability.
    yield opened
    opened.close()


def written(store: SQLiteStore, link: Record, generations: int) -> Record:
    """Empty the store, write a link, raise its subject's generation some times, and give it as it is read then."""
    with store._database.transaction() as db:
        for table in ("links", "subjects", "lookups"):
            db.execute(f"DELETE FROM {table}")
    assert store.add([link], now=NOW, renamed={})
    for _ in range(generations):
        store.revoke_subject(link.audience, link.subject, now=NOW, reason="left")
    found = store.get(link.audience, link.link_id)
    assert found is not None
    return found


def see_agreed(store: SQLiteStore, link: Record, asked: Terms, generations: int) -> None:
    """See that a use is written exactly where `Terms.met_by` holds, and changes what rule 7 says."""
    found = written(store, link, generations)
    used = store.consume(link.link_id, asked)
    first = NOW if link.first_used_at is None else link.first_used_at
    expected = found._replace(uses=found.uses + 1, first_used_at=first, last_used_at=NOW, attempt=asked.attempt)
    assert used == (expected if asked.met_by(found) else None)
    assert store.get(link.audience, link.link_id) == (used or found)


@pytest.mark.parametrize("field", RECORD_FIELDS)
def test_consume_at_every_edge(store: SQLiteStore, field: str) -> None:
    """Each value of a record's field, with each value of the terms, meets them in SQL where it does in Python."""
    for value in RECORD_FIELDS[field]:
        for name, other in pairs(TERMS_FIELDS):
            see_agreed(store, MEETING._replace(**{field: value}), terms(**{**TERMS, name: other}), 0)


@settings(max_examples=200, deadline=None)
@given(link=records, asked=met, generations=st.sampled_from([0, 0, 0, 1, 2]))
def test_consume_as_terms(store: SQLiteStore, link: Record, asked: Terms, generations: int) -> None:
    """A use is written exactly where `Terms.met_by` holds of the record as it is read, whatever meets."""
    see_agreed(store, link, asked, generations)


@settings(max_examples=200, deadline=None)
@given(link=records, limit=st.integers(0, 4), generations=st.sampled_from([0, 0, 1]))
def test_attempts_as_state(store: SQLiteStore, link: Record, limit: int, generations: int) -> None:
    """A try at a code is counted exactly where the record as it is read is outstanding and below the limit."""
    found = written(store, link, generations)
    counted = store.count_attempt(link.audience, link.link_id, now=NOW, limit=limit)
    allowed = found.state_at(NOW) is State.OUTSTANDING and found.attempts < limit
    assert counted == (found._replace(attempts=found.attempts + 1) if allowed else None)


@pytest.mark.parametrize("field", Record._fields)
def test_field_comes_back(store: SQLiteStore, field: str) -> None:
    """D16: each field comes back from its own column as it went in."""
    odd: dict[type, Any] = {bytes: b"\0\xff'", str: "A\0 e\u0301 \u00e9 ", int: LARGEST}
    hint = get_type_hints(Record)[field]
    [kind] = {hint, *get_args(hint)} & odd.keys()
    numbered = record(number=1, generation=0, series=bytes(16))
    link = numbered if field in {"number", "generation"} else numbered._replace(**{field: odd[kind]})
    assert getattr(written(store, link, 0), field) == getattr(link, field)
