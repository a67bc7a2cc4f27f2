"""The store that SQLAlchemy's and Django's are: what it refuses, and what it leaves."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from magiclink.errors import BadArgumentError
from magiclink.records import Note, Selector
from magiclink.stores.sql.schema import TABLES
from magiclink.testing.contract import record, terms
from magiclink.testing.contract.bench import AUDIENCE, NOW
from tests.stores.sql.databases import count, put

if TYPE_CHECKING:
    from collections.abc import Callable

    from magiclink.stores.sql.store import SQLStore

TOO_LARGE = 2**53 + 1
NO_TEXT = "\ud800"

CALLS: dict[str, Callable[[SQLStore], object]] = {
    "add": lambda store: store.add([record(subject=NO_TEXT)], now=NOW, renamed={}),
    "add, large": lambda store: store.add([record(issued_at=TOO_LARGE)], now=NOW, renamed={}),
    "add, long": lambda store: store.add([record(issued_by="x" * 256)], now=NOW, renamed={}),
    "newest": lambda store: store.newest(NO_TEXT, "s", [b"x"]),
    "get": lambda store: store.get(NO_TEXT, b""),
    "consume": lambda store: store.consume(b"", terms(purpose=NO_TEXT)),
    "consume, large": lambda store: store.consume(b"", terms(now=TOO_LARGE)),
    "consume, others": lambda store: store.consume(b"", terms(max_uses=TOO_LARGE, ends_others=True)),
    "mark_delivered": lambda store: store.mark_delivered(AUDIENCE, [b""], now=TOO_LARGE),
    "find": lambda store: store.find(Selector(audience=AUDIENCE, subject=NO_TEXT), limit=1),
    "find, NUL": lambda store: store.find(Selector(audience=AUDIENCE, subject="a\0"), limit=1),
    "revoke": lambda store: store.revoke(AUDIENCE, record().link_id, now=NOW, reason=NO_TEXT),
    "revoke_matching": lambda store: store.revoke_matching(
        Selector(audience=AUDIENCE, resource=NO_TEXT), now=NOW, reason=""
    ),
    "revoke_subject": lambda store: store.revoke_subject(AUDIENCE, NO_TEXT, now=NOW, reason=""),
    "revoke_subject, long": lambda store: store.revoke_subject(AUDIENCE, "customer-7", now=NOW, reason="x" * 256),
    "hit": lambda store: store.hit(b"", now=NOW, limit=TOO_LARGE, window=1),
    "hit, long": lambda store: store.hit(bytes(65), now=NOW, limit=1, window=1),
    "count_attempt": lambda store: store.count_attempt(AUDIENCE, b"", now=NOW, limit=TOO_LARGE),
    "note": lambda store: store.note(Note(audience=NO_TEXT, link_id=b"", kind="verified", at=NOW)),
    "notes": lambda store: store.purge(NO_TEXT, before=NOW, limit=1),
    "purge": lambda store: store.purge(NO_TEXT, before=NOW, limit=1),
}


@pytest.mark.parametrize("call", CALLS)
def test_value_that_does_not_fit(store: SQLStore, call: str) -> None:
    """16: a value that no column holds is BadArgumentError from every call, without the value, and nothing is kept."""
    link = put(store)
    kept = {table: count(store, table) for table in TABLES}
    with pytest.raises(BadArgumentError) as raised:
        CALLS[call](store)
    assert NO_TEXT not in str(raised.value)
    assert {table: count(store, table) for table in TABLES} == kept
    assert store.get(AUDIENCE, link.link_id) == link


def test_empty_batch(store: SQLStore) -> None:
    """No records are all records."""
    assert store.add([], now=NOW, renamed={})


def test_empty_selector(store: SQLStore) -> None:
    """9: nobody revokes everything by forgetting to say what."""
    with pytest.raises(BadArgumentError, match="empty selector"):
        store.revoke_matching(Selector(audience=AUDIENCE), now=NOW, reason="")


def test_unknown_link(store: SQLStore) -> None:
    """9: revoking a link that isn't known is no revocation."""
    assert store.revoke(AUDIENCE, bytes(20), now=NOW, reason="") is None


def test_purged_to_the_last_row(store: SQLStore) -> None:
    """What has been forgotten for long leaves no row in any table."""
    links = [put(store, subject=f"customer-{number}", expires_at=NOW - number * 10**12) for number in range(40)]
    store.note(Note(audience=AUDIENCE, link_id=links[0].link_id, kind="refused", at=NOW))
    while store.purge(AUDIENCE, before=NOW + 10**14, limit=7):
        pass
    assert [count(store, table) for table in TABLES] == [0] * len(TABLES)
