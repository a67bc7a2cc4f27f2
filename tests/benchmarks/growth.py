"""T9–T11: what grows with the number of links on SQLite, and what doesn't. It fills large files, and takes minutes."""

from __future__ import annotations

import hmac
import shutil
from contextlib import ExitStack, contextmanager
from functools import partial
from statistics import median
from time import perf_counter, time
from typing import TYPE_CHECKING, Any

from magiclink import CONFIRM_EMAIL
from magiclink.stores.sqlite import SQLiteStore

from .ground import by_hand, drained, fill, folder, issue, links_on, made, ordered
from .pairs import Row, ratio, seconds

if TYPE_CHECKING:
    import sqlite3
    from collections.abc import Iterator
    from pathlib import Path

    from .pairs import Measures

SMALL, LARGE = 10_000, 1_000_000
ROUNDS = 1_000
DAY = 24 * 60 * 60

# The way out that a table with indexes has, by the same primary key, which begins with the expiry.
FORGET = """
DELETE FROM links WHERE audience = :audience AND link_id <=
(SELECT max(link_id) FROM (SELECT link_id FROM links WHERE audience = :audience ORDER BY link_id LIMIT :limit))"""


def tables() -> Iterator[Row]:
    """Links one by one in a small and a large table, both within one policy's lifetime."""
    begun = int(time())
    with folder() as place, ExitStack() as stack:
        sizes = []
        for number in (LARGE, SMALL):
            path = place / f"{number}.db"
            links = stack.enter_context(links_on(SQLiteStore(path)))
            tokens = fill(path, links, number, ends=range(begun + DAY // 2, begun + DAY))
            issues = [partial(issue, links, order) for order in ordered(ROUNDS)]
            uses = [partial(links.redeem, token, CONFIRM_EMAIL) for token in tokens]
            sizes.append((drained(issues), drained(uses)))
        (large_issue, large_use), (small_issue, small_use) = sizes
        yield Row(
            "T9", "issue beside 1,000,000 links / 10,000", "≤", 1.4, ratio(large_issue, small_issue, rounds=ROUNDS)
        )
        yield Row("T9", "redeem among 1,000,000 links / 10,000", "≤", 1.6, ratio(large_use, small_use, rounds=ROUNDS))


def purges() -> Iterator[Row]:
    """Forgetting links of which all have expired: ours, with names, against four indexes on the links themselves.

    The targets of the last two are quotients: 94 µs a link by 4.5, and 45 ms a lock by 1.
    """
    begun = int(time())
    with folder() as place:
        with links_on(SQLiteStore(place / "names.db")) as links:
            fill(place / "names.db", links, LARGE, ends=range(begun - 84 * DAY, begun - DAY))
            audience = links.flows.audience
        before = _rows(place / "names.db")
        shutil.copy(place / "names.db", place / "indexes.db")
        with by_hand(place / "indexes.db") as db:
            _index(db)
            by_indexes = [seconds(partial(_forget, db, audience), 1) for _ in range(100)]
        by_names, held = _purged(place / "names.db", audience, begun)
        forgotten = before - _rows(place / "names.db")
    unit = seconds(partial(hmac.digest, bytes(32), bytes(40), "sha256"), 100_000) / 100_000
    yield Row("T10", "purge a stored row / hmac.digest", "≤", 1.0, sum(by_names) / forgotten / unit)
    # Names go a whole bucket at a time: the mean over half of the table has some of every kind of batch.
    mean = sum(by_names) / len(by_names)
    yield Row("T10", "purge a batch: four ordinary indexes / ours, means", "≥", 20.0, sum(by_indexes) / 100 / mean)
    yield Row("T10", "write lock of a batch: the same, medians", "≥", 45.0, median(by_indexes) / median(held))


def _rows(path: Path) -> int:
    with by_hand(path) as db:
        counts = [db.execute(f"SELECT count(*) FROM {table}").fetchone() for table in ("links", "subjects", "lookups")]
    return sum(count for (count,) in counts)


def _index(db: sqlite3.Connection) -> None:
    db.execute("PRAGMA synchronous = OFF")
    db.execute("DROP TABLE lookups")
    for column in ("subject", "resource", "recipient", "series"):
        db.execute(f"CREATE INDEX by_{column} ON links (audience, {column})")
    db.execute("PRAGMA synchronous = FULL")


def _forget(db: sqlite3.Connection, audience: str) -> None:
    db.execute(FORGET, {"audience": audience, "limit": 500})


def _purged(path: Path, audience: str, begun: int) -> tuple[list[float], list[float]]:
    """Purge half of the links by the store; give the seconds of each batch, and of each lock that it took."""
    held: list[float] = []
    store = SQLiteStore(path)
    transaction = store._database.transaction

    @contextmanager
    def clocked(*given: Any) -> Iterator[sqlite3.Connection]:
        with ExitStack() as stack:
            db = stack.enter_context(transaction(*given))
            taken = perf_counter()
            yield db
        held.append(perf_counter() - taken)

    store._database.transaction = clocked  # type: ignore[assignment,method-assign]
    batch = partial(store.purge, audience, before=begun * 1_000_000, limit=500)
    times = [seconds(batch, 1) for _ in range(LARGE // 500 // 2)]
    store.close()
    return times, held


def revocations() -> Iterator[Row]:
    """Withdrawing all of a subject's links is one row, however many there are."""
    begun = int(time())
    with folder() as place, links_on(SQLiteStore(place / "links.db")) as links:
        made(1, place / "links.db")
        for subject, number in (("few", 20), ("many", 100_000)):
            fill(place / "links.db", links, number, ends=range(begun + DAY // 2, begun + DAY), subject=subject)
        few, many = (partial(links.revoke_all, subject=subject) for subject in ("few", "many"))
        found = ratio(many, few, rounds=ROUNDS)
    yield Row("T11", "revoke_all of a subject with 100,000 links / 20", "≤", 1.2, found)


MEASURES: Measures = (("T9", tables), ("T10", purges), ("T11", revocations))
