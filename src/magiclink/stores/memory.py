"""The model in memory: the contract of `base.py` in its plainest form, and the reference for every other store.

For tests, and for an application that is one process. Several workers don't share it: each would have its own, and a
link used in one would work in the next. So a process that didn't make the store gets StoreError, a forked child too.
Nothing here is fast, and nothing outlives the process.
"""

from __future__ import annotations

import os
from contextlib import contextmanager
from threading import Lock
from typing import TYPE_CHECKING, NamedTuple

from ..errors import StoreError
from ..records import Origin, State, Supersede
from .base import HOUR, NOTES_A_LINK, Store
from .bindings import bind_hit, require_fields

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence

    from ..records import Note, Record, Selector, Terms


class _Subject(NamedTuple):
    generation: int = 0
    revoked_at: int | None = None
    reason: str = ""


class MemoryStore(Store):
    """Records in dictionaries under one lock. Raises StoreError after `close`, and in any process but its maker's."""

    def __init__(self) -> None:
        self._lock = Lock()
        self._process = os.getpid()
        self._closed = False
        self._records: dict[tuple[str, bytes], Record] = {}
        self._subjects: dict[tuple[str, str], _Subject] = {}
        self._notes: dict[tuple[str, bytes], list[Note]] = {}
        self._hits: dict[tuple[int, int, bytes], int] = {}

    def add(self, records: Sequence[Record], *, now: int, renamed: Mapping[bytes, bytes]) -> bool:
        with self._hold():
            kept = self._records.copy(), self._subjects.copy()
            self._rename({record.audience for record in records}, renamed)
            if all(self._write(record, now) for record in records):
                return True
            self._records, self._subjects = kept
            return False

    def newest(self, audience: str, subject: str, series: Sequence[bytes]) -> tuple[Record | None, int]:
        with self._hold():
            newest = max(self._list_series(audience, series), key=_get_number, default=None)
            generation = self._subjects.get((audience, subject), _Subject()).generation
            return newest and self._read(newest), generation

    def get(self, audience: str, link_id: bytes) -> Record | None:
        with self._hold():
            return self._look_up(audience, link_id)

    def consume(self, link_id: bytes, terms: Terms) -> Record | None:
        with self._hold():
            record = self._look_up(terms.audience, link_id)
            if record is None or not terms.met_by(record):
                return None
            if terms.ends_others:
                self._supersede(self._list_others(record, terms.now), terms.now)
            used = record._replace(
                uses=record.uses + 1,
                first_used_at=terms.now if record.first_used_at is None else record.first_used_at,
                last_used_at=terms.now,
                attempt=terms.attempt,
            )
            return self._keep(used)

    def mark_delivered(self, audience: str, link_ids: Sequence[bytes], *, now: int) -> None:
        with self._hold():
            for link_id in link_ids:
                record = self._records.get((audience, link_id))
                if record is not None:
                    self._deliver(record, now)

    def find(self, selector: Selector, *, limit: int, after: bytes | None = None) -> Sequence[Record]:
        with self._hold():
            found = sorted((r for r in self._records.values() if selector.matches(r)), key=_get_age, reverse=True)
            if after is not None:
                last = self._records.get((selector.audience, after))
                found = [record for record in found if last is not None and _get_age(record) < _get_age(last)]
            return [self._read(record) for record in found[:limit]]

    def revoke(self, audience: str, link_id: bytes, *, now: int, reason: str) -> Record | None:
        with self._hold():
            record = self._look_up(audience, link_id)
            return record and self._revoke(record, now, reason)

    def revoke_matching(self, selector: Selector, *, now: int, reason: str) -> None:
        require_fields(selector)
        with self._hold():
            for record in [r for r in self._records.values() if selector.matches(r)]:
                self._revoke(self._read(record), now, reason)

    def revoke_subject(self, audience: str, subject: str, *, now: int, reason: str) -> None:
        with self._hold():
            known = self._subjects.get((audience, subject))
            if known is not None:
                self._subjects[audience, subject] = _Subject(known.generation + 1, now, reason)

    def hit(self, limit_key: bytes, *, now: int, limit: int, window: int) -> int | None:
        bound = bind_hit(limit_key, now=now, limit=limit, window=window)
        ends_at = int(bound["ends_at"])
        with self._hold():
            self._hits = {key: count for key, count in self._hits.items() if key[0] >= int(bound["ended"])}
            hits = self._hits.get((ends_at, window, limit_key), 0)
            if hits >= limit:
                return ends_at
            self._hits[ends_at, window, limit_key] = hits + 1
            return None

    def count_attempt(self, audience: str, link_id: bytes, *, now: int, limit: int) -> Record | None:
        with self._hold():
            record = self._look_up(audience, link_id)
            if record is None or record.state_at(now) is not State.OUTSTANDING or record.attempts >= limit:
                return None
            return self._keep(record._replace(attempts=record.attempts + 1))

    def note(self, note: Note) -> None:
        with self._hold():
            if (note.audience, note.link_id) not in self._records:
                return
            kept = self._notes.setdefault((note.audience, note.link_id), [])
            again = any(old.kind == note.kind and old.at // HOUR == note.at // HOUR for old in kept)
            if not again and len(kept) < NOTES_A_LINK:
                kept.append(note)

    def notes(self, audience: str, link_ids: Sequence[bytes]) -> Sequence[Note]:
        with self._hold():
            kept = [note for link_id in dict.fromkeys(link_ids) for note in self._notes.get((audience, link_id), ())]
            return sorted(kept, key=lambda note: note.at)

    def purge(self, audience: str, *, before: int, limit: int) -> int:
        with self._hold():
            past = [r for r in self._records.values() if r.audience == audience and r.expires_at < before]
            purged = sorted(past, key=lambda record: (record.expires_at, record.link_id))[:limit]
            for record in purged:
                del self._records[audience, record.link_id]
                self._notes.pop((audience, record.link_id), None)
            self._forget_subjects({(audience, record.subject) for record in purged})
            return len(purged)

    def check(self) -> None:
        with self._hold():
            pass

    def close(self) -> None:
        self._closed = True

    @contextmanager
    def _hold(self) -> Iterator[None]:
        # Checked before the lock, which a thread of the parent may have held at the fork: nobody would ever release it.
        if self._closed or os.getpid() != self._process:
            raise StoreError(
                "a MemoryStore serves the process that made it, until it is closed: several share a SQLiteStore"
            )
        with self._lock:
            yield

    def _read(self, record: Record) -> Record:
        subject = self._subjects[record.audience, record.subject]
        if record.revoked_at is not None or record.generation == subject.generation:
            return record
        return record._replace(revoked_at=subject.revoked_at, revoke_reason=subject.reason)

    def _look_up(self, audience: str, link_id: bytes) -> Record | None:
        record = self._records.get((audience, link_id))
        return record and self._read(record)

    def _keep(self, record: Record) -> Record:
        self._records[record.audience, record.link_id] = record
        return record

    def _list_series(self, audience: str, names: Sequence[bytes]) -> list[Record]:
        return [r for r in self._records.values() if r.audience == audience and r.series in names]

    def _rename(self, audiences: Collection[str], renamed: Mapping[bytes, bytes]) -> None:
        for record in [r for r in self._records.values() if r.audience in audiences]:
            series = renamed.get(record.series, record.series)
            recipient = record.recipient and renamed.get(record.recipient, record.recipient)
            self._keep(record._replace(series=series, recipient=recipient))

    def _write(self, record: Record, now: int) -> bool:
        subject = self._subjects.setdefault((record.audience, record.subject), _Subject())
        number = 1 + max(map(_get_number, self._list_series(record.audience, [record.series])), default=0)
        if record.number is None:
            record = record._replace(number=number, generation=subject.generation)
        known = (record.audience, record.link_id) in self._records
        if known or (record.number, record.generation) != (number, subject.generation):
            return False
        self._keep(record)
        if record.supersede == Supersede.ON_ISSUE:
            self._supersede(self._list_replaced(record), now)
        return True

    def _deliver(self, record: Record, now: int) -> None:
        ends = record.supersede == Supersede.ON_DELIVERY and self._read(record).state_at(now) is State.OUTSTANDING
        if record.delivered_at is None:
            self._keep(record._replace(delivered_at=now))
        if ends:
            self._supersede(self._list_replaced(record), now)

    def _list_replaced(self, record: Record) -> list[Record]:
        if record.origin == Origin.RENEW:
            return [r for r in self._records.values() if (r.audience, r.link_id) == (record.audience, record.parent)]
        return [r for r in self._list_series(record.audience, [record.series]) if _get_number(r) < _get_number(record)]

    def _list_others(self, used: Record, now: int) -> list[Record]:
        return [
            r
            for r in self._records.values()
            if (r.audience, r.purpose, r.subject, r.recipient)
            == (used.audience, used.purpose, used.subject, used.recipient)
            and r.link_id != used.link_id
            and self._read(r).state_at(now) is State.OUTSTANDING
        ]

    def _supersede(self, records: Iterable[Record], now: int) -> None:
        for record in records:
            if record.superseded_at is None and self._read(record).revoked_at is None:
                self._keep(record._replace(superseded_at=now))

    def _revoke(self, record: Record, now: int, reason: str) -> Record:
        if record.revoked_at is not None:
            return record
        return self._keep(record._replace(revoked_at=now, revoke_reason=reason))

    def _forget_subjects(self, subjects: Iterable[tuple[str, str]]) -> None:
        living = {(record.audience, record.subject) for record in self._records.values()}
        for subject in subjects:
            if subject not in living:
                del self._subjects[subject]


def _get_number(record: Record) -> int:
    return record.number or 0


def _get_age(record: Record) -> tuple[int, bytes]:
    return record.issued_at, record.link_id
