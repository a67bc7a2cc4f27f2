"""Races, broken: stores that read, give way, and write what they have made of what they read.

Each gives way at a barrier or an event instead of by luck, so that the contract's races lose here every time.
"""

# ruff: noqa: D102 - a broken method is told by its class.

from __future__ import annotations

from contextlib import suppress
from threading import Barrier, BrokenBarrierError, Event, current_thread, main_thread
from typing import TYPE_CHECKING

from magiclink.stores.memory import MemoryStore
from magiclink.testing.contract.racing import Racing

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from magiclink.records import Record, Terms

TIMEOUT = 2.0
"""How many seconds a thread waits for another that must come."""


class GivesWay(MemoryStore):
    """Has a place between reading and writing where threads meet."""

    meet = 2

    def __init__(self) -> None:
        super().__init__()
        self.gap = Barrier(self.meet)

    def give_way(self) -> None:
        """Wait until the others have read too; alone, nobody is waited for."""
        if current_thread() is not main_thread():
            with suppress(BrokenBarrierError):
                self.gap.wait(TIMEOUT)


class ReadsThenUses(GivesWay):
    """Asks the terms, and writes the use later."""

    def consume(self, link_id: bytes, terms: Terms) -> Record | None:
        record = self.get(terms.audience, link_id)
        if record is None or not terms.met_by(record):
            return None
        self.give_way()
        others = self._list_others(record, terms.now) if terms.ends_others else []
        self._supersede(others, terms.now)
        return self._keep(record._replace(uses=record.uses + 1, last_used_at=terms.now))


class ReadsThenAdds(GivesWay):
    """Decides on a copy what may be written, and copies it back later."""

    def add(self, records: Sequence[Record], *, now: int, renamed: Mapping[bytes, bytes]) -> bool:
        draft, before = MemoryStore(), self._records.copy()
        draft._records, draft._subjects = before.copy(), self._subjects.copy()
        written = draft.add(records, now=now, renamed=renamed)
        self.give_way()
        self._subjects = draft._subjects
        self._records.update({key: new for key, new in draft._records.items() if before.get(key) != new})
        return written


class ReadsThenCounts(GivesWay):
    """Compares with the limit, and counts later."""

    def hit(self, limit_key: bytes, *, now: int, limit: int, window: int) -> int | None:
        key = now, window, limit_key
        taken = self._hits.get(key, 0)
        self.give_way()
        self._hits[key] = taken + 1
        return None if taken < limit else now + window

    def count_attempt(self, audience: str, link_id: bytes, *, now: int, limit: int) -> Record | None:
        record = self._look_up(audience, link_id)
        self.give_way()
        tried = record is not None and record.attempts < limit
        return self._keep(record._replace(attempts=record.attempts + 1)) if record and tried else None


class ReadsThenForgets(GivesWay):
    """Looks for what has expired, and forgets it later."""

    def purge(self, audience: str, *, before: int, limit: int) -> int:
        gone = [
            key for key, old in self._records.copy().items() if old.audience == audience and old.expires_at < before
        ]
        self.give_way()
        for key in gone:
            self._records.pop(key, None)
        return len(gone)


class DeliversWhole(GivesWay):
    """Writes a whole link back to say that it was delivered."""

    meet = 4

    def mark_delivered(self, audience: str, link_ids: Sequence[bytes], *, now: int) -> None:
        before = self._records[audience, link_ids[0]]
        self.give_way()
        super().mark_delivered(audience, link_ids, now=now)
        self.give_way()
        self._keep(before._replace(delivered_at=now))


class WritesLate(MemoryStore):
    """Has events by which a slow writer waits until others have come and gone."""

    def __init__(self) -> None:
        super().__init__()
        self.has_read, self.was_ended, self.was_used, self.was_added = Event(), Event(), Event(), Event()


