"""Links are found by lookup keys, without walking the table, and only where the record itself says the same."""

from __future__ import annotations

from itertools import pairwise

import pytest

from magiclink.records import Record, Selector
from magiclink.stores import lookup_keys
from magiclink.stores.lookup_keys import PERIOD
from magiclink.stores.sqlite import SQLiteStore, queries, statements
from magiclink.testing.contract import record, terms
from magiclink.testing.contract.bench import AUDIENCE, ELSEWHERE, NOW

LINK = record()
STATEMENTS: dict[str, tuple[str, dict[str, object]]] = {
    "newest": queries.read_newest(AUDIENCE, [b"new", b"old"]),
    "by subject": queries.find(Selector(audience=AUDIENCE, subject="s"), limit=1, after=None),
    "by resource": queries.find(Selector(audience=AUDIENCE, subject="s", resource="r"), limit=1, after=b"x"),
    "by recipient": queries.find(Selector(audience=AUDIENCE, recipients=(b"a", b"b")), limit=1, after=None),
    "of a purpose": queries.find(Selector(audience=AUDIENCE, purpose="p", issued_before=NOW), limit=1, after=None),
    "revoke": queries.revoke(Selector(audience=AUDIENCE, resource="r"), now=NOW, reason=""),
    "older": queries.supersede_older(LINK, now=NOW),
    "others": queries.supersede_others(LINK, now=NOW),
    "rename records": queries.rename(AUDIENCE, "series", b"old", b"new")[0],
    "rename lookups": queries.rename(AUDIENCE, "series", b"old", b"new")[1],
    "get": (statements.GET, {"audience": AUDIENCE, "link_id": b""}),
    "purge to": (statements.PURGE_TO, {"audience": AUDIENCE, "end": b"", "limit": 1}),
    "purge subjects": (statements.PURGE[0], {"audience": AUDIENCE, "last": b""}),
    "purge notes": (statements.PURGE[1], {"audience": AUDIENCE, "last": b""}),
    "purge links": (statements.PURGE[2], {"audience": AUDIENCE, "last": b""}),
    "purge lookups to": (statements.PURGE_LOOKUPS_TO, {"first": b"", "dead": b"", "limit": 1}),
    "purge lookups": (statements.PURGE_LOOKUPS, {"first": b"", "period": b"", "key": b"", "link_id": b""}),
    "forget windows": (statements.FORGET_WINDOWS, {"ended": 1}),
}


@pytest.mark.parametrize("which", STATEMENTS)
def test_no_table_is_walked(store: SQLiteStore, which: str) -> None:
    """L16: no look-up and no purge walks a table: each goes in by a primary key."""
    statement, values = STATEMENTS[which]
    plan = [row[3] for row in store._database.read(f"EXPLAIN QUERY PLAN {statement}", values)]
    tables = ("links", "subjects", "lookups", "notes", "limits")
    assert any(step.startswith("SEARCH") for step in plan)
    assert not [step for step in plan if step.startswith("SCAN") and step.split()[1] in tables]


def test_look_up_across_periods(store: SQLiteStore) -> None:
    """A look-up finds links in every period, however far apart, and none of another audience."""
    ends = [NOW + periods * PERIOD * 1_000_000 for periods in (0, 1, 2, 7, 40, 41)]
    mine = [record(expires_at=end, issued_at=number) for number, end in enumerate(ends)]
    store.add([*mine, *(record(audience=ELSEWHERE, expires_at=end) for end in ends)], now=NOW, renamed={})
    found = store.find(Selector(audience=AUDIENCE, subject=LINK.subject), limit=100)
    assert [link.link_id for link in found] == [link.link_id for link in reversed(mine)]
    assert all(one.issued_at > two.issued_at for one, two in pairwise(found))


@pytest.mark.parametrize("kind", ["series", "recipient"])
def test_lookup_key_that_lies(store: SQLiteStore, kind: str) -> None:
    """A lookup key only leads to a record; what the record itself says decides."""
    store.add([LINK], now=NOW, renamed={})
    row = (lookup_keys.derive_period(AUDIENCE, LINK.link_id), lookup_keys.derive_key(kind, b"another"), LINK.link_id)
    store._database.run(statements.INSERT_LOOKUP, row)
    assert store.find(Selector(audience=AUDIENCE, recipients=(b"another",)), limit=9) == []
    assert store.newest(AUDIENCE, LINK.subject, [b"another"]) == (None, 0)


def test_lookup_key_that_leads_nowhere(store: SQLiteStore) -> None:
    """A lookup key whose link has been purged is passed over."""
    old, young = record(expires_at=NOW + 1_000_000), record(expires_at=NOW + 5_000_000)
    store.add([old, young], now=NOW, renamed={})
    assert store.purge(AUDIENCE, before=NOW + 2_000_000, limit=9) == 1
    assert store._database.read("SELECT count(*) FROM lookups WHERE link_id = ?", (old.link_id,)) == [(4,)]
    assert [link.link_id for link in store.find(Selector(audience=AUDIENCE, subject=LINK.subject), limit=9)] == [
        young.link_id
    ]


def test_renamed_lookup_keys(store: SQLiteStore) -> None:
    """After a rotation the old lookup keys of series and recipient lead nowhere, and the new ones to the link."""
    other = record(subject="customer-8")
    store.add([LINK], now=NOW, renamed={})
    assert LINK.recipient is not None
    store.add([other], now=NOW, renamed={LINK.series: b"new series", LINK.recipient: b"new recipient"})
    left = {key for (key,) in store._database.read("SELECT key FROM lookups WHERE link_id = ?", (LINK.link_id,))}
    kept = LINK._replace(series=b"new series", recipient=b"new recipient")
    assert left == set(lookup_keys.derive_keys(kept))
    found: list[Record] = list(store.find(Selector(audience=AUDIENCE, recipients=(b"new recipient",)), limit=9))
    assert [link.link_id for link in found] == [LINK.link_id]


def test_limit_below_nothing(store: SQLiteStore) -> None:
    """A limit of nothing or less gives nothing, where SQLite by itself would give all."""
    store.add([LINK], now=NOW, renamed={})
    assert store.find(Selector(audience=AUDIENCE), limit=-1) == store.find(Selector(audience=AUDIENCE), limit=0) == []
    assert store.purge(AUDIENCE, before=2**62, limit=-1) == 0
    assert store.consume(LINK.link_id, terms())
