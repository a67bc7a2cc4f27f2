"""The SQLite store, the default: one file, written safely by many threads and processes of one machine.

A write has happened when its call returns, whatever is killed or loses power afterwards. This module says which
statement answers which call; `connections.py` runs them, and the conditions stand in `statements.py`.
"""

from __future__ import annotations

from datetime import timedelta
from itertools import chain
from typing import TYPE_CHECKING

from ...errors import ConfigurationError
from ...records import Origin, Record, State, Supersede
from .. import bindings, lookup_keys
from ..base import Store
from ..selftest import SAMPLE, SAMPLES, check_same
from . import queries, schema, statements
from .connections import Database

if TYPE_CHECKING:
    import os
    import sqlite3
    from collections.abc import Mapping, Sequence

    from ...records import Note, Selector, Terms

TIMEOUT = timedelta(seconds=5)
"""How long a call waits for other threads, and then for other processes, until it raises StoreError."""


class SQLiteStore(Store):
    """A store in one SQLite file, made with mode 0600 where it is missing.

    `timeout` is how long a call waits for a lock, at most an hour. Raises ConfigurationError where the file can't be
    made, read, written or believed: a missing directory, a read-only file, another application's database, a schema of
    another version.
    """

    def __init__(self, path: str | os.PathLike[str], *, timeout: timedelta = TIMEOUT) -> None:
        self._database = Database(path, timeout=timeout)

    def add(self, records: Sequence[Record], *, now: int, renamed: Mapping[bytes, bytes]) -> bool:
        with self._database.transaction() as db:
            for audience in {record.audience for record in records}:
                _rename(db, audience, renamed)
            added = _add(db, records, now)
            if not added:
                db.rollback()
            return added

    def newest(self, audience: str, subject: str, series: Sequence[bytes]) -> tuple[Record | None, int]:
        # The generation is read first: were it read last, a revocation in between would go with the record before it.
        rows = self._database.read(statements.READ_GENERATION, {"audience": audience, "subject": subject})
        record = bindings.read_first(self._database.read(*queries.read_newest(audience, series)))
        return record, rows[0][0] if rows else 0

    def get(self, audience: str, link_id: bytes) -> Record | None:
        return bindings.read_first(self._database.read(statements.GET, {"audience": audience, "link_id": link_id}))

    def consume(self, link_id: bytes, terms: Terms) -> Record | None:
        values = bindings.bind_terms(link_id, terms)
        if not terms.ends_others:
            return bindings.read_first(self._database.run(statements.CONSUME, values))
        with self._database.transaction() as db:
            record = bindings.read_first(db.execute(statements.CONSUME, values).fetchall())
            if record is not None:
                db.execute(*queries.supersede_others(record, now=terms.now))
            return record

    def mark_delivered(self, audience: str, link_ids: Sequence[bytes], *, now: int) -> None:
        with self._database.transaction() as db:
            for link_id in link_ids:
                _deliver(db, {"audience": audience, "link_id": link_id, "now": now}, now)

    def find(self, selector: Selector, *, limit: int, after: bytes | None = None) -> Sequence[Record]:
        return [Record._make(row) for row in self._database.read(*queries.find(selector, limit=limit, after=after))]

    def revoke(self, audience: str, link_id: bytes, *, now: int, reason: str) -> Record | None:
        values = {"audience": audience, "link_id": link_id, "now": now, "reason": reason}
        with self._database.transaction() as db:
            db.execute(statements.REVOKE, values)
            return bindings.read_first(db.execute(statements.GET, values).fetchall())

    def revoke_matching(self, selector: Selector, *, now: int, reason: str) -> None:
        bindings.require_fields(selector)
        self._database.run(*queries.revoke(selector, now=now, reason=reason))

    def revoke_subject(self, audience: str, subject: str, *, now: int, reason: str) -> None:
        values = {"audience": audience, "subject": subject, "now": now, "reason": reason}
        self._database.run(statements.REVOKE_SUBJECT, values)

    def hit(self, limit_key: bytes, *, now: int, limit: int, window: int) -> int | None:
        values = bindings.bind_hit(limit_key, now=now, limit=limit, window=window)
        with self._database.transaction() as db:
            db.execute(statements.FORGET_WINDOWS, values)
            return None if db.execute(statements.HIT, values).fetchall() else int(values["ends_at"])

    def count_attempt(self, audience: str, link_id: bytes, *, now: int, limit: int) -> Record | None:
        values = {"audience": audience, "link_id": link_id, "now": now, "limit": limit}
        return bindings.read_first(self._database.run(statements.COUNT_ATTEMPT, values))

    def note(self, note: Note) -> None:
        self._database.run(statements.NOTE, bindings.bind_note(note))

    def notes(self, audience: str, link_ids: Sequence[bytes]) -> Sequence[Note]:
        reads = (self._database.read(statements.NOTES, (audience, link_id)) for link_id in dict.fromkeys(link_ids))
        return bindings.read_notes(audience, chain.from_iterable(reads))

    def purge(self, audience: str, *, before: int, limit: int) -> int:
        values = {"audience": audience, "end": bindings.derive_end(before), "limit": max(limit, 0)}
        with self._database.transaction() as db:
            [(count, last)] = db.execute(statements.PURGE_TO, values).fetchall()
            for statement in statements.PURGE:
                db.execute(statement, {"audience": audience, "last": last})
        with self._database.transaction() as db:
            _purge_lookups(db, audience, max(limit, 0) * lookup_keys.KEYS_A_LINK)
        return int(count)

    def check(self) -> None:
        with self._database.transaction(ConfigurationError) as db:
            schema.check(db)
            _check_round_trip(db)
            db.rollback()

    def close(self) -> None:
        self._database.close()


