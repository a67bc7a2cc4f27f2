"""What the SQLite store does beyond the contract: it checks itself, reuses a file, cleans up and fits its values."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import pytest

from magiclink.errors import BadArgumentError, ConfigurationError, StoreError
from magiclink.records import CLOCK_SKEW, Note, Selector
from magiclink.stores.lookup_keys import KEYS_A_LINK, PERIOD
from magiclink.stores.sqlite import SQLiteStore
from magiclink.testing.contract import record, terms
from magiclink.testing.contract.bench import AUDIENCE, NOW, race

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from magiclink.records import Record

TOO_LARGE = 2**63
NO_UTF8 = "\ud800"
SECOND = 1_000_000


def put(store: SQLiteStore, **changes: Any) -> Record:
    """Write one link."""
    link = record(**changes)
    assert store.add([link], now=NOW, renamed={})
    return link


def rows(store: SQLiteStore, table: str) -> int:
    """Count the rows of a table."""
    [(count,)] = store._database.read(f"SELECT count(*) FROM {table}", ())
    return int(count)


def test_kept_when_reopened(tmp_path: Path) -> None:
    """What one store wrote, the next finds, with its uses and generations."""
    first = SQLiteStore(tmp_path / "links.db")
    used, ended = put(first, max_uses=1), put(first, subject="customer-8")
    first.consume(used.link_id, terms())
    first.revoke_subject(AUDIENCE, "customer-8", now=NOW, reason="left")
    first.close()
    second = SQLiteStore(tmp_path / "links.db")
    assert second.consume(used.link_id, terms()) is None
    found = second.get(AUDIENCE, ended.link_id)
    second.close()
    assert found is not None
    assert (found.revoked_at, found.revoke_reason) == (NOW, "left")


def test_two_stores_on_one_file(tmp_path: Path) -> None:
    """F01: a hundred threads over two stores on one file use a link exactly as often as it may be."""
    stores = [SQLiteStore(tmp_path / "links.db") for _ in range(2)]
    link = put(stores[0], max_uses=3)
    calls = [lambda store=store: store.consume(link.link_id, terms()) for store in stores * 50]
    won = [used for used in race(*calls) if used]
    for store in stores:
        store.close()
    assert sorted(used.uses for used in won) == [1, 2, 3]


def test_check_leaves_nothing(store: SQLiteStore) -> None:
    """The round trip of `check` is rolled back, and can be repeated."""
    store.check()
    store.check()
    assert [rows(store, table) for table in ("links", "subjects", "lookups")] == [0, 0, 0]


@pytest.mark.parametrize(
    "trigger",
    [
        "UPDATE links SET subject = trim(subject)",
        "UPDATE links SET audience = lower(audience)",
        "UPDATE links SET renewals = renewals & 4294967295",
        "DELETE FROM links",
    ],
)
def test_record_that_comes_back_changed(tmp_path: Path, store: SQLiteStore, trigger: str) -> None:
    """E25: a database that trims, folds, cuts or loses what is written is ConfigurationError at `check`."""
    with closing(sqlite3.connect(tmp_path / "links.db")) as db:
        db.execute(f"CREATE TRIGGER meddler AFTER INSERT ON links BEGIN {trigger}; END")
    with pytest.raises(ConfigurationError):
        store.check()


def test_schema_that_changes_later(tmp_path: Path, store: SQLiteStore) -> None:
    """E26: a column that goes while the store is open is StoreError at a call and ConfigurationError at `check`."""
    link = put(store)
    with closing(sqlite3.connect(tmp_path / "links.db")) as db:
        db.execute("ALTER TABLE links DROP COLUMN superseded_at")
    with pytest.raises(StoreError, match="no such column"):
        store.consume(link.link_id, terms())
    with pytest.raises(ConfigurationError, match="table links"):
        store.check()


CALLS: dict[str, Callable[[SQLiteStore], object]] = {
    "add": lambda store: store.add([record(subject=NO_UTF8)], now=NOW, renamed={}),
    "add, large": lambda store: store.add([record(issued_at=TOO_LARGE)], now=NOW, renamed={}),
    "newest": lambda store: store.newest(NO_UTF8, "s", [b"x"]),
    "get": lambda store: store.get(NO_UTF8, b""),
    "consume": lambda store: store.consume(b"", terms(purpose=NO_UTF8)),
    "consume, large": lambda store: store.consume(b"", terms(now=TOO_LARGE)),
    "consume, others": lambda store: store.consume(b"", terms(max_uses=TOO_LARGE, ends_others=True)),
    "mark_delivered": lambda store: store.mark_delivered(AUDIENCE, [b""], now=TOO_LARGE),
    "find": lambda store: store.find(Selector(audience=AUDIENCE, subject=NO_UTF8), limit=1),
    "find, large": lambda store: store.find(Selector(audience=AUDIENCE), limit=TOO_LARGE),
    "revoke": lambda store: store.revoke(AUDIENCE, b"", now=NOW, reason=NO_UTF8),
    "revoke_matching": lambda store: store.revoke_matching(
        Selector(audience=AUDIENCE, resource=NO_UTF8), now=NOW, reason=""
    ),
    "revoke_subject": lambda store: store.revoke_subject(AUDIENCE, NO_UTF8, now=NOW, reason=""),
    "hit": lambda store: store.hit(b"", now=NOW, limit=TOO_LARGE, window=1),
    "count_attempt": lambda store: store.count_attempt(AUDIENCE, b"", now=NOW, limit=TOO_LARGE),
    "note": lambda store: store.note(Note(audience=AUDIENCE, link_id=b"", kind=NO_UTF8, at=NOW)),
    "notes": lambda store: store.notes(NO_UTF8, [b""]),
    "purge": lambda store: store.purge(NO_UTF8, before=NOW, limit=1),
}


@pytest.mark.parametrize("call", CALLS)
def test_value_that_does_not_fit(store: SQLiteStore, call: str) -> None:
    """A value that the database can't hold is BadArgumentError from every call, and the store goes on."""
    with pytest.raises(BadArgumentError):
        CALLS[call](store)
    assert put(store)
    assert rows(store, "links") == 1