class DeliversLate(WritesLate):
    """Writes a whole link back when it has been revoked meanwhile."""

    def mark_delivered(self, audience: str, link_ids: Sequence[bytes], *, now: int) -> None:
        before = self._records[audience, link_ids[0]]
        self.has_read.set()
        self.was_ended.wait(TIMEOUT)
        self._keep(before._replace(delivered_at=now))

    def revoke(self, audience: str, link_id: bytes, *, now: int, reason: str) -> Record | None:
        self.has_read.wait(TIMEOUT)
        revoked = super().revoke(audience, link_id, now=now, reason=reason)
        self.was_ended.set()
        return revoked


class UsesLate(WritesLate):
    """Writes a use that it allowed before a revocation when that has returned, and been looked at."""

    def consume(self, link_id: bytes, terms: Terms) -> Record | None:
        record = self.get(terms.audience, link_id)
        if record is None or not terms.met_by(record):
            return None
        self.has_read.set()
        self.was_used.wait(TIMEOUT)
        return self._keep(self._records[terms.audience, link_id]._replace(uses=1))

    def get(self, audience: str, link_id: bytes) -> Record | None:
        record = super().get(audience, link_id)
        if self.was_ended.is_set():
            self.was_used.set()
        return record

    def revoke(self, audience: str, link_id: bytes, *, now: int, reason: str) -> Record | None:
        self.has_read.wait(TIMEOUT)
        self.has_read.wait(TIMEOUT)
        revoked = super().revoke(audience, link_id, now=now, reason=reason)
        self.was_ended.set()
        return revoked

    def revoke_subject(self, audience: str, subject: str, *, now: int, reason: str) -> None:
        self.has_read.wait(TIMEOUT)
        super().revoke_subject(audience, subject, now=now, reason=reason)
        self.was_ended.set()


class ReissuesLate(WritesLate):
    """Asks a reissue for its generation, and writes it later in the generation that is then."""

    def add(self, records: Sequence[Record], *, now: int, renamed: Mapping[bytes, bytes]) -> bool:
        if records[0].number is None:
            return super().add(records, now=now, renamed=renamed)
        self.has_read.set()
        self.was_ended.wait(TIMEOUT)
        return super().add([record._replace(number=None, generation=None) for record in records], now=now, renamed={})

    def revoke_subject(self, audience: str, subject: str, *, now: int, reason: str) -> None:
        self.has_read.wait(TIMEOUT)
        super().revoke_subject(audience, subject, now=now, reason=reason)
        self.was_ended.set()


class ForgetsLate(WritesLate):
    """Copies what it keeps, and puts the copy in the place of what was written meanwhile."""

    def purge(self, audience: str, *, before: int, limit: int) -> int:
        kept = {key: old for key, old in self._records.copy().items() if old.expires_at >= before}
        self.has_read.set()
        self.was_used.wait(TIMEOUT)
        gone = super().purge(audience, before=before, limit=limit)
        self._records = kept
        return gone

    def consume(self, link_id: bytes, terms: Terms) -> Record | None:
        self.has_read.wait(TIMEOUT)
        used = super().consume(link_id, terms)
        self.was_used.set()
        return used


BROKEN: dict[type[MemoryStore], str] = {
    ReadsThenUses: "one_use three_uses three_uses_of_a_policy any_number_of_uses links_that_end_each_other",
    ReadsThenAdds: "reissues_racing issues_racing same_link_id_racing",
    ReadsThenCounts: "hits_racing attempts_racing",
    ReadsThenForgets: "purges_racing",
    DeliversWhole: "deliveries_racing",
    DeliversLate: "late_writers_racing",
    UsesLate: "use_racing_revoke use_racing_revoke_subject",
    ReissuesLate: "reissue_racing_revoke_subject",
    ForgetsLate: "purge_racing_use",
}


def test_broken_store(broken: type[MemoryStore], name: str, fails: Callable[[type[MemoryStore], str], bool]) -> None:
    """A store that breaks a rule fails the contract's test of it; the same store unbroken doesn't."""
    assert fails(broken, name)
    assert not fails(MemoryStore, name)


def test_every_test_can_fail() -> None:
    """Each test of this part of the contract is failed by some broken store."""
    named = {f"test_{name}" for names in BROKEN.values() for name in names.split()}
    assert named == {name for name in vars(Racing) if name.startswith("test_")}
