"""The SQLite store, the default: one file, written safely by many threads and processes of one machine.

A write has happened when its call returns, whatever is killed or loses power afterwards. This room says which statement
answers which call; `connections.py` runs them, and the conditions stand in `statements.py`.
"""

from __future__ import annotations

from datetime import timedelta
from itertools import chain
from typing import TYPE_CHECKING

from ...errors import BadArgumentError, ConfigurationError
from ...records import CLOCK_SKEW, Note, Origin, Record, State, Supersede
from .. import lookup_keys
from ..base import HOUR, NOTES_A_LINK
from ..selftest import SAMPLE, SAMPLES, check_same
from . import queries, schema, statements
from .connections import DatabaseFile

if TYPE_CHECKING:
    import os
    import sqlite3
    from collections.abc import Mapping, Sequence

    from ...records import Selector, Terms

TIMEOUT = timedelta(seconds=5)
"""How long a call waits for other threads, and then for other processes, until it raises StoreError."""

KEYS_A_LINK = 8
"""Names that a purge forgets for each link it may forget: twice what a link has, so that it always catches up."""

_LARGEST = 2**63 - 1


class SQLiteStore:
    """A store in one SQLite file, made with mode 0600 where it is missing.

    Raises ConfigurationError where the file can't be made, read, written or believed: a missing directory, a read-only
    file, another application's database, a newer schema. `timeout` is how long a call waits for a lock.
    """

    def __init__(self, path: str | os.PathLike[str], *, timeout: timedelta = TIMEOUT) -> None:
        self._file = DatabaseFile(path, timeout=timeout)

    def add(self, records: Sequence[Record], *, now: int, renamed: Mapping[bytes, bytes]) -> bool:
        """Write all of them or none (2–6)."""
        with self._file.transaction() as db:
            for audience in {record.audience for record in records}:
                _rename(db, audience, renamed)
            added = _add(db, records, now)
            if not added:
                db.rollback()
            return added

    def newest(self, audience: str, subject: str, series: Sequence[bytes]) -> tuple[Record | None, int]:
        """Return the newest record of a series, named under every key, and the subject's generation."""
        # The generation is read first: were it read last, a revocation in between would go with the record before it.
        generation = self._file.read(statements.GENERATION, {"audience": audience, "subject": subject})
        record = _first(self._file.read(*queries.newest(audience, series)))
        return record, generation[0][0] if generation else 0

    def get(self, audience: str, link_id: bytes) -> Record | None:
        """Return one record, or None."""
        return _first(self._file.read(statements.GET, {"audience": audience, "link_id": link_id}))

    def consume(self, link_id: bytes, terms: Terms) -> Record | None:
        """Write one use if the terms are met, and give the record after it; else None (7)."""
        values = _bound(link_id, terms)
        if not terms.ends_others:
            return _first(self._file.change(statements.CONSUME, values))
        with self._file.transaction() as db:
            record = _first(db.execute(statements.CONSUME, values).fetchall())
            if record is not None:
                db.execute(*queries.supersede_others(record, now=terms.now))
            return record

    def mark_delivered(self, audience: str, link_ids: Sequence[bytes], *, now: int) -> None:
        """Remember that the mail server took them, and end what they replace (6)."""
        with self._file.transaction() as db:
            for link_id in link_ids:
                _deliver(db, {"audience": audience, "link_id": link_id, "now": now}, now)

    def find(self, selector: Selector, *, limit: int, after: bytes | None = None) -> Sequence[Record]:
        """Return what matches, newest first (11)."""
        return [Record(*row) for row in self._file.read(*queries.find(selector, limit=limit, after=after))]

    def revoke(self, audience: str, link_id: bytes, *, now: int, reason: str) -> Record | None:
        """Withdraw one link and give the record after it; None where it is unknown (9)."""
        values = {"audience": audience, "link_id": link_id, "now": now, "reason": reason}
        with self._file.transaction() as db:
            db.execute(statements.REVOKE, values)
            return _first(db.execute(statements.GET, values).fetchall())

    def revoke_matching(self, selector: Selector, *, now: int, reason: str) -> None:
        """Withdraw every link that matches, row by row (9)."""
        if selector.is_empty:
            raise BadArgumentError("an empty selector would revoke every link of the audience")
        self._file.change(*queries.revoke(selector, now=now, reason=reason))

    def revoke_subject(self, audience: str, subject: str, *, now: int, reason: str) -> None:
        """Withdraw every link that the subject has, by its generation (10)."""
        values = {"audience": audience, "subject": subject, "now": now, "reason": reason}
        self._file.change(statements.REVOKE_SUBJECT, values)

    def hit(self, limit_key: bytes, *, now: int, limit: int, window: int) -> int | None:
        """Count one under a limit key; None, or the instant from which to try again (12)."""
        ends_at = now - now % window + window
        values = {"limit_key": limit_key, "limit": limit, "span": window, "ends_at": ends_at}
        with self._file.transaction() as db:
            db.execute(statements.FORGET_WINDOWS, {"ended": now - CLOCK_SKEW})
            taken = db.execute(statements.HIT, values).fetchall()
            return None if taken else ends_at

    def count_attempt(self, audience: str, link_id: bytes, *, now: int, limit: int) -> Record | None:
        """Count one try at a link's code; None when no more are allowed (13)."""
        values = {"audience": audience, "link_id": link_id, "now": now, "limit": limit}
        return _first(self._file.change(statements.COUNT_ATTEMPT, values))

    def note(self, note: Note) -> None:
        """Remember something that changed nothing (14)."""
        values = {"audience": note.audience, "link_id": note.link_id, "kind": note.kind, "at": note.at}
        values |= {"hour": note.at // HOUR, "reason": note.reason, "most": NOTES_A_LINK}
        self._file.change(statements.NOTE, values)

    def notes(self, audience: str, link_ids: Sequence[bytes]) -> Sequence[Note]:
        """Return the notes of some links, oldest first (14)."""
        found = [
            Note(audience=audience, link_id=link_id, kind=kind, at=at, reason=reason)
            for link_id in dict.fromkeys(link_ids)
            for kind, at, reason in self._file.read(statements.NOTES, (audience, link_id))
        ]
        return sorted(found, key=lambda note: note.at)

    def purge(self, audience: str, *, before: int, limit: int) -> int:
        """Forget what expired before an instant, and then names that lead nowhere: two short transactions (15)."""
        values = {"audience": audience, "end": _end(before), "limit": max(limit, 0)}
        with self._file.transaction() as db:
            [(count, last)] = db.execute(statements.PURGE_TO, values).fetchall()
            for statement in statements.PURGE:
                db.execute(statement, {"audience": audience, "last": last})
        with self._file.transaction() as db:
            _purge_lookups(db, audience, max(limit, 0) * KEYS_A_LINK)
        return int(count)

    def check(self) -> None:
        """Prove the schema, the privileges and a round trip of bytes and integers; else ConfigurationError."""
        with self._file.transaction(ConfigurationError) as db:
            schema.prove(db)
            _prove_round_trip(db)
            db.rollback()

    def close(self) -> None:
        """Let go of files and connections; a later call is StoreError."""
        self._file.close()


def _first(rows: Sequence[tuple[object, ...]]) -> Record | None:
    return Record._make(rows[0]) if rows else None


def _bound(link_id: bytes, terms: Terms) -> dict[str, object]:
    """Bind the terms. Sums are made here: in SQLite one that passes 63 bits would become a rounded float."""
    return {
        "audience": terms.audience,
        "link_id": link_id,
        "purpose": terms.purpose,
        "now": terms.now,
        "issued_after": max(terms.now - terms.lifetime, -_LARGEST),
        "issued_until": min(terms.now + CLOCK_SKEW, _LARGEST),
        "max_uses": terms.max_uses,
        "stamp": terms.stamp,
        "attempt": terms.attempt,
        "reclick_after": max(terms.now - terms.reclick, -_LARGEST),
    }


def _rename(db: sqlite3.Connection, audience: str, renamed: Mapping[bytes, bytes]) -> None:
    for old, new in renamed.items():
        for statement in queries.rename(audience, old, new):
            db.execute(*statement)


def _add(db: sqlite3.Connection, records: Sequence[Record], now: int) -> bool:
    """Write records, as far as it goes, and tell whether it went: a reissue may come late, a link id be there."""
    numbered = _numbered(db, records)
    if numbered is None or db.executemany(statements.INSERT, numbered).rowcount < len(numbered):
        return False
    db.executemany(statements.LOOKUP, sorted(chain.from_iterable(map(lookup_keys.list_rows, numbered))))
    for record in numbered:
        if record.supersede == Supersede.ON_ISSUE:
            _supersede_replaced(db, record, now)
    return True


def _numbered(db: sqlite3.Connection, records: Sequence[Record]) -> list[Record] | None:
    """Return the records with their numbers and generations; None where one that came with them comes too late."""
    numbered: list[Record] = []
    for record in records:
        if record.number is None:
            enrolled = (record.audience, record.subject, record.link_id)
            [(number, generation)] = db.execute(statements.ENROL, enrolled).fetchall()
            numbered.append(record._replace(number=number, generation=generation))
        elif _is_next(db, record, numbered):
            numbered.append(record)
        else:
            return None
    return numbered


def _is_next(db: sqlite3.Connection, record: Record, before: Sequence[Record]) -> bool:
    """Return whether a reissue still follows the newest of its series, and its subject's generation is the same."""
    found = db.execute(*queries.newest(record.audience, [record.series])).fetchall()
    same = [other for other in before if (other.audience, other.series) == (record.audience, record.series)]
    newest = max((other.number or 0 for other in (*map(Record._make, found), *same)), default=0)
    enrolled = (record.audience, record.subject, record.number, record.link_id)
    [(generation,)] = db.execute(statements.ENROL_NUMBERED, enrolled).fetchall()
    return (record.number, record.generation) == (newest + 1, generation)


def _deliver(db: sqlite3.Connection, values: dict[str, object], now: int) -> None:
    db.execute(statements.DELIVER, values)
    record = _first(db.execute(statements.GET, values).fetchall())
    if record and record.supersede == Supersede.ON_DELIVERY and record.state_at(now) is State.OUTSTANDING:
        _supersede_replaced(db, record, now)


def _supersede_replaced(db: sqlite3.Connection, record: Record, now: int) -> None:
    if record.origin == Origin.RENEW:
        values = {"audience": record.audience, "link_id": record.parent, "now": now}
        db.execute(statements.SUPERSEDE, values)
    else:
        db.execute(*queries.supersede_older(record, now=now))


def _end(before: int) -> bytes:
    """Return the link id before which all have expired before an instant: it begins with the second after."""
    seconds = -(-before // 1_000_000)
    return max(seconds, 0).to_bytes(4, "big") if seconds < 2**32 else b"\xff" * 21


def _purge_lookups(db: sqlite3.Connection, audience: str, limit: int) -> None:
    """Forget names of the audience in buckets that have no link any more: all before its earliest link's."""
    [(earliest,)] = db.execute(statements.EARLIEST, {"audience": audience}).fetchall()
    dead = lookup_keys.derive_prefix(audience) + (
        lookup_keys.LAST if earliest is None else lookup_keys.number_period(earliest)
    )
    first = lookup_keys.derive_prefix(audience) + lookup_keys.FIRST
    values = {"first": first, "dead": dead, "limit": limit}
    found = db.execute(statements.PURGE_LOOKUPS_TO, values).fetchall()
    period, key, link_id = found[0] if found else (dead, b"", b"")
    db.execute(statements.PURGE_LOOKUPS, {"first": first, "period": period, "key": key, "link_id": link_id})


def _prove_round_trip(db: sqlite3.Connection) -> None:
    """Prove that records come back as they went in, and that text which differs in case alone is two texts."""
    for probe in (*SAMPLES, SAMPLE._replace(audience="Probe\0")):
        _add(db, [probe], 0)
        check_same(probe, _first(db.execute(statements.GET, probe._asdict()).fetchall()))