def test_terms_beyond_53_bits(store: SQLiteStore) -> None:
    """Sums of the terms that pass 53 bits bound nothing, and don't overflow."""
    link = put(store)
    assert store.consume(link.link_id, terms(lifetime=2**70, reclick=2**70))
    late = replace(terms(), now=2**53 - 1 - CLOCK_SKEW // 2, lifetime=2**70)
    assert store.consume(link.link_id, late) is None


@pytest.mark.parametrize("subject", ["customer-7 ", "customer-7\0", "Customer-7", "customer-e\u0301", ""])
def test_subjects_apart(store: SQLiteStore, subject: str) -> None:
    """B09: subjects that differ by a final space, a NUL, case or an accent's spelling are different subjects."""
    mine, other = put(store, subject=subject), put(store, subject="customer-7")
    third = put(store, subject="customer-\u00e9")
    store.revoke_subject(AUDIENCE, subject, now=NOW, reason="")
    assert store.consume(mine.link_id, terms()) is None
    assert store.consume(other.link_id, terms())
    assert store.consume(third.link_id, terms())


def test_purposes_and_audiences_apart(store: SQLiteStore) -> None:
    """M12: one file holds several purposes and audiences, and one link id in two audiences is two links."""
    here = put(store)
    there = put(store, audience="https://shop.example", link_id=here.link_id)
    assert store.consume(here.link_id, terms(purpose="sign-in")) is None
    assert store.consume(here.link_id, terms())
    found = store.get(there.audience, there.link_id)
    assert found is not None
    assert found.uses == 0


def test_purged_period(store: SQLiteStore) -> None:
    """Lookup keys go once no link of their 28 days or before is left: in the next purge that finds it so."""
    early = put(store, expires_at=PERIOD * 100 * SECOND)
    late = put(store, expires_at=PERIOD * 101 * SECOND)
    assert rows(store, "lookups") == 8
    assert store.purge(AUDIENCE, before=early.expires_at + 1, limit=10) == 1
    assert rows(store, "lookups") == 4
    assert store.purge(AUDIENCE, before=late.expires_at + 1, limit=10) == 1
    assert [rows(store, table) for table in ("links", "subjects", "lookups")] == [0, 0, 0]


def test_purge_of_another_audience(store: SQLiteStore) -> None:
    """A purge forgets no lookup keys of another audience."""
    put(store, expires_at=SECOND)
    put(store, audience="https://shop.example", expires_at=SECOND)
    store.purge(AUDIENCE, before=NOW, limit=10)
    assert [rows(store, table) for table in ("links", "subjects", "lookups")] == [1, 1, 4]


def test_purge_in_batches(store: SQLiteStore) -> None:
    """L16: a purge forgets a bounded number of lookup keys, and the calls that follow catch up."""
    links = [record(expires_at=SECOND, subject=f"customer-{number}") for number in range(9)]
    assert store.add(links, now=NOW, renamed={})
    assert store.purge(AUDIENCE, before=NOW, limit=8) == 8
    assert rows(store, "lookups") == 9 * 4
    assert store.purge(AUDIENCE, before=NOW, limit=1) == 1
    assert rows(store, "lookups") == 9 * 4 - KEYS_A_LINK
    for _ in range(4):
        assert store.purge(AUDIENCE, before=NOW, limit=1) == 0
    assert rows(store, "lookups") == 0


def test_subject_that_outlives_a_second(store: SQLiteStore) -> None:
    """A subject's row goes with its last link, also where links of other subjects expire in the same second."""
    links = [record(expires_at=SECOND, subject=f"customer-{number % 2}") for number in range(6)]
    assert store.add(links, now=NOW, renamed={})
    for _ in links:
        left = {link.subject for link in store.find(Selector(audience=AUDIENCE), limit=10)}
        assert rows(store, "subjects") == len(left)
        store.purge(AUDIENCE, before=NOW, limit=1)
    assert rows(store, "subjects") == 0


@pytest.mark.parametrize("before", [-(2**70), -1, 0, SECOND])
def test_purge_before_anything(store: SQLiteStore, before: int) -> None:
    """A purge before the first expiry forgets nothing, at that very instant too."""
    put(store, expires_at=SECOND)
    assert store.purge(AUDIENCE, before=before, limit=10) == 0


@pytest.mark.parametrize("before", [SECOND + 1, 2**32 * SECOND, 2**70])
def test_purge_after_everything(store: SQLiteStore, before: int) -> None:
    """A purge far in the future forgets everything, the last second that a link id can say too."""
    put(store, expires_at=SECOND)
    last = put(store, expires_at=(2**32 - 1) * SECOND)
    expected = 1 + (before > last.expires_at)
    assert store.purge(AUDIENCE, before=before, limit=10) == expected


def test_purge_during_use(store: SQLiteStore) -> None:
    """E19, E20: two purges at once while links are used raise nothing, forget each link once, and spare the living."""
    gone = [record(expires_at=SECOND) for _ in range(20)]
    living = [record(max_uses=1) for _ in range(4)]
    assert store.add([*gone, *living], now=NOW, renamed={})
    purges = [lambda: store.purge(AUDIENCE, before=NOW, limit=3)] * 10
    uses = [lambda link=link: bool(store.consume(link.link_id, terms())) for link in (*gone, *living)]
    results = race(*purges, *uses)
    assert sum(results[:10]) == 20
    assert results[10:] == [False] * 20 + [True] * 4


def test_revoked_twice(store: SQLiteStore) -> None:
    """E22, F16: a revocation that arrives twice changes nothing the second time, and no later write undoes it."""
    link = put(store)
    first = store.revoke(AUDIENCE, link.link_id, now=NOW, reason="paid")
    assert store.revoke(AUDIENCE, link.link_id, now=NOW + 1, reason="again") == first
    store.mark_delivered(AUDIENCE, [link.link_id], now=NOW)
    assert store.add([link], now=NOW, renamed={}) is False
    found = store.get(AUDIENCE, link.link_id)
    assert found is not None
    assert (found.revoked_at, found.revoke_reason) == (NOW, "paid")


def test_windows_are_forgotten(store: SQLiteStore) -> None:
    """L16: windows that ended go as later ones are counted, those within the clocks' difference stay."""
    for number in range(50):
        store.hit(b"%d" % number, now=NOW, limit=1, window=SECOND)
    ended = NOW + SECOND
    store.hit(b"a", now=ended + CLOCK_SKEW, limit=1, window=SECOND)
    assert rows(store, "limits") == 51
    for number in range(5):
        store.hit(b"b%d" % number, now=ended + CLOCK_SKEW + 1, limit=1, window=SECOND)
    assert rows(store, "limits") == 51 - 50 + 5


def test_order_of_forgotten_windows(store: SQLiteStore) -> None:
    """L16: of the windows that ended, ten go at a call, those that ended first, whatever their limit keys."""
    for ends_at in (*range(2, 25, 2), *range(1, 25, 2)):
        store._database.run("INSERT INTO limits VALUES (?, ?, 1, 1)", (ends_at, b"%d" % (99 - ends_at)))
    store.hit(b"a", now=NOW, limit=1, window=SECOND)
    left = store._database.read("SELECT ends_at FROM limits ORDER BY ends_at", ())
    assert left == [*((ends_at,) for ends_at in range(11, 25)), (NOW + SECOND,)]


def test_windows_of_two_lengths(store: SQLiteStore) -> None:
    """Windows of two lengths that end at the same instant are counted apart."""
    now = 3600 * SECOND - 1
    assert store.hit(b"a", now=now, limit=1, window=3600 * SECOND) is None
    assert store.hit(b"a", now=now, limit=1, window=60 * SECOND) is None
    assert store.hit(b"a", now=now, limit=1, window=60 * SECOND) == 3600 * SECOND


def test_no_limit_at_all(store: SQLiteStore) -> None:
    """A limit of nothing lets nothing through."""
    assert store.hit(b"a", now=NOW, limit=0, window=SECOND) == NOW + SECOND
    assert rows(store, "limits") == 0


def test_reissues_of_one_batch(store: SQLiteStore) -> None:
    """Reissues that follow each other in one batch are each the next of their series."""
    first = put(store)
    again = [record(series=first.series, number=number, generation=0, origin="remind") for number in (2, 3)]
    assert store.add([again[0], again[0]._replace(link_id=bytes(20))], now=NOW, renamed={}) is False
    assert store.add(again, now=NOW, renamed={})
    newest, _ = store.newest(AUDIENCE, first.subject, [first.series])
    assert newest is not None
    assert (newest.link_id, newest.number) == (again[1].link_id, 3)