def _rename(db: sqlite3.Connection, audience: str, renamed: Mapping[bytes, bytes]) -> None:
    for old, new in renamed.items():
        for kind in ("series", "recipient"):
            for statement in queries.rename(audience, kind, old, new):
                db.execute(*statement)


def _add(db: sqlite3.Connection, records: Sequence[Record], now: int) -> bool:
    """Write records; stop half-way and return False where a reissue comes late or a link id is there."""
    try:
        numbered = _number(db, records)
    except bindings.NotWrittenError:
        return False
    if db.executemany(statements.INSERT, numbered).rowcount < len(numbered):
        return False
    db.executemany(statements.INSERT_LOOKUP, sorted(chain.from_iterable(map(lookup_keys.list_rows, numbered))))
    for record in numbered:
        if record.supersede == Supersede.ON_ISSUE:
            _supersede_replaced(db, record, now)
    return True


def _number(db: sqlite3.Connection, records: Sequence[Record]) -> list[Record]:
    """Return the records with their numbers and generations. Raises NotWrittenError for a late reissue."""
    counters: bindings.Counters = {}
    newest: bindings.Numbers = {}
    for record in records:
        subject = record.audience, record.subject
        [(number, generation)] = db.execute(statements.UPSERT, (*subject, record.link_id)).fetchall()
        counters.setdefault(subject, (number - 1, generation))
        if record.number is not None:
            found = bindings.read_first(db.execute(*queries.read_newest(record.audience, [record.series])).fetchall())
            newest[record.audience, record.series] = (found and found.number) or 0
    return bindings.number_records(records, counters, newest)


def _deliver(db: sqlite3.Connection, values: dict[str, object], now: int) -> None:
    db.execute(statements.DELIVER, values)
    record = bindings.read_first(db.execute(statements.GET, values).fetchall())
    if record and record.supersede == Supersede.ON_DELIVERY and record.state_at(now) is State.OUTSTANDING:
        _supersede_replaced(db, record, now)


def _supersede_replaced(db: sqlite3.Connection, record: Record, now: int) -> None:
    if record.origin == Origin.RENEW:
        values = {"audience": record.audience, "link_id": record.parent, "now": now}
        db.execute(statements.SUPERSEDE, values)
    else:
        db.execute(*queries.supersede_older(record, now=now))


def _purge_lookups(db: sqlite3.Connection, audience: str, limit: int) -> None:
    """Forget lookup keys of the audience in periods that have no link any more: all before its earliest link's."""
    [(earliest,)] = db.execute(statements.READ_EARLIEST, {"audience": audience}).fetchall()
    first, dead = lookup_keys.derive_bounds(audience)
    if earliest is not None:
        dead = lookup_keys.derive_period(audience, earliest)
    found = db.execute(statements.PURGE_LOOKUPS_TO, {"first": first, "dead": dead, "limit": limit}).fetchall()
    period, key, link_id = found[0] if found else (dead, b"", b"")
    db.execute(statements.PURGE_LOOKUPS, {"first": first, "period": period, "key": key, "link_id": link_id})


def _check_round_trip(db: sqlite3.Connection) -> None:
    """Raise ConfigurationError unless samples come back as they went in, those too that differ in case alone."""
    for sample in (*SAMPLES, SAMPLE._replace(audience="Sample\0")):
        _add(db, [sample], 0)
        check_same(sample, bindings.read_first(db.execute(statements.GET, sample._asdict()).fetchall()))
